/**
 * Group commit for one term: events are applied at once to the speculative state and collect into entries; one
 * append is in flight at a time; answers and effects wait until the entry that holds the last event applied when
 * they were computed is acknowledged (DESIGN §3).
 */
import { apply, beginEntry, type Author } from '../domain/apply.ts';
import { assert } from '../domain/assert.ts';
import type { Entry, LedgerEvent } from '../domain/events.ts';
import type { Settings } from '../domain/settings.ts';
import type { Charts } from '../domain/transitions.ts';
import type { Clock } from '../ports.ts';
import { encodeEntry } from '../wire/entry.ts';
import { AppendTimes } from './append-times.ts';
import type { Replica } from './replica.ts';
import type { SlotWriter, WriteOutcome } from './slot-writer.ts';

interface OpenEntry {
  readonly at: number;
  readonly events: LedgerEvent[];
  inputBytes: number;
  readonly waiters: (() => void)[];
}

export interface CommitterOptions {
  readonly clock: Clock;
  readonly replica: Replica;
  readonly writer: SlotWriter;
  readonly charts: Charts;
  readonly settings: Pick<Settings, 'entryBytesMax' | 'entryEventsMax'>;
  readonly author: Author;
  /** Ledger time now. */
  readonly ledgerNow: () => number;
  /** Each event, right after it was applied. */
  readonly onApplied: (event: LedgerEvent) => void;
  /** An entry is about to be sent: the last chance to add to it. */
  readonly onSeal: () => void;
  /** An entry is in the ledger. Runs before what waited for it. */
  readonly onCommitted: (entry: Entry, sequence: number) => void;
  /** Something that waited for a commit failed; the others go on. */
  readonly onError: (error: unknown) => void;
  readonly onOutcome: (outcome: Exclude<WriteOutcome, 'committed'>) => void;
}

/** What an event without a body takes in an entry, at the most. */
const EVENT_BYTES = 200;
/** Entries that wait behind the one in flight. */
const QUEUED_ENTRIES_MAX = 64;

export class Committer {
  /** Of this term's entries after its first. */
  readonly appendTimes = new AppendTimes();
  readonly #options: CommitterOptions;
  /** First: in flight if `#isInFlight`. Last: open, unless it is the one in flight. */
  readonly #queue: OpenEntry[] = [];
  #isInFlight = false;
  #isScheduled = false;
  #isStopped = false;
  #isFinished = false;
  /** Bytes of the message that the next event comes from. */
  #admittedBytes = 0;
  /** Slot of the first entry in the queue. */
  #slot: number;

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#slot = options.replica.state.sequence + 1;
  }

  /** Events that the entry which is open can still take. */
  get room(): number {
    const { entryBytesMax, entryEventsMax } = this.#options.settings;
    const entry = this.#openEntry();
    if (entry === undefined) return entryEventsMax;
    const bytes = Math.floor((entryBytesMax - entry.inputBytes) / EVENT_BYTES);
    return Math.max(0, Math.min(entryEventsMax, bytes) - entry.events.length);
  }

  /** Too much waits for the ledger: refuse what can be refused. */
  get isFull(): boolean {
    return this.#queue.length >= QUEUED_ENTRIES_MAX;
  }

  /** Ledger time of the entry that the next event will stand in. */
  get at(): number {
    return this.#openEntry()?.at ?? this.#options.ledgerNow();
  }

  emit(event: LedgerEvent): void {
    const { replica, charts, author, onApplied } = this.#options;
    assert(!this.#isFinished, 'nothing follows the last event of a term');
    const entry = this.#openEntry() ?? this.#open();
    apply(replica.state, event, author, charts);
    entry.events.push(event);
    entry.inputBytes += this.#admittedBytes;
    this.#admittedBytes = 0;
    onApplied(event);
  }

  /** Runs when everything applied so far is in the ledger. */
  afterCommit(run: () => void): void {
    const last = this.#queue.at(-1);
    if (last === undefined) run();
    else last.waiters.push(run);
  }

  /** Runs after an append that begins from now on is acknowledged; an empty one if need be. */
  afterFreshCommit(run: () => void): void {
    if (this.#isFinished) this.afterCommit(run);
    else (this.#openEntry() ?? this.#open()).waiters.push(run);
  }

  /** The entry that is open now is the last one of this term (rule 10). */
  finish(): void {
    this.#isFinished = true;
  }

  /** Everything applied is in the ledger. Never said of one that was stopped: its state may be broken (I12). */
  get isSettled(): boolean {
    return this.#queue.length === 0 && !this.#isStopped;
  }

  /** A message of this size is about to be decided on: seals the open entry when it is large enough. */
  admit(bytes: number): void {
    this.#admittedBytes = bytes;
    const entry = this.#openEntry();
    if (entry === undefined || entry.events.length === 0) return;
    const { entryBytesMax, entryEventsMax } = this.#options.settings;
    const size = entry.inputBytes + entry.events.length * EVENT_BYTES + bytes;
    if (size > entryBytesMax || entry.events.length >= entryEventsMax) this.#open();
  }

  /** Something may have become possible without an event: look again at the next turn. */
  poke(): void {
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
    this.#queue.length = 0;
    this.#options.writer.abandon();
  }

  #openEntry(): OpenEntry | undefined {
    return this.#queue.length > (this.#isInFlight ? 1 : 0) ? this.#queue.at(-1) : undefined;
  }

  #open(): OpenEntry {
    assert(!this.#isFinished, 'nothing follows the last entry of a term');
    const { replica, author, ledgerNow } = this.#options;
    const at = Math.max(replica.state.at, ledgerNow());
    const entry: OpenEntry = { at, events: [], inputBytes: 0, waiters: [] };
    this.#queue.push(entry);
    beginEntry(replica.state, { sequence: this.#slot + this.#queue.length - 1, term: author.term, at });
    this.#schedule();
    return entry;
  }

  /** After the input that is already waiting, so that one append carries it all. */
  #schedule(): void {
    if (this.#isScheduled || this.#isInFlight) return;
    this.#isScheduled = true;
    this.#options.clock.setTimeout(() => {
      this.#isScheduled = false;
      this.#send();
    }, 0);
  }

  #send(): void {
    if (this.#isInFlight || this.#isStopped) return;
    this.#options.onSeal();
    const next = this.#queue[0];
    if (next === undefined) return;
    this.#isInFlight = true;
    const { author, clock, replica, writer } = this.#options;
    const entry: Entry = {
      v: 1,
      genesis: author.genesis,
      term: author.term,
      leader: author.id,
      incarnation: author.incarnation,
      at: next.at,
      previous: replica.lastHash,
      events: next.events,
    };
    const data = encodeEntry(entry);
    const sentAt = clock.now();
    writer.write(data, this.#slot, (outcome) => {
      if (this.#isStopped) return;
      if (outcome === 'committed') {
        this.appendTimes.add(clock.now() - sentAt);
        this.#committed(next, entry, data);
      } else this.#options.onOutcome(outcome);
    });
  }

  #committed(done: OpenEntry, entry: Entry, data: Uint8Array): void {
    const { replica, onCommitted } = this.#options;
    const sequence = this.#slot;
    this.#isInFlight = false;
    this.#queue.shift();
    this.#slot += 1;
    replica.advance(data, sequence);
    this.#send();
    this.#safely(() => {
      onCommitted(entry, sequence);
    });
    for (const run of done.waiters) {
      if (this.#isStopped) return;
      this.#safely(run);
    }
  }

  #safely(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#options.onError(error);
    }
  }
}
