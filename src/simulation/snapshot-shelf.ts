/**
 * A fleet's store of snapshots at the broker: chunks and manifests by name, what may befall them on the way in, and
 * the verbs with which a test plays it. A chunk that is stored is under the same faults as an append.
 *
 * Invariants: a part is stored once; a snapshot is complete when its manifest and every chunk are there; the bytes
 * of all parts stay within the limit.
 */
import type { StoredSnapshot } from '../ports.ts';
import type { Laws } from './laws.ts';
import type { SeededRandom } from './random.ts';
import { digest } from './trace.ts';

export interface Manifest {
  readonly sequence: number;
  readonly bytes: number;
  readonly chunks: number;
  /** SHA-256, hexadecimal. */
  readonly hash: string;
}

export type Part =
  | { readonly kind: 'chunk'; readonly index: number; readonly data: Uint8Array }
  | { readonly kind: 'manifest'; readonly manifest: Manifest };

export interface Unavailable {
  readonly kind: 'unavailable';
  readonly reason: string;
}

export type PartOutcome = { readonly kind: 'done' } | Unavailable;

export interface PartRequest {
  readonly hostId: string;
  readonly name: string;
  readonly part: Part;
  readonly answer: (outcome: PartOutcome) => void;
}

interface Held {
  readonly name: string;
  readonly sequence: number;
  readonly chunks: Map<number, Uint8Array>;
  manifest: Manifest | null;
  changedAtMs: number;
}

const LANDS_LATE_MS = { min: 500, max: 60_000 };
/** More than a save may take: an incomplete snapshot that has not changed for so long has no living writer. */
const LEFTOVER_MS = 600_000;
/** Removed by one save. */
const LEFTOVERS_SWEPT_MAX = 32;

export class SnapshotShelf {
  readonly #laws: Laws;
  readonly #fleet: string;
  readonly #random: SeededRandom;
  readonly #isSilent: () => boolean;
  readonly #held = new Map<string, Held>();
  #swallows: (string | undefined)[] = [];
  #bytes = 0;

  constructor(of: { readonly fleet: string; readonly laws: Laws; readonly isSilent: () => boolean }) {
    this.#laws = of.laws;
    this.#fleet = of.fleet;
    this.#isSilent = of.isSilent;
    this.#random = of.laws.random.fork(`snapshots/${of.fleet}`);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Complete or not. */
  get names(): readonly string[] {
    return [...this.#held.keys()];
  }

  /** Chunks and manifests stored now. */
  get parts(): number {
    let count = 0;
    for (const { chunks, manifest } of this.#held.values())
      count += chunks.size + (manifest === null ? 0 : 1);
    return count;
  }

  /** By sequence, then name. */
  get complete(): readonly StoredSnapshot[] {
    const complete: StoredSnapshot[] = [];
    for (const { name, manifest, chunks } of this.#held.values()) {
      if (manifest?.chunks !== chunks.size) continue;
      const { sequence, bytes, hash } = manifest;
      complete.push({ name, sequence, bytes, hash });
    }
    return complete.sort((a, b) => a.sequence - b.sequence || (a.name < b.name ? -1 : 1));
  }

  /** The next part (of that host) that is stored is not acknowledged. */
  swallowNextAck(hostId?: string): void {
    this.#swallows.push(hostId);
  }

  /** One byte of its first chunk is another from now on. */
  damage(name: string): void {
    const chunk = this.#held.get(name)?.chunks.get(0);
    if (chunk === undefined) throw new Error(`snapshot ${name} has no chunk to damage`);
    chunk[0] = (chunk[0] ?? 0) ^ 0xff;
    this.#record(`damaged ${name}`);
  }

  newName(sequence: number): string {
    return `${sequence}-${this.#random.id()}`;
  }

  /** A part arrives from a connection. */
  receive(request: PartRequest): void {
    const { faults, scheduler } = this.#laws;
    if (faults.strikes('appendLost')) this.#record(`lost a part of ${request.name}`);
    else if (faults.strikes('appendDelayed')) {
      const lateMs = faults.within('appendDelayed', LANDS_LATE_MS);
      this.#record(`a part of ${request.name} is ${lateMs.toFixed(0)} ms late`);
      scheduler.after(lateMs, () => this.#store(request));
    } else if (faults.strikes('notStored')) request.answer(unavailable('nobody stores it'));
    else this.#store(request);
  }

  /** Removes all of one. The answer may be lost, before or after it was done. */
  remove(name: string): PartOutcome | null {
    return this.#ambiguously(() => {
      this.#forget(name);
      return { kind: 'done' };
    });
  }

  /** Removes leftovers: what no writer can be at work on, or what two newer snapshots have made useless. */
  sweep(): PartOutcome | null {
    return this.#ambiguously(() => {
      const { complete } = this;
      const secondNewest = complete.at(-2)?.sequence ?? 0;
      const isComplete = new Set(complete.map(({ name }) => name));
      const oldMs = this.#laws.scheduler.now - LEFTOVER_MS;
      const leftovers = [...this.#held.values()].filter(
        ({ name, sequence, changedAtMs }) =>
          !isComplete.has(name) && (sequence < secondNewest || changedAtMs < oldMs),
      );
      for (const { name } of leftovers.slice(0, LEFTOVERS_SWEPT_MAX)) this.#forget(name);
      return { kind: 'done' };
    });
  }

  /** Reads for a connection; null: no answer will ever come. A former leader lacks the newest snapshot. */
  read<T>(look: (known: readonly StoredSnapshot[]) => T): T | Unavailable | null {
    if (this.#isSilent() || this.#laws.faults.strikes('readUnavailable')) return this.#nobody();
    const { complete } = this;
    return look(this.#laws.faults.strikes('readStale') ? complete.slice(0, -1) : complete);
  }

  isComplete(name: string): boolean {
    return this.complete.some((snapshot) => snapshot.name === name);
  }

  manifest(name: string): Manifest | null {
    return this.#held.get(name)?.manifest ?? null;
  }

  /** A copy; null when it is not there. */
  chunk(name: string, index: number): Uint8Array | null {
    return this.#held.get(name)?.chunks.get(index)?.slice() ?? null;
  }

  #store({ hostId, name, part, answer }: PartRequest): void {
    if (this.#isSilent()) {
      if (this.#random.next() < 0.5) answer(unavailable('nobody stores it'));
      return;
    }
    const bytes = part.kind === 'chunk' ? part.data.length : 0;
    if (this.#bytes + bytes > this.#laws.constants.ledgerBytesMax) {
      answer(unavailable('maximum bytes exceeded'));
      return;
    }
    const held = this.#heldFor(name);
    const isThere = part.kind === 'chunk' ? held.chunks.has(part.index) : held.manifest !== null;
    if (isThere) {
      answer(unavailable('it is there already'));
      return;
    }
    if (part.kind === 'chunk') held.chunks.set(part.index, part.data);
    else held.manifest = part.manifest;
    held.changedAtMs = this.#laws.scheduler.now;
    this.#bytes += bytes;
    const what = part.kind === 'chunk' ? `chunk ${part.index} ${digest(part.data)}` : 'manifest';
    this.#record(`stored ${name} ${what}`);
    if (this.#isAckLost(hostId)) this.#record(`lost the acknowledgement of a part of ${name} to ${hostId}`);
    else answer({ kind: 'done' });
  }

  #heldFor(name: string): Held {
    const known = this.#held.get(name);
    if (known !== undefined) return known;
    const sequence = Number.parseInt(name, 10);
    const made: Held = { name, sequence, chunks: new Map(), manifest: null, changedAtMs: 0 };
    this.#held.set(name, made);
    return made;
  }

  #forget(name: string): void {
    const held = this.#held.get(name);
    if (held === undefined) return;
    for (const { length } of held.chunks.values()) this.#bytes -= length;
    this.#held.delete(name);
    this.#record(`removed ${name}`);
  }

  #isAckLost(hostId: string): boolean {
    const place = this.#swallows.findIndex((one) => one === undefined || one === hostId);
    if (place >= 0) this.#swallows.splice(place, 1);
    return place >= 0 || this.#laws.faults.strikes('ackLost');
  }

  /** Under a fault it is done or not, and either way nobody is told. */
  #ambiguously(change: () => PartOutcome): PartOutcome | null {
    if (this.#isSilent()) return this.#nobody();
    if (!this.#laws.faults.strikes('readUnavailable')) return change();
    if (this.#random.next() < 0.5) change();
    return this.#nobody();
  }

  #nobody(): Unavailable | null {
    return this.#random.next() < 0.5 ? unavailable('the store has no leader') : null;
  }

  #record(what: string): void {
    this.#laws.trace.record(`snapshots/${this.#fleet}`, what);
  }
}

function unavailable(reason: string): Unavailable {
  return { kind: 'unavailable', reason };
}
