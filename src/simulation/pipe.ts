/**
 * One direction of one TCP connection: what goes in comes out later, in order. While it is cut nothing comes
 * out and nothing is lost: it comes out after the heal. Once discarded it swallows everything.
 */
import type { Laws } from './laws.ts';
import type { SeededRandom } from './random.ts';

type Arrival = () => void;

/** So many handed over are forgotten at once. */
const TRIM_AT = 1_024;

export class Pipe {
  readonly #laws: Laws;
  readonly #random: SeededRandom;
  readonly #hand: (arrival: Arrival) => void;
  #queue: Arrival[] = [];
  #head = 0;
  /** Arrivals that fell due while cut. */
  #stalled = 0;
  #isCut = false;
  #isDiscarded = false;
  #lastAtMs = 0;

  constructor(of: { laws: Laws; random: SeededRandom; hand: (arrival: Arrival) => void }) {
    this.#laws = of.laws;
    this.#random = of.random;
    this.#hand = of.hand;
  }

  get isEmpty(): boolean {
    return this.#head === this.#queue.length;
  }

  send(arrival: Arrival): void {
    if (this.#isDiscarded) return;
    this.#queue.push(arrival);
    this.#schedule();
  }

  /** Everything sent from now on comes out at least this late. */
  stall(ms: number): void {
    this.#lastAtMs = Math.max(this.#lastAtMs, this.#laws.scheduler.now + ms);
  }

  cut(): void {
    this.#isCut = true;
  }

  heal(): void {
    this.#isCut = false;
    for (; this.#stalled > 0; this.#stalled -= 1) this.#schedule();
  }

  discard(): void {
    this.#isDiscarded = true;
    this.#queue = [];
    this.#head = 0;
  }

  #schedule(): void {
    const atMs = this.#laws.scheduler.now + this.#random.within(this.#laws.constants.latencyMs);
    this.#lastAtMs = Math.max(this.#lastAtMs, atMs);
    this.#laws.scheduler.at(this.#lastAtMs, this.#arrive);
  }

  /** One falls due for each one sent; which one comes out is decided by the order of sending. */
  readonly #arrive = (): void => {
    if (this.#isDiscarded) return;
    if (this.#isCut) {
      this.#stalled += 1;
      return;
    }
    const arrival = this.#queue[this.#head];
    if (arrival === undefined) return;
    this.#head += 1;
    if (this.#head === this.#queue.length || this.#head === TRIM_AT) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    this.#hand(arrival);
  };
}
