/**
 * For how long something has been found again and again. Two findings with a long gap between them are two streaks: nobody
 * looked meanwhile, so nobody knows whether it was so all the time.
 */
export interface Streak {
  readonly since: number;
  readonly last: number;
}

/** It was found once more. */
export function found(streak: Streak | null, { now, gapMsMax }: { now: number; gapMsMax: number }): Streak {
  const isNew = streak === null || now - streak.last > gapMsMax;
  return { since: isNew ? now : streak.since, last: now };
}
