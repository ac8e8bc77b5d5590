/** Heartbeats as a process of its own making would say them. */
import type { Heartbeat } from '../../src/wire/messages.ts';

export function beatOf(change: Partial<Heartbeat> = {}): Heartbeat {
  return {
    incarnation: 'i',
    health: 1,
    load: 0,
    isLoadSet: false,
    intervalMs: 1_000,
    lagMs: 0,
    state: 'idle',
    electable: true,
    priority: 0,
    isStandby: true,
    ledgerAt: null,
    term: 1,
    running: [],
    reportsPending: 0,
    ...change,
  };
}
