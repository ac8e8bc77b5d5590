/**
 * One fleet's ledger as the world and its tests see it: what lies between the connections and the stream (lost,
 * late and held appends, lost acknowledgements, refused reads), and the verbs with which a test plays them.
 * The verbs of a test strike once each, first come first struck, and go before the faults by rate.
 */
import type { Broker } from '../domain/durability.ts';
import { ConclaveError } from '../domain/errors.ts';
import type { AppendOutcome, BoundsOutcome, PurgeOutcome, SlotOutcome } from '../ports.ts';
import type { Laws } from './laws.ts';
import type { SeededRandom } from './random.ts';
import { SnapshotShelf } from './snapshot-shelf.ts';
import { Stream, type StoredEntry } from './stream.ts';

export interface AppendRequest {
  readonly hostId: string;
  readonly data: Uint8Array;
  readonly expectedLast: number;
  readonly answer: (outcome: AppendOutcome) => void;
}

/** undefined: any host. */
type Whose = string | undefined;

const LANDS_LATE_MS = { min: 500, max: 60_000 };

export class SimulatedLedger {
  readonly fleet: string;
  readonly stream: Stream;
  /** The fleet's snapshots; without a leader of the stream nobody answers for them either. */
  readonly snapshots: SnapshotShelf;
  readonly #laws: Laws;
  readonly #random: SeededRandom;
  readonly #holds: Whose[] = [];
  readonly #swallows: Whose[] = [];
  #held: AppendRequest[] = [];
  #exists = false;
  #broken: Error | null = null;

  constructor(of: { fleet: string; laws: Laws }) {
    this.fleet = of.fleet;
    this.stream = new Stream({ name: of.fleet, laws: of.laws });
    this.snapshots = new SnapshotShelf({ ...of, isSilent: () => this.stream.isSilent });
    this.#laws = of.laws;
    this.#random = of.laws.random.fork(`ledger/${of.fleet}`);
  }

  /** False until somebody has opened a connection: opening creates the stream. */
  get exists(): boolean {
    return this.#exists;
  }

  get replicas(): number {
    return this.#laws.constants.ledgerReplicas;
  }

  /** The simulated broker keeps what it acknowledges, unless a fault says otherwise. */
  get broker(): Broker {
    const fsync = { policy: 'always', source: 'started' } as const;
    const { replicas } = this;
    return { version: 'simulated', isSound: true, replicas, storage: 'file', fsync, faults: [] };
  }

  get first(): number {
    return this.stream.first;
  }

  /** 0 when nothing was ever stored. */
  get last(): number {
    return this.stream.last;
  }

  get bytes(): number {
    return this.stream.bytes;
  }

  /** What is stored now, in order of sequence. */
  get entries(): readonly StoredEntry[] {
    return this.stream.stored;
  }

  /** How many appends are held back now. */
  get held(): number {
    return this.#held.length;
  }

  /** The next append (of that host) waits at the broker's door until `releaseHeld`. */
  holdNextAppend(hostId?: string): void {
    this.#holds.push(hostId);
  }

  /** Held appends reach the stream now, in order; compare-and-set decides. Says how many there were. */
  releaseHeld(): number {
    const held = this.#held;
    this.#held = [];
    for (const append of held) this.#propose(append);
    return held.length;
  }

  /** The next append (of that host) that is stored is not acknowledged. */
  swallowNextAck(hostId?: string): void {
    this.#swallows.push(hostId);
  }

  /** Removes every entry below `sequence`, as compaction does. */
  purgeBelow(sequence: number): void {
    this.stream.purgeBelow(sequence);
  }

  /** The stream's leader fails: nobody answers for `forMs` (4–10 s by seed), and what is in flight dies. */
  failOver(forMs?: number): void {
    this.stream.failOver(forMs);
  }

  /** The newest entries vanish although they were acknowledged: a power cut of a broker that does not fsync. */
  loseTail(count: number): void {
    this.stream.loseTail(count);
  }

  /** Somebody deletes the stream and makes it again. */
  recreate(): void {
    this.stream.recreate();
  }

  /** Appends beyond this size are refused in a way that proves nothing, as NATS does. */
  limitBytes(bytesMax: number): void {
    this.stream.limitBytes(bytesMax);
  }

  /** Nothing more can be stored until `freeDisk`. */
  fillDisk(): void {
    this.#record('disk full');
    this.stream.limitBytes(this.stream.bytes);
  }

  freeDisk(): void {
    this.#record('disk free');
    this.stream.limitBytes(this.#laws.constants.ledgerBytesMax);
  }

  /** Opening a connection fails for good until `repair`. */
  misconfigure(field: string): void {
    const message = `stream ${this.fleet}: ${field} is not what the ledger needs`;
    this.#broken = new ConclaveError('LEDGER_MISCONFIGURED', message, { fields: [{ field, message }] });
  }

  repair(): void {
    this.#broken = null;
  }

  /** Creates the stream when there is none. */
  open(): 'ready' | 'unavailable' | Error {
    if (this.#broken !== null) return this.#broken;
    if (this.stream.isSilent || this.#laws.faults.strikes('connectUnavailable')) return 'unavailable';
    this.#exists = true;
    return 'ready';
  }

  /** An append arrives from a connection. */
  receive(append: AppendRequest): void {
    const { faults, scheduler } = this.#laws;
    if (take(this.#holds, append.hostId)) {
      this.#record(`holds an append of ${append.hostId}`);
      this.#held.push(append);
    } else if (faults.strikes('appendLost')) this.#record(`lost an append of ${append.hostId}`);
    else if (faults.strikes('appendDelayed')) {
      const lateMs = faults.within('appendDelayed', LANDS_LATE_MS);
      this.#record(`an append of ${append.hostId} is ${lateMs.toFixed(0)} ms late`);
      scheduler.after(lateMs, () => this.#propose(append));
    } else if (faults.strikes('notStored')) append.answer({ kind: 'notStored' });
    else this.#propose(append);
  }

  /** null: no answer will ever come. */
  readSlot(sequence: number): SlotOutcome | null {
    return this.#whyUnreadable(() => this.stream.slot(sequence));
  }

  readBounds(): BoundsOutcome | null {
    return this.#whyUnreadable(() => this.stream.bounds());
  }

  /** Removes the entries up to `upTo`, never the last; done or not, the answer may be lost. */
  purge(upTo: number): PurgeOutcome | null {
    if (this.stream.isSilent) return this.#nobody();
    const isUnheard = this.#laws.faults.strikes('readUnavailable');
    if (isUnheard && this.#random.next() < 0.5) return this.#nobody();
    const { last } = this.stream;
    if (upTo >= last) return { kind: 'refused', last };
    this.stream.purgeBelow(upTo + 1);
    return isUnheard ? this.#nobody() : { kind: 'purged', first: this.stream.first };
  }

  #propose(append: AppendRequest): void {
    if (this.#laws.faults.strikes('failOver')) this.stream.failOver();
    if (this.stream.isSilent) return this.#meetNobody(append);
    const { hostId, data, expectedLast } = append;
    const answer = (outcome: AppendOutcome): void => {
      if (outcome.kind === 'stored' && this.#isAckLost(hostId)) {
        this.#record(`lost the acknowledgement of ${outcome.sequence} to ${hostId}`);
      } else append.answer(outcome);
    };
    this.stream.propose({ data, expectedLast, answer });
  }

  /** Without a leader nobody subscribes to the stream's subject, or somebody does who says nothing. */
  #meetNobody(append: AppendRequest): void {
    if (this.#random.next() < 0.5) append.answer({ kind: 'notStored' });
  }

  #isAckLost(hostId: string): boolean {
    return take(this.#swallows, hostId) || this.#laws.faults.strikes('ackLost');
  }

  #whyUnreadable<T>(read: () => T): T | { kind: 'unavailable'; reason: string } | null {
    if (!this.stream.isSilent && !this.#laws.faults.strikes('readUnavailable')) return read();
    return this.#nobody();
  }

  #nobody(): { kind: 'unavailable'; reason: string } | null {
    return this.#random.next() < 0.5 ? { kind: 'unavailable', reason: 'the stream has no leader' } : null;
  }

  #record(what: string): void {
    this.#laws.trace.record(`ledger/${this.fleet}`, what);
  }
}

function take(whose: Whose[], hostId: string): boolean {
  const place = whose.findIndex((one) => one === undefined || one === hostId);
  if (place >= 0) whose.splice(place, 1);
  return place >= 0;
}
