/**
 * Who tries to lead: the bully algorithm over NATS (Garcia-Molina, "Elections in a Distributed Computing System",
 * 1982), SPEC E2. It decides nothing about safety: whoever claims still has to win the ledger's compare-and-set.
 *
 * A candidate that knows everybody's score and ranks first claims at once. Any other waits its rank's delay,
 * announces itself, and gives better ones a window to answer; a better one that answers stands itself.
 */
import { assign, setup } from 'xstate';
import type { ElectionCause } from '../src/domain/events.ts';

export type ElectionEvent =
  /** The leader is gone, silent, has resigned or handed over; or somebody asks for an election. */
  | { readonly type: 'vacancy'; readonly cause: ElectionCause; readonly now: number }
  /** The leader answered a probe, or an entry of its term came. */
  | { readonly type: 'leader.alive' }
  /** Another agent stands. */
  | { readonly type: 'candidacy'; readonly from: string; readonly isBetter: boolean; readonly now: number }
  /** A better agent says that it stands too. */
  | { readonly type: 'answer'; readonly from: string }
  /** A newer term-start is in the ledger, and it is not ours. */
  | { readonly type: 'term.started' }
  | { readonly type: 'claim.won' }
  | { readonly type: 'claim.lost' }
  /** Our term is over. */
  | { readonly type: 'term.over' }
  | { readonly type: 'resign' }
  /** Others stand by. */
  | { readonly type: 'dismissed' }
  /** It is to stand by; or nobody is heard any more who leads. */
  | { readonly type: 'called' };

export interface ElectionContext {
  cause: ElectionCause;
  /** Monotonic time at which the vacancy was noticed. */
  since: number;
  /** Better agents that answered and then did not claim in time: ignored in this election. */
  ignored: readonly string[];
  deferredTo: string | null;
}

export const electionMachine = setup({
  types: { context: {} as ElectionContext, events: {} as ElectionEvent },
  guards: {
    /** Caught up, able to append, electable, not draining. */
    canLead: () => true,
    /** Hears everybody who may stand, and outranks them. */
    isKnownBest: () => false,
    isIgnored: ({ context, event }) =>
      (event.type === 'candidacy' || event.type === 'answer') && context.ignored.includes(event.from),
    isBetterAndNotIgnored: ({ context, event }) =>
      event.type === 'candidacy' && event.isBetter && !context.ignored.includes(event.from),
  },
  actions: {
    announceCandidacy: () => undefined,
    /** Tell a weaker candidate that we stand. */
    answer: () => undefined,
    /** Hand the claim to the coordinator. */
    claim: (_, _params: { cause: ElectionCause; since: number }) => undefined,
    announceVictory: () => undefined,
    /** Hand the wish to the coordinator. */
    resign: () => undefined,
    /** Stop following the ledger and hearing heartbeats. */
    sleep: () => undefined,
    /** Follow, hear and watch again. */
    wake: () => undefined,
    noteVacancy: assign(({ event }) =>
      event.type === 'vacancy' ? { cause: event.cause, since: event.now, ignored: [], deferredTo: null } : {},
    ),
    noteDeferral: assign(({ event }) =>
      event.type === 'answer' || event.type === 'candidacy' ? { deferredTo: event.from } : {},
    ),
    ignoreDeferredTo: assign(({ context }) =>
      context.deferredTo === null ? {} : { ignored: [...context.ignored, context.deferredTo] },
    ),
  },
  delays: { candidacyDelay: 0, answerWindow: 0, claimWindow: 0 },
}).createMachine({
  id: 'election',
  context: { cause: 'start', since: 0, ignored: [], deferredTo: null },
  initial: 'follower',
  states: {
    follower: {
      description: 'Somebody else leads, or nobody has been missed yet.',
      on: {
        vacancy: { guard: 'canLead', target: 'campaigning', actions: 'noteVacancy' },
        dismissed: 'dormant',
      },
    },
    dormant: {
      description: 'Could lead, and need not: enough others stand by.',
      entry: 'sleep',
      exit: 'wake',
      on: { called: 'follower' },
    },
    campaigning: {
      initial: 'delaying',
      on: {
        'leader.alive': 'follower',
        'term.started': 'follower',
        answer: [{ guard: 'isIgnored' }, { target: 'deferring', actions: 'noteDeferral' }],
        candidacy: [
          { guard: 'isBetterAndNotIgnored', target: 'deferring', actions: 'noteDeferral' },
          { guard: 'isIgnored' },
          { actions: 'answer' },
        ],
      },
      states: {
        delaying: {
          description: 'The better the rank, the shorter: the best claims first and nobody stampedes.',
          after: { candidacyDelay: 'standing' },
        },
        standing: {
          entry: 'announceCandidacy',
          always: { guard: 'isKnownBest', target: '#election.claiming' },
          after: { answerWindow: '#election.claiming' },
        },
      },
    },
    deferring: {
      description: 'A better one stands. If it does not claim in time it is ignored.',
      on: { 'leader.alive': 'follower', 'term.started': 'follower' },
      after: { claimWindow: { target: 'campaigning', actions: 'ignoreDeferredTo' } },
    },
    claiming: {
      entry: { type: 'claim', params: ({ context }) => ({ cause: context.cause, since: context.since }) },
      on: { 'claim.won': 'leading', 'claim.lost': 'follower' },
    },
    leading: {
      entry: 'announceVictory',
      on: {
        'term.over': 'follower',
        candidacy: { actions: 'announceVictory' },
        resign: { target: 'resigning', actions: 'resign' },
      },
    },
    resigning: {
      on: { 'term.over': 'follower' },
    },
  },
});
