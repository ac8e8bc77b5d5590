/** One log line per transition of a live chart, at debug level. */
import type { AnyActorRef } from 'xstate';
import type { Log } from './log.ts';

export function traceTransitions(actor: AnyActorRef, chart: string, log: Log): void {
  let before = '';
  actor.subscribe((snapshot: { value?: unknown }) => {
    const state = nameOf(snapshot.value);
    if (state === before) return;
    log.debug({ chart, from: before, to: state }, 'transition');
    before = state;
  });
}

/** `office.leading` for `{ office: 'leading' }`. */
export function nameOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return Object.entries((value ?? {}) as Record<string, unknown>)
    .map(([key, inner]) => `${key}.${nameOf(inner)}`)
    .join(' ');
}
