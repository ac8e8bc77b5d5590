/** Many small steps of one long piece of work: a few at a time, in order of their beginnings, within a time limit. */
import type { Unavailable } from './snapshot-parts.ts';

/** Under way at once: the round trips overlap, and a slow link is not flooded. */
const lanesMax = 4;
/** A save or a load that takes longer is given up. */
const snapshotTimeoutMs = 120_000;

/** Runs `step` for each index from 0 on, until one has a problem. The first problem, or null. */
export async function inLanes<P>(
  count: number,
  step: (index: number) => Promise<P | null>,
): Promise<P | null> {
  let next = 0;
  const problems: P[] = [];
  const lane = async (): Promise<void> => {
    while (problems.length === 0 && next < count) {
      const problem = await step(next++);
      if (problem !== null) problems.push(problem);
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, lanesMax) }, lane));
  return problems[0] ?? null;
}

/** Says so once the time for one save or one load is over. */
export function deadlineOf(): () => Unavailable | null {
  const untilMs = performance.now() + snapshotTimeoutMs;
  return () => {
    if (performance.now() < untilMs) return null;
    return { kind: 'unavailable', reason: `not done within ${snapshotTimeoutMs} ms` };
  };
}
