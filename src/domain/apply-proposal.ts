/** How ledger events change proposals. */
import { assert, assertNever, present } from './assert.ts';
import type { EventOf } from './events.ts';
import { isGate, type FleetState, type ProposalStatus } from './state.ts';
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
    case 'proposal.opened':
      state.proposals.set(id, {
        spec: event.proposal,
        openedAt: state.at,
        status,
        decidedAt: null,
        ballots: new Map(),
      });
      state.proposalsCreated += 1;
      state.counts.proposals[status] += 1;
      break;
    case 'ballot.cast': {
      const { ballots } = present(known, from.what);
      assert(!ballots.has(event.voter), `${event.voter} votes twice on ${id}`);
      ballots.set(event.voter, { decision: event.decision, reason: event.reason, at: state.at });
      break;
    }
    case 'proposal.decided': {
      const proposal = present(known, from.what);
      state.counts.proposals[proposal.status] -= 1;
      state.counts.proposals[status] += 1;
      proposal.status = status;
      proposal.decidedAt = state.at;
      state.counts.decisions[event.outcome] += 1;
      if (!isGate(state, proposal)) state.decided.add(id);
      break;
    }
    default:
      assertNever(event);
  }
}
