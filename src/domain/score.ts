/** Who should lead: SPEC E1. Score = priority + health − load; equal scores: the smallest id. */
import type { Candidate } from './events.ts';

export function scoreOf(of: { priority: number; health: number; load: number }): number {
  return of.priority + of.health - of.load;
}

/** Whether `a` comes before `b` in line for leading. */
export function outranks(a: Candidate, b: Candidate): boolean {
  return a.score === b.score ? a.id < b.id : a.score > b.score;
}

/** Best first. */
export function ranked(candidates: readonly Candidate[]): Candidate[] {
  return [...candidates].sort((a, b) => (outranks(a, b) ? -1 : outranks(b, a) ? 1 : 0));
}
