/**
 * Who is late and who is silent, as arithmetic over `now`: SPEC A5, DESIGN §6. Counted in multiples of the
 * interval that the member's own last beat announced, so a member that beats slower is not suspected for it.
 */
import type { Settings } from './settings.ts';

export interface Hearing {
  /** When the member was last heard, or was given a full timeout. */
  readonly lastHeardAt: number;
  readonly intervalMs: number;
  /** Since when the broker says that nobody is there; null: it does not say so. */
  readonly unreachableSince: number | null;
}

/** What is known of the way to a member: beats say nothing of it. */
export interface Reach {
  /** Since when what was sent to its inbox has not been answered; null: the last was, or nothing was sent. */
  readonly unansweredSince: number | null;
}

/** Its inbox has been silent for too long. */
export function isDeaf(
  { unansweredSince }: Reach,
  now: number,
  { inboxSilenceMs }: Pick<Settings, 'inboxSilenceMs'>,
): boolean {
  return unansweredSince !== null && now - unansweredSince >= inboxSilenceMs;
}

export type Verdict = 'fresh' | 'late' | 'silent';

export function judge(
  hearing: Hearing,
  now: number,
  settings: Pick<Settings, 'suspectAfterIntervals' | 'deadAfterIntervals' | 'unreachableMs'>,
): Verdict {
  const silence = now - hearing.lastHeardAt;
  if (silence >= settings.deadAfterIntervals * hearing.intervalMs) return 'silent';
  if (hearing.unreachableSince !== null) {
    return now - hearing.unreachableSince >= settings.unreachableMs ? 'silent' : 'late';
  }
  return silence >= settings.suspectAfterIntervals * hearing.intervalMs ? 'late' : 'fresh';
}
