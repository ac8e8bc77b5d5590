/**
 * Tells the fleet what was committed: `conclave.<fleet>.event.<kind>`, JSON, one message per kind and entry. Sent
 * at most once: who must not miss anything reads the ledger or asks. What there is to tell, `narrator.ts` says.
 */
import type { Entry } from '../domain/events.ts';
import type { FleetState } from '../domain/state.ts';
import type { Bus } from '../ports.ts';
import { contentTypes, encode } from '../wire/codec.ts';
import type { Subjects } from '../wire/subjects.ts';
import { Narrator } from './narrator.ts';

/** Items in one message. */
const ITEMS_MAX = 500;
const headers = { 'Content-Type': contentTypes.json };

interface Group {
  readonly items: unknown[];
  /** Place of each among all events of the entry: with the sequence, its name everywhere. */
  readonly indexes: number[];
}

export class Feed {
  readonly #bus: Bus;
  readonly #subjects: Subjects;
  readonly #narrator: Narrator;

  /** The state stands at the term-start, which is the first entry to publish. */
  constructor(options: { bus: Bus; subjects: Subjects; state: FleetState }) {
    this.#bus = options.bus;
    this.#subjects = options.subjects;
    this.#narrator = new Narrator(() => options.state);
  }

  publish(entry: Entry, sequence: number): void {
    const groups = new Map<string, Group>();
    this.#narrator.tell(entry).forEach(({ kind, item }, index) => {
      const group = groups.get(kind) ?? { items: [], indexes: [] };
      group.items.push(item);
      group.indexes.push(index);
      groups.set(kind, group);
    });
    for (const [kind, group] of groups) this.#send(kind, group, { sequence, term: entry.term, at: entry.at });
  }

  #send(kind: string, { items, indexes }: Group, where: object): void {
    for (let from = 0; from < items.length; from += ITEMS_MAX) {
      const to = from + ITEMS_MAX;
      const body = { kind, ...where, indexes: indexes.slice(from, to), items: items.slice(from, to) };
      const data = encode(body, 'json');
      const isTooLarge = data.length > this.#bus.payloadBytesMax;
      const lean = { kind, ...where, isTruncated: true, indexes: [], items: [] };
      this.#bus.publish({
        subject: this.#subjects.event(kind),
        data: isTooLarge ? encode(lean, 'json') : data,
        headers,
      });
    }
  }
}
