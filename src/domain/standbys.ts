/**
 * Who follows the ledger beside the leader: DESIGN §3, soft state. The best by score, but whoever stands by already
 * stays unless it is gone or clearly outranked: loads go up and down all the time, and each change makes one agent
 * catch up with the ledger.
 */
import type { Candidate } from './events.ts';
import { outranks } from './score.ts';

export interface Eligible extends Candidate {
  readonly priority: number;
  /** Takes a place that nobody else wants, and gives it up to anybody. */
  readonly isDraining: boolean;
  /** Stands by already. */
  readonly isStandby: boolean;
}

/** Health and load move the score of an agent that is well by less than this. */
const SCORE_MARGIN = 1;

/** At most `max` of them, best first. */
export function chooseStandbys(eligible: readonly Eligible[], max: number): Eligible[] {
  const inOrder = [...eligible].sort(byWorth);
  const chosen = inOrder.filter(({ isStandby }) => isStandby).slice(0, max);
  for (const other of inOrder.filter((each) => !chosen.includes(each))) {
    const worst = chosen.at(-1);
    if (chosen.length >= max) {
      if (worst === undefined || !isClearlyBetter(other, worst)) continue;
      chosen.pop();
    }
    chosen.push(other);
    chosen.sort(byWorth);
  }
  return chosen;
}

function byWorth(a: Eligible, b: Eligible): number {
  if (a.isDraining !== b.isDraining) return a.isDraining ? 1 : -1;
  return outranks(a, b) ? -1 : outranks(b, a) ? 1 : 0;
}

/** A higher priority is somebody's wish; a better score alone may be gone with the next task. */
function isClearlyBetter(a: Eligible, b: Eligible): boolean {
  if (a.isDraining || b.isDraining) return b.isDraining && !a.isDraining;
  return a.score - b.score > SCORE_MARGIN || (a.priority > b.priority && a.score > b.score);
}
