/**
 * The arithmetic of votes, SPEC V1–V5. Weights are whole thousandths, so no sum depends on order.
 * Participation = weight voted (all three decisions) / weight of the electorate.
 */
import type { Decision, Voter, VoteOutcome, Weighting } from './events.ts';

export interface Share {
  readonly weight: number;
  readonly count: number;
}

export interface Tally {
  readonly approve: Share;
  readonly reject: Share;
  readonly abstain: Share;
  readonly notVoted: Share;
  /** Weight that must take part. */
  readonly quorumWeight: number;
  readonly hasQuorum: boolean;
  /** approve / all ballots by weight; 0 without ballots. */
  readonly approvalRate: number;
}

/** Weight of one voter in thousandths. A negative priority weighs nothing. */
export function weightOf(weighting: Weighting, voter: { health: number; priority: number }): number {
  switch (weighting) {
    case 'equal':
      return 1_000;
    case 'health':
      return Math.round(voter.health * 1_000);
    case 'priority':
      return Math.max(0, Math.round(voter.priority * 1_000));
  }
}

export function tally(
  electorate: readonly Voter[],
  ballots: ReadonlyMap<string, { readonly decision: Decision }>,
  quorum: number,
): Tally {
  const sums = { approve: [0, 0], reject: [0, 0], abstain: [0, 0], notVoted: [0, 0] };
  for (const voter of electorate) {
    const sum = sums[ballots.get(voter.id)?.decision ?? 'notVoted'] as [number, number];
    sum[0] += voter.weight;
    sum[1] += 1;
  }
  const share = ([weight, count]: number[]): Share => ({ weight: weight ?? 0, count: count ?? 0 });
  const [approve, reject, abstain, notVoted] = [sums.approve, sums.reject, sums.abstain, sums.notVoted].map(
    share,
  ) as [Share, Share, Share, Share];
  const voted = approve.weight + reject.weight + abstain.weight;
  const quorumWeight = weightNeeded(quorum, voted + notVoted.weight);
  return {
    approve,
    reject,
    abstain,
    notVoted,
    quorumWeight,
    hasQuorum: voted > 0 && voted >= quorumWeight,
    approvalRate: voted === 0 ? 0 : approve.weight / voted,
  };
}

/** The least weight whose share is the quorum. Shares are compared, since the product is off: 0.07 × 100 > 7. */
function weightNeeded(quorum: number, total: number): number {
  const near = Math.ceil(quorum * total);
  return near > 0 && (near - 1) / total >= quorum ? near - 1 : near;
}

/** What the outcome would be if no further ballot came: V4. */
export function outcomeOf(counted: Tally): VoteOutcome {
  if (!counted.hasQuorum) return 'expired';
  return counted.approve.weight > counted.reject.weight ? 'approved' : 'rejected';
}

/** The outcome if no possible further ballot can change it, else null. */
export function settledOutcome(counted: Tally): VoteOutcome | null {
  if (!counted.hasQuorum) return null;
  const open = counted.notVoted.weight;
  if (counted.approve.weight > counted.reject.weight + open) return 'approved';
  if (counted.approve.weight + open <= counted.reject.weight) return 'rejected';
  return null;
}
