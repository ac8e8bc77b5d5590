/**
 * An agent as the leader sees it, SPEC A5. Joining, leaving, draining and death are ledger events and move every
 * replica; suspicion is the leader's own, from beats and probes, and moves only its live actors.
 */
import { setup } from 'xstate';
import type { MemberEvent } from '../src/domain/apply-member.ts';

export type LivenessEvent =
  /** A beat is late, or the broker says that nobody is there. */
  | { readonly type: 'missed' }
  | { readonly type: 'answered' }
  /** Silent until the timeout. */
  | { readonly type: 'silent' };

export const memberMachine = setup({
  types: { events: {} as MemberEvent | LivenessEvent },
  actions: {
    /** Ask it whether it is there, on the subject that carries assignments. */
    probe: () => undefined,
    /** Put its death into the ledger. */
    declareDead: () => undefined,
  },
}).createMachine({
  id: 'member',
  initial: 'unknown',
  states: {
    unknown: { on: { 'member.joined': 'present' } },
    present: {
      initial: 'alive',
      on: {
        'member.updated': {},
        'member.left': 'left',
        'member.died': 'dead',
        silent: { actions: 'declareDead' },
      },
      states: {
        alive: { on: { 'member.draining': 'draining', missed: 'suspect' } },
        suspect: {
          description: 'Still a member; its work is not touched.',
          entry: 'probe',
          on: { answered: 'alive', 'member.draining': 'draining', missed: { actions: 'probe' } },
        },
        draining: {
          description: 'Finishes what it has and takes nothing new.',
          on: { missed: { actions: 'probe' }, 'member.resumed': 'alive' },
        },
      },
    },
    left: {
      on: { 'member.joined': 'present', 'member.forgotten': 'forgotten', 'member.removed': 'forgotten' },
    },
    dead: {
      on: { 'member.joined': 'present', 'member.forgotten': 'forgotten', 'member.removed': 'forgotten' },
    },
    forgotten: { type: 'final' },
  },
});
