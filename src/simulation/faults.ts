/**
 * Which faults strike and how hard. Every fault has a rate (the chance that it strikes where it can) and a
 * generator of its own, so setting one rate does not move the others. All rates are 0 until somebody sets them.
 */
import type { Range, SeededRandom } from './random.ts';

/**
 * Chances in [0, 1]. The first four strike copies of core messages, never ledger traffic. What strikes an append or
 * its acknowledgement strikes a chunk of a snapshot too; what strikes a read also strikes a purge and a removal, which
 * is then done or not.
 */
export interface FaultRates {
  /** A copy is never delivered. */
  readonly drop: number;
  /** A copy is delivered twice. */
  readonly duplicate: number;
  /** A copy, and all behind it on that connection, arrives up to 2 s late. */
  readonly delay: number;
  /** A copy is overtaken by messages of other connections for up to 200 ms. */
  readonly reorder: number;
  /** The append vanishes: not stored, no answer. */
  readonly appendLost: number;
  /** The append reaches the stream 0.5–60 s late, then compare-and-set decides. */
  readonly appendDelayed: number;
  /** Stored, but the acknowledgement vanishes. */
  readonly ackLost: number;
  /** Nobody was there to store it: 503. */
  readonly notStored: number;
  /** In flight for 1–6 s before it is stored; until then other copies are refused and the slot is absent. */
  readonly commitSlow: number;
  /** In flight for 1–6 s, then it dies with its stream leader: never stored, never answered. */
  readonly commitDies: number;
  /** The stream leader fails: 4–10 s of silence, or 503, before the stream answers again. */
  readonly failOver: number;
  /** A re-send of a stored entry is answered `stored` with its sequence, and not `refused`. */
  readonly ackRepeated: number;
  /** A read is not answered, or says that it cannot be. */
  readonly readUnavailable: number;
  /** A read is answered by a former stream leader that lacks the newest entry. */
  readonly readStale: number;
  /** Opening a ledger connection fails. */
  readonly connectUnavailable: number;
  /** A follower ends at some entry and has to be started again. */
  readonly followerStops: number;
  /** A follower hears an entry, and all after it, up to 5 s late. */
  readonly followerLate: number;
  /** Bytes that a cut held back arrive on heal although their sender has given up that connection. */
  readonly bytesLinger: number;
}

export type Fault = keyof FaultRates;

const none: FaultRates = {
  drop: 0,
  duplicate: 0,
  delay: 0,
  reorder: 0,
  appendLost: 0,
  appendDelayed: 0,
  ackLost: 0,
  notStored: 0,
  commitSlow: 0,
  commitDies: 0,
  failOver: 0,
  ackRepeated: 0,
  readUnavailable: 0,
  readStale: 0,
  connectUnavailable: 0,
  followerStops: 0,
  followerLate: 0,
  bytesLinger: 0,
};

export class Faults {
  readonly #random: SeededRandom;
  readonly #generators = new Map<Fault, SeededRandom>();
  #rates = none;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  get rates(): FaultRates {
    return this.#rates;
  }

  /** The rates given, and 0 for all others. */
  set(rates: Partial<FaultRates>): void {
    this.#rates = { ...none, ...rates };
  }

  strikes(fault: Fault): boolean {
    const rate = this.#rates[fault];
    return rate > 0 && this.#generator(fault).next() < rate;
  }

  /** How hard: drawn from the generator of that fault. */
  within(fault: Fault, range: Range): number {
    return this.#generator(fault).within(range);
  }

  #generator(fault: Fault): SeededRandom {
    const known = this.#generators.get(fault);
    if (known !== undefined) return known;
    const made = this.#random.fork(fault);
    this.#generators.set(fault, made);
    return made;
  }
}
