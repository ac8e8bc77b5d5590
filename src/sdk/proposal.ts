/** Proposals as a client holds them. */
import type { Weighting } from '../domain/events.ts';
import type { ProposalsQuery } from '../wire/messages.ts';
import type { ProposalsPage, ProposalView } from '../wire/views.ts';

export interface ProposalInput {
  readonly type: string;
  readonly description?: string;
  readonly data?: unknown;
  readonly proposer?: string;
  /** Share of the electorate's weight that must take part. Default 0.5. */
  readonly quorum?: number;
  /** Default 30 s. */
  readonly timeoutMs?: number;
  readonly weighting?: Weighting;
  /** Names that may vote beside the members. */
  readonly voters?: readonly string[];
}

/** How a proposal came out; weights are thousandths of a vote. */
export interface ProposalResult {
  readonly id: string;
  readonly status: ProposalView['status'];
  readonly approved: boolean;
  readonly approve: number;
  readonly reject: number;
  readonly abstain: number;
  readonly notVoted: number;
  readonly approvalRate: number;
  readonly proposal: ProposalView;
}

/** Which proposals are listed, which part of them, and in which order; the oldest 50 of all, if it says nothing. */
export type ProposalFilter = Readonly<ProposalsQuery>;
export type ProposalPage = ProposalsPage;

export function resultFrom(proposal: ProposalView): ProposalResult {
  const { approve, reject, abstain, notVoted, approvalRate } = proposal.tally;
  return {
    id: proposal.id,
    status: proposal.status,
    approved: proposal.approved,
    approve: approve.weight,
    reject: reject.weight,
    abstain: abstain.weight,
    notVoted: notVoted.weight,
    approvalRate,
    proposal,
  };
}
