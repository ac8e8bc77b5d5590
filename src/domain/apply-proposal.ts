/** How ledger events change proposals. */
import { assert, assertNever, present } from './assert.ts';
import { ballotBytes, proposalBytes } from './bytes.ts';
import type { EventOf } from './events.ts';
import { isGate, type Ballot, type FleetState, type ProposalStatus } from './state.ts';
import { follow, type Chart, type EventGuards } from './transitions.ts';

export type ProposalEvent = EventOf<'proposal.opened' | 'ballot.cast' | 'proposal.decided'>;

export const proposalGuards = {
  isApproved: (event: EventOf<'proposal.decided'>) => event.outcome === 'approved',
  isRejected: (event: EventOf<'proposal.decided'>) => event.outcome === 'rejected',
  isWithdrawn: (event: EventOf<'proposal.decided'>) => event.outcome === 'withdrawn',
} satisfies EventGuards;

export function applyProposal(state: FleetState, event: ProposalEvent, chart: Chart): void {
  const id = event.type === 'proposal.opened' ? event.proposal.id : event.id;
  const known = state.proposals.get(id);
  const from = { what: `proposal ${id}`, status: known?.status ?? chart.initial };
  const status = follow(chart, proposalGuards, from, event) as ProposalStatus;
  switch (event.type) {
    case 'proposal.opened': {
      const ballots = new Map<string, Ballot>();
      const bytes = proposalBytes({ spec: event.proposal, ballots });
      state.proposals.set(id, {
        spec: event.proposal,
        openedAt: state.at,
        status,
        decidedAt: null,
        ballots,
        bytes,
      });
      state.bytes.kept += bytes;
      state.proposalsCreated += 1;
      state.counts.proposals[status] += 1;
      break;
    }
    case 'ballot.cast': {
      const proposal = present(known, from.what);
      const { ballots } = proposal;
      assert(!ballots.has(event.voter), `${event.voter} votes twice on ${id}`);
      ballots.set(event.voter, { decision: event.decision, reason: event.reason, at: state.at });
      const bytes = ballotBytes(event.voter, event.reason);
      proposal.bytes += bytes;
      state.bytes.kept += bytes;
      break;
    }
    case 'proposal.decided': {
      const proposal = present(known, from.what);
      state.counts.proposals[proposal.status] -= 1;
      state.counts.proposals[status] += 1;
      proposal.status = status;
      proposal.decidedAt = state.at;
      state.counts.decisions[event.outcome] += 1;
      if (isGate(state, proposal)) break;
      state.decided.add(id);
      state.bytes.decided += proposal.bytes;
      break;
    }
    default:
      assertNever(event);
  }
}
