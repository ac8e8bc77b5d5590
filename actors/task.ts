/**
 * The life of a task, SPEC T4. Every event is a ledger event: the chart moves when the ledger says so.
 * This is the one definition; the hot path uses the table compiled from it.
 */
import { setup } from 'xstate';
import { taskGuards, type TaskEvent } from '../src/domain/apply-task.ts';

export const taskMachine = setup({
  types: { events: {} as TaskEvent },
  guards: {
    /** It names a proposal that must approve it. */
    isGated: ({ event }) => event.type === 'task.submitted' && taskGuards.isGated(event),
    /** It must not run before a time. */
    isLater: ({ event }) =>
      (event.type === 'task.submitted' || event.type === 'task.approved') && taskGuards.isLater(event),
  },
}).createMachine({
  id: 'task',
  initial: 'unborn',
  states: {
    unborn: {
      on: {
        'task.submitted': [
          { guard: 'isGated', target: '#awaiting_approval' },
          { guard: 'isLater', target: '#scheduled' },
          { target: '#pending' },
        ],
      },
    },
    waiting: {
      description: 'Nobody has it. Cancelling is immediate.',
      initial: 'pending',
      on: { 'task.cancelled': 'cancelled' },
      states: {
        awaiting_approval: {
          id: 'awaiting_approval',
          on: {
            'task.approved': [{ guard: 'isLater', target: 'scheduled' }, { target: 'pending' }],
            'task.failed': '#failed',
          },
        },
        scheduled: { id: 'scheduled', on: { 'task.due': 'pending' } },
        pending: { id: 'pending', on: { 'task.assigned': '#active' } },
      },
    },
    active: {
      id: 'active',
      description: 'An agent has it.',
      initial: 'assigned',
      on: {
        'task.completed': 'completed',
        'task.attemptFailed': '#scheduled',
        'task.attemptLost': '#pending',
        'task.attemptReturned': '#pending',
        'task.failed': 'failed',
        'task.cancelling': 'cancelling',
      },
      states: {
        assigned: { on: { 'task.started': 'running' } },
        running: {},
      },
    },
    cancelling: {
      description: 'Its handler was told to stop and has not answered yet.',
      on: { 'task.cancelled': 'cancelled' },
    },
    completed: { type: 'final' },
    failed: { id: 'failed', on: { 'task.retried': '#pending' } },
    cancelled: { type: 'final' },
  },
});
