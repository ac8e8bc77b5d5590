/** A proposal for people: what it asks, how it stands, who voted what. */
import type { ProposalView } from '../index.ts';
import { ago, brief, colors, duration, factsOf, tableOf } from './output.ts';

export function proposalText(proposal: ProposalView, now = Date.now()): string {
  const { tally, deadlineAt, decidedAt, status } = proposal;
  const share = ({ weight, count }: { weight: number; count: number }): string =>
    `${votes(weight)} (${count} voters)`;
  const facts = factsOf([
    ['proposal', proposal.id],
    ['type', proposal.type],
    ['description', proposal.description],
    ['data', brief(proposal.data, 200)],
    ['proposer', proposal.proposer],
    ['status', statusText(status)],
    ['opened', ago(proposal.openedAt, now)],
    ['decided', decidedAt === null ? `in ${duration(deadlineAt - now)} at the latest` : ago(decidedAt, now)],
    ['task', proposal.task],
    ['approve', share(tally.approve)],
    ['reject', share(tally.reject)],
    ['abstain', share(tally.abstain)],
    ['not voted', share(tally.notVoted)],
    ['quorum', `${votes(tally.quorumWeight)} needed, ${tally.hasQuorum ? 'reached' : 'not reached'}`],
    ['approval rate', `${Math.round(tally.approvalRate * 100)} %`],
  ]);
  const ballots = new Map(proposal.ballots.map((ballot) => [ballot.voter, ballot]));
  const rows = proposal.electorate.map(({ id, weight }) => {
    const ballot = ballots.get(id);
    return [id, votes(weight), ballot?.decision, ballot?.reason];
  });
  return `${facts}\n\n${tableOf(['voter', 'weight', 'ballot', 'reason'], rows)}`;
}

/** Weights are whole thousandths. */
export function votes(weight: number): string {
  return String(weight / 1_000);
}

function statusText(status: string): string {
  if (status === 'approved') return colors.green(status);
  return status === 'open' || status === 'withdrawn' ? status : colors.red(status);
}
