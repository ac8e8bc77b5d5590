/**
 * A fleet's ledger stream at the broker: what is stored, what is in flight, and who may append.
 *
 * Invariants: sequences are contiguous from `first` to `last`; an append is accepted exactly when it expects
 * the last sequence including what is in flight; proposals are stored in order, and when one dies those behind
 * it die with it.
 */
import type { AppendOutcome, BoundsOutcome, SlotOutcome } from '../ports.ts';
import type { Laws } from './laws.ts';
import type { SeededRandom } from './random.ts';
import type { Scheduled } from './scheduler.ts';
import { digest } from './trace.ts';

export interface StoredEntry {
  readonly sequence: number;
  readonly data: Uint8Array;
}

export interface Append {
  readonly data: Uint8Array;
  readonly expectedLast: number;
  /** Told at most once; not at all when the stream's leader dies first. */
  readonly answer: (outcome: AppendOutcome) => void;
}

/** Hears of every entry as it is stored, until the stream itself is replaced. */
export interface Consumer {
  readonly hear: (entry: StoredEntry) => void;
  readonly gone: () => void;
}

/** Accepted, and not yet stored. */
interface Proposal {
  readonly sequence: number;
  readonly append: Append;
  readonly due: Scheduled;
  readonly atMs: number;
}

const IN_FLIGHT_MS = { min: 1_000, max: 6_000 };
const LAG_ENTRIES = { min: 1, max: 20 };
const FAIL_OVER_MS = { min: 4_000, max: 10_000 };

export class Stream {
  readonly name: string;
  readonly #laws: Laws;
  readonly #random: SeededRandom;
  #entries: StoredEntry[] = [];
  #first = 1;
  #bytes = 0;
  #bytesMax: number;
  #proposals: Proposal[] = [];
  /** Until when nobody leads the stream. */
  #silentUntilMs = -1;
  readonly #consumers = new Set<Consumer>();

  constructor(of: { name: string; laws: Laws }) {
    this.name = of.name;
    this.#laws = of.laws;
    this.#random = of.laws.random.fork(`stream/${of.name}`);
    this.#bytesMax = of.laws.constants.ledgerBytesMax;
  }

  get first(): number {
    return this.#first;
  }

  get last(): number {
    return this.#first + this.#entries.length - 1;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isSilent(): boolean {
    return this.#laws.scheduler.now < this.#silentUntilMs;
  }

  get stored(): readonly StoredEntry[] {
    return this.#entries;
  }

  limitBytes(bytesMax: number): void {
    this.#bytesMax = bytesMax;
  }

  propose(append: Append): void {
    if (this.isSilent) return;
    const last = this.#proposals.at(-1)?.sequence ?? this.last;
    if (append.expectedLast !== last) return append.answer(this.#refusal(append));
    const inFlight = this.#proposals.reduce((sum, { append: { data } }) => sum + data.length, 0);
    if (this.#bytes + inFlight + append.data.length > this.#bytesMax) {
      return append.answer({ kind: 'unknown', reason: 'maximum bytes exceeded' });
    }
    this.#accept(append, last + 1);
  }

  slot(sequence: number): SlotOutcome {
    if (sequence < this.#first) return { kind: 'compacted' };
    const entry = this.#entries[sequence - this.#first];
    return entry === undefined || sequence > this.last - this.#lag()
      ? { kind: 'absent' }
      : { kind: 'entry', data: entry.data.slice() };
  }

  bounds(): BoundsOutcome {
    const last = Math.max(Math.min(this.#first, this.last), this.last - this.#lag());
    return { kind: 'bounds', first: this.#first, last, bytes: this.#bytes, bytesMax: this.#bytesMax };
  }

  /** How many of the newest entries who answers does not have: a server that led the stream until a moment ago. */
  #lag(): number {
    const { faults } = this.#laws;
    return faults.strikes('readStale') ? Math.round(faults.within('readStale', LAG_ENTRIES)) : 0;
  }

  /** The consumer hears what is stored from `from` on at once, then each later entry. */
  consume(from: number, consumer: Consumer): void {
    this.#consumers.add(consumer);
    for (const entry of this.#entries.slice(Math.max(0, from - this.#first))) {
      if (this.#consumers.has(consumer)) consumer.hear(entry);
    }
  }

  release(consumer: Consumer): void {
    this.#consumers.delete(consumer);
  }

  /** The stream's leader is gone; what it had in flight dies, and nobody answers for a while. */
  failOver(forMs = this.#random.within(FAIL_OVER_MS)): void {
    this.#record(`fail-over ${forMs.toFixed(0)} ms`);
    this.#silentUntilMs = this.#laws.scheduler.now + forMs;
    this.#dieFrom(0);
  }

  purgeBelow(sequence: number): void {
    const until = Math.min(sequence, this.last + 1);
    if (until <= this.#first) return;
    for (const entry of this.#entries.splice(0, until - this.#first)) this.#bytes -= entry.data.length;
    this.#first = until;
    this.#record(`purged below ${until}`);
  }

  /** Forgets its newest entries, as after a power cut without fsync. */
  loseTail(count: number): void {
    this.#dieFrom(0);
    const kept = Math.max(0, this.#entries.length - count);
    for (const entry of this.#entries.splice(kept)) this.#bytes -= entry.data.length;
    this.#record(`lost its tail down to ${this.last}`);
    this.#dropConsumers();
  }

  /** Deleted and made again: empty, from 1 on. */
  recreate(): void {
    this.#dieFrom(0);
    this.#entries = [];
    this.#first = 1;
    this.#bytes = 0;
    this.#record('recreated');
    this.#dropConsumers();
  }

  #dropConsumers(): void {
    const consumers = [...this.#consumers];
    this.#consumers.clear();
    for (const consumer of consumers) consumer.gone();
  }

  #accept(append: Append, sequence: number): void {
    const { scheduler, faults, constants } = this.#laws;
    const dies = faults.strikes('commitDies');
    const slow = dies ? 'commitDies' : 'commitSlow';
    const isSlow = dies || faults.strikes('commitSlow');
    const commitMs = this.#random.within(constants.commitMs);
    const inFlightMs = isSlow ? faults.within(slow, IN_FLIGHT_MS) : commitMs;
    if (isSlow) this.#record(`${slow} at ${sequence} for ${inFlightMs.toFixed(0)} ms`);
    const atMs = Math.max(scheduler.now + inFlightMs, this.#proposals.at(-1)?.atMs ?? 0);
    const due = scheduler.at(atMs, () =>
      dies ? this.#dieFrom(this.#place(sequence)) : this.#commit(sequence),
    );
    this.#proposals.push({ sequence, append, due, atMs });
  }

  #commit(sequence: number): void {
    const proposal = this.#proposals.shift();
    if (proposal === undefined) return;
    const entry = { sequence, data: proposal.append.data };
    this.#entries.push(entry);
    this.#bytes += entry.data.length;
    this.#record(`stored ${sequence} ${digest(entry.data)}`);
    proposal.append.answer({ kind: 'stored', sequence });
    for (const consumer of [...this.#consumers]) consumer.hear(entry);
  }

  #place(sequence: number): number {
    return this.#proposals.findIndex((proposal) => proposal.sequence === sequence);
  }

  #dieFrom(place: number): void {
    for (const proposal of this.#proposals.splice(place)) {
      this.#laws.scheduler.cancel(proposal.due);
      this.#record(`proposal ${proposal.sequence} died`);
    }
  }

  #refusal(append: Append): AppendOutcome {
    const sequence = append.expectedLast + 1;
    const entry = this.#entries[sequence - this.#first];
    const isOurs = entry !== undefined && isSame(entry.data, append.data);
    if (isOurs && this.#laws.faults.strikes('ackRepeated')) return { kind: 'stored', sequence };
    return { kind: 'refused' };
  }

  #record(what: string): void {
    this.#laws.trace.record(`ledger/${this.name}`, what);
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, place) => byte === b[place]);
}
