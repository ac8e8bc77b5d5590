/**
 * The latest events of the ledger, each rendered once for whoever reads it. Readers have a cursor into it and no
 * buffer of their own: what is kept is bounded here, by count and by bytes, and nowhere else.
 *
 * Whole entries are dropped, the oldest first: while anything is kept, everything after it is.
 */
import type { Entry } from '../domain/events.ts';
import type { Subscription } from '../ports.ts';
import { Narrator } from '../runtime/narrator.ts';
import type { Observer } from '../runtime/observer.ts';
import { committedJson } from './event-json.ts';

export interface LoggedEvent {
  readonly sequence: number;
  /** Place among the events of its entry. */
  readonly index: number;
  readonly kind: string;
  readonly type: string | null;
  readonly agent: string | null;
  /** The envelope, JSON. */
  readonly text: string;
}

/** Everything up to here is behind. `index` Infinity: the whole entry. */
export interface Position {
  readonly sequence: number;
  readonly index: number;
}

export interface EventLogOptions {
  readonly observer: Pick<Observer, 'state' | 'startedBehind' | 'onEntry' | 'onGap'>;
  /** Default 50,000. */
  readonly eventsMax?: number;
  /** Of text. Default 32 MiB. */
  readonly bytesMax?: number;
}

const EVENTS_KEPT_MAX = 50_000;
const EVENT_BYTES_KEPT_MAX = 32 * 1024 * 1024;
/** Dropped slots before the list is copied. */
const SLACK_MAX = 4_096;

export class EventLog {
  readonly #observer: EventLogOptions['observer'];
  readonly #eventsMax: number;
  readonly #bytesMax: number;
  #narrator: Narrator;
  readonly #listeners = new Set<() => void>();
  readonly #subscriptions: readonly Subscription[];
  /** The first `#head` are dropped, and empty. */
  #events: (LoggedEvent | undefined)[] = [];
  #head = 0;
  /** Ordinal of `#events[0]`. */
  #base = 0;
  #bytes = 0;
  /** The last event that is not kept. */
  #dropped: Position;

  constructor({ observer, eventsMax = EVENTS_KEPT_MAX, bytesMax = EVENT_BYTES_KEPT_MAX }: EventLogOptions) {
    this.#observer = observer;
    this.#eventsMax = eventsMax;
    this.#bytesMax = bytesMax;
    this.#narrator = new Narrator(() => observer.state);
    const { sequence } = observer.state;
    this.#dropped = { sequence, index: sequence === 0 ? -1 : Infinity };
    this.#subscriptions = [
      observer.onEntry((entry, sequence) => {
        this.#add(entry, sequence);
      }),
      observer.onGap(() => {
        this.#restart();
      }),
    ];
  }

  /** Ordinal of the oldest event that is kept. Ordinals count up by one, and mean nothing to another process. */
  get first(): number {
    return this.#base + this.#head;
  }

  /** Ordinal of the next event. */
  get end(): number {
    return this.#base + this.#events.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Id of the oldest event that is kept, or of the first that can come. */
  get oldest(): string {
    const event = this.at(this.first);
    return event === undefined ? `${this.#dropped.sequence + 1}.0` : `${event.sequence}.${event.index}`;
  }

  at(ordinal: number): LoggedEvent | undefined {
    return ordinal < this.first ? undefined : this.#events[ordinal - this.#base];
  }

  /** Ordinal of the first event after a position; null: some of what is after it is not kept any more. */
  after(position: Position): number | null {
    if (compare(position, this.#dropped) < 0) return null;
    let [low, high] = [this.#head, this.#events.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const event = this.#events[middle];
      if (event !== undefined && compare(event, position) <= 0) low = middle + 1;
      else high = middle;
    }
    return this.#base + low;
  }

  /** After each entry that added events. */
  onGrown(listen: () => void): Subscription {
    this.#listeners.add(listen);
    return { close: () => this.#listeners.delete(listen) };
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.close();
    this.#listeners.clear();
  }

  /** Nothing that is kept is followed by what comes next. */
  #restart(): void {
    const { state } = this.#observer;
    // One ordinal is left out: who had read everything before the gap is behind it too.
    this.#base += this.#events.length + 1;
    this.#events = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#dropped = { sequence: state.sequence, index: Infinity };
    this.#narrator = new Narrator(() => this.#observer.state);
    for (const listen of this.#listeners) listen();
  }

  #add(entry: Entry, sequence: number): void {
    const told = this.#narrator.tell(entry);
    if (told.length === 0) return;
    if (this.#isFarBehind(sequence)) {
      this.#dropped = { sequence, index: told.length - 1 };
      return;
    }
    told.forEach((each, index) => {
      const text = committedJson(each, { sequence, index, term: entry.term, at: entry.at });
      const { kind, type, agent } = each;
      this.#events.push({ sequence, index, kind, type, agent, text });
      this.#bytes += Buffer.byteLength(text);
    });
    this.#trim();
    for (const listen of this.#listeners) listen();
  }

  /** It would be dropped again before anybody may read it: nearly every entry has an event. */
  #isFarBehind(sequence: number): boolean {
    const { startedBehind } = this.#observer;
    return startedBehind !== null && sequence + this.#eventsMax <= startedBehind;
  }

  #trim(): void {
    while (this.end - this.first > this.#eventsMax || this.#bytes > this.#bytesMax) {
      const oldest = this.#events[this.#head];
      if (oldest === undefined) break;
      while (this.#events[this.#head]?.sequence === oldest.sequence) this.#drop();
    }
    if (this.#head <= SLACK_MAX || this.#head < this.#events.length / 2) return;
    this.#events = this.#events.slice(this.#head);
    this.#base += this.#head;
    this.#head = 0;
  }

  #drop(): void {
    const event = this.#events[this.#head];
    if (event === undefined) return;
    const { sequence, index, text } = event;
    this.#bytes -= Buffer.byteLength(text);
    this.#dropped = { sequence, index };
    this.#events[this.#head] = undefined;
    this.#head += 1;
  }
}

/** Negative: `a` is before `b`. */
export function compare(a: Position, b: Position): number {
  if (a.sequence !== b.sequence) return a.sequence - b.sequence;
  return a.index === b.index ? 0 : a.index - b.index;
}
