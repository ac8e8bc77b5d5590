/** What happens in a simulated fleet, as lines for people: the transitions of its statecharts and its ledger's events. */
import type { Entry } from '../../src/domain/events.ts';
import { wordsFor } from '../../src/cli/event-words.ts';
import type { Log } from '../../src/runtime/log.ts';

/** Something that a process logged. */
export interface Logged {
  readonly id: string;
  readonly message: string;
  readonly fields: object;
}

/** A log for each process, that all go to one place. */
export function logsTo(sink: (logged: Logged) => void): (id: string) => Log {
  return (id) => {
    const out = (fields: object, message: string): void => {
      sink({ id, message, fields });
    };
    return { debug: out, info: out, warn: out, error: out };
  };
}

/** Null: it is about no statechart. */
export function transitionIn({ message, fields }: Logged): string | null {
  if (message !== 'transition') return null;
  const { chart, of, from, to } = fields as Record<'chart' | 'of' | 'from' | 'to', string | undefined>;
  return `${chart ?? ''}${of === undefined ? '' : ` of ${of}`}: ${from === '' ? '' : `${from ?? ''} → `}${to ?? ''}`;
}

export const eventsIn = (sequence: number, entry: Entry): readonly string[] =>
  entry.events.map((event) => `#${sequence} ${event.type}: ${wordsFor(event, entry)}`);
