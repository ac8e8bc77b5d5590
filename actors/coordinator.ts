/**
 * The leader's life, DESIGN §3: from a claim to the last entry of a term. The ledger decides every step; this
 * chart only knows what the ledger has said. In whichever agent reaches `leading`, the tasks' and proposals'
 * lifecycles are decided; it is the only one that appends.
 */
import { assign, setup } from 'xstate';
import type { Candidate, ElectionCause, HandoverReason } from '../src/domain/events.ts';

export interface Claim {
  readonly cause: ElectionCause;
  readonly candidates: readonly Candidate[];
  /** Monotonic time of the suspicion or request that the claim goes back to. */
  readonly since: number;
}

export type CoordinatorEvent =
  | { readonly type: 'claim'; readonly claim: Claim }
  /** Everything that the stream held has been applied. */
  | { readonly type: 'caughtUp' }
  | { readonly type: 'catchUp.failed' }
  /** The slot holds our own term-start, or handover. */
  | { readonly type: 'append.committed' }
  /** The slot holds somebody else's entry: whoever wrote it leads now. */
  | { readonly type: 'append.foreign' }
  /** The slot's content could not be learned in time; our bytes may still land in it. */
  | { readonly type: 'append.unresolved' }
  | { readonly type: 'resign'; readonly reason: HandoverReason };

export const coordinatorMachine = setup({
  types: { context: {} as { claim: Claim | null }, events: {} as CoordinatorEvent },
  actions: {
    /** Read the stream's last sequence from its leader and apply what is missing. */
    catchUp: () => undefined,
    /** Compare-and-set the term-start into the next slot. */
    appendTermStart: (_, _params: { claim: Claim | null }) => undefined,
    claimLost: () => undefined,
    /** Answer requests, place tasks, watch members, send what the state asks for. */
    takeOffice: () => undefined,
    /** Append the handover as the last entry of this term. */
    appendHandover: (_, _params: { reason: HandoverReason }) => undefined,
    /** Stop every effect, drop what was not acknowledged, follow the ledger again. */
    leaveOffice: () => undefined,
  },
}).createMachine({
  id: 'coordinator',
  context: { claim: null },
  initial: 'standby',
  states: {
    standby: {
      description: 'Follows the ledger.',
      on: {
        claim: {
          target: 'catchingUp',
          actions: assign({ claim: ({ event }) => event.claim }),
        },
      },
    },
    catchingUp: {
      entry: 'catchUp',
      on: {
        caughtUp: 'claiming',
        'catchUp.failed': { target: 'standby', actions: 'claimLost' },
      },
    },
    claiming: {
      description: 'The term-start is under way.',
      entry: { type: 'appendTermStart', params: ({ context }) => ({ claim: context.claim }) },
      on: {
        'append.committed': 'office',
        'append.foreign': { target: 'standby', actions: 'claimLost' },
        'append.unresolved': { target: 'standby', actions: 'claimLost' },
      },
    },
    office: {
      initial: 'leading',
      entry: 'takeOffice',
      exit: 'leaveOffice',
      on: { 'append.foreign': 'standby', 'append.unresolved': 'standby' },
      states: {
        leading: {
          description: 'The only one whose appends the ledger takes.',
          on: {
            resign: {
              target: 'resigning',
              actions: { type: 'appendHandover', params: ({ event }) => ({ reason: event.reason }) },
            },
          },
        },
        resigning: {
          description: 'The handover is the last entry; nothing is decided any more.',
          on: { 'append.committed': '#coordinator.standby' },
        },
      },
    },
  },
});
