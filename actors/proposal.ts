/** The life of a proposal, SPEC V4. Every event is a ledger event. */
import { setup } from 'xstate';
import { proposalGuards, type ProposalEvent } from '../src/domain/apply-proposal.ts';

export const proposalMachine = setup({
  types: { events: {} as ProposalEvent },
  guards: {
    isApproved: ({ event }) => event.type === 'proposal.decided' && proposalGuards.isApproved(event),
    isRejected: ({ event }) => event.type === 'proposal.decided' && proposalGuards.isRejected(event),
    isWithdrawn: ({ event }) => event.type === 'proposal.decided' && proposalGuards.isWithdrawn(event),
  },
}).createMachine({
  id: 'proposal',
  initial: 'unborn',
  states: {
    unborn: { on: { 'proposal.opened': 'open' } },
    open: {
      description:
        'Ballots are counted until the outcome cannot change, nobody is left to vote, or the deadline.',
      on: {
        'ballot.cast': {},
        'proposal.decided': [
          { guard: 'isApproved', target: 'approved' },
          { guard: 'isRejected', target: 'rejected' },
          { guard: 'isWithdrawn', target: 'withdrawn' },
          { target: 'expired' },
        ],
      },
    },
    approved: { type: 'final' },
    rejected: { type: 'final' },
    expired: { description: 'Too few took part.', type: 'final' },
    withdrawn: { description: 'The task that waited for it was cancelled.', type: 'final' },
  },
});
