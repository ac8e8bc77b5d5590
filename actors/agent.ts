/**
 * The life of an agent in its fleet, SPEC A1–A4: connect, join, work, leave. What it runs is counted here; the
 * handlers themselves belong to the runtime.
 */
import { setup } from 'xstate';

export type AgentEvent =
  | { readonly type: 'connection.up' }
  | { readonly type: 'connection.lost' }
  | { readonly type: 'join.accepted' }
  /** Not now: nobody leads, or the holder of the id is silent. */
  | { readonly type: 'join.postponed' }
  /** Never: bad profile, or the id belongs to a living agent. */
  | { readonly type: 'join.refused' }
  /** The leader does not know this incarnation: join again. */
  | { readonly type: 'membership.unknown' }
  /** No member any more, and not to be one again: another incarnation holds the id, or it was removed. */
  | { readonly type: 'expelled' }
  /** How many attempts run, of how many slots. */
  | { readonly type: 'load.changed'; readonly running: number; readonly slots: number }
  | { readonly type: 'leave' }
  | { readonly type: 'leave.answered' };

export const agentMachine = setup({
  types: { events: {} as AgentEvent },
  guards: {
    isFull: ({ event }) => event.type === 'load.changed' && event.running >= event.slots,
    isIdle: ({ event }) => event.type === 'load.changed' && event.running === 0,
  },
  actions: {
    requestJoin: () => undefined,
    startWorking: () => undefined,
    stopWorking: () => undefined,
    /** Tell the leader to assign nothing more. */
    announceDrain: () => undefined,
    /** Abort what still runs; the leader gives it to others. */
    handBack: () => undefined,
    requestLeave: () => undefined,
    /** Abort every handler at once: the work is somebody else's. */
    abandonWork: () => undefined,
  },
  delays: { joinRetry: 0, leaveGrace: 0, leavePatience: 0 },
}).createMachine({
  id: 'agent',
  initial: 'online',
  states: {
    online: {
      initial: 'connecting',
      on: {
        'connection.lost': 'offline',
        expelled: { target: 'left', actions: 'abandonWork' },
      },
      states: {
        connecting: { on: { 'connection.up': 'joining', leave: '#agent.left' } },
        joining: {
          initial: 'asking',
          on: { 'join.accepted': 'active', 'join.refused': '#agent.left', leave: 'leaving' },
          states: {
            asking: { entry: 'requestJoin', on: { 'join.postponed': 'waiting' } },
            waiting: { after: { joinRetry: 'asking' } },
          },
        },
        active: {
          initial: 'idle',
          entry: 'startWorking',
          on: {
            'load.changed': [
              { guard: 'isFull', target: '.full' },
              { guard: 'isIdle', target: '.idle' },
              { target: '.busy' },
            ],
            'membership.unknown': 'joining',
            leave: 'draining',
          },
          states: { idle: {}, busy: {}, full: {} },
        },
        draining: {
          description: 'Finishes what it runs, within the grace period.',
          entry: 'announceDrain',
          on: { 'load.changed': { guard: 'isIdle', target: 'leaving' } },
          after: { leaveGrace: { target: 'leaving', actions: 'handBack' } },
        },
        leaving: {
          entry: 'requestLeave',
          on: { 'leave.answered': '#agent.left' },
          after: { leavePatience: '#agent.left' },
        },
        where: { type: 'history', history: 'deep' },
      },
    },
    offline: {
      description: 'Handlers go on; their reports wait.',
      on: { 'connection.up': 'online.where', leave: 'left' },
    },
    left: { type: 'final', entry: 'stopWorking' },
  },
});
