/**
 * Tells the fleet what was committed: `conclave.<fleet>.event.<kind>`, JSON, one message per kind and entry. Sent
 * at most once: who must not miss anything reads the ledger or asks.
 */
import type { Entry, LedgerEvent } from '../domain/events.ts';
import type { FleetState } from '../domain/state.ts';
import type { Bus } from '../ports.ts';
import { contentTypes, encode } from '../wire/codec.ts';
import type { Subjects } from '../wire/subjects.ts';
import { outcomeView } from './views.ts';

/** Items in one message. */
const ITEMS_MAX = 500;
const headers = { 'Content-Type': contentTypes.json };

export class Feed {
  readonly #bus: Bus;
  readonly #subjects: Subjects;
  readonly #state: FleetState;

  constructor(options: { bus: Bus; subjects: Subjects; state: FleetState }) {
    this.#bus = options.bus;
    this.#subjects = options.subjects;
    this.#state = options.state;
  }

  publish(entry: Entry, sequence: number): void {
    const kinds = new Map<string, unknown[]>();
    for (const event of entry.events) {
      const kind = kindOf(event);
      if (kind === null) continue;
      const items = kinds.get(kind);
      const item = this.#itemOf(event, entry);
      if (items === undefined) kinds.set(kind, [item]);
      else items.push(item);
    }
    for (const [kind, items] of kinds) this.#send(kind, items, { sequence, term: entry.term, at: entry.at });
  }

  #send(kind: string, items: readonly unknown[], where: object): void {
    for (let from = 0; from < items.length; from += ITEMS_MAX) {
      const body = { kind, ...where, items: items.slice(from, from + ITEMS_MAX) };
      const data = encode(body, 'json');
      const isTooLarge = data.length > this.#bus.payloadBytesMax;
      const lean = isTooLarge ? encode({ kind, ...where, isTruncated: true, items: [] }, 'json') : data;
      this.#bus.publish({ subject: this.#subjects.event(kind), data: lean, headers });
    }
  }

  #itemOf(event: LedgerEvent, entry: Entry): unknown {
    switch (event.type) {
      case 'task.completed':
        return { ...outcomeView(this.#state, event.id), status: 'completed', result: event.result };
      case 'task.failed':
        return { ...outcomeView(this.#state, event.id), status: 'failed', error: event.error };
      case 'task.cancelled':
        return { ...outcomeView(this.#state, event.id), status: 'cancelled' };
      case 'proposal.opened': {
        const { electorate, ...proposal } = event.proposal;
        return { ...proposal, voters: electorate.length };
      }
      case 'task.submitted': {
        const { id, type, priority, target } = event.task;
        return { id, type, priority, target };
      }
      case 'term.started': {
        const { cause, candidates, durationMs } = event;
        return { leader: entry.leader, term: entry.term, cause, candidates, durationMs };
      }
      case 'member.joined':
        return { id: event.id, profile: event.profile };
      default: {
        const { type: _, ...fields } = event;
        return fields;
      }
    }
  }
}

/** Name of an event outside the ledger; null: of no use there. */
function kindOf(event: LedgerEvent): string | null {
  switch (event.type) {
    case 'term.started':
      return 'leader.elected';
    case 'term.handedOver':
      return 'leader.lost';
    case 'request.accepted':
    case 'attempt.released':
      return null;
    default:
      return event.type.replace(/^member\./, 'agent.');
  }
}
