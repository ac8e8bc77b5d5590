/**
 * How long a leader's appends took, from sending to being known as stored, since its term began: figures that only
 * grow, so that whoever hears some of them misses nothing. Carried in its heartbeat.
 */

/** Upper bounds, milliseconds; what took longer counts in none of them, only in `count`. */
export const appendBucketsMs = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000] as const;

export interface AppendFigures {
  /** How many took at most as long as the bound at the same place; each counts in the later ones too. */
  readonly buckets: readonly number[];
  readonly sumMs: number;
  readonly count: number;
}

export class AppendTimes {
  /** By the smallest bound that fits; the last is beyond all of them. */
  readonly #counts = new Array<number>(appendBucketsMs.length + 1).fill(0);
  #sumMs = 0;

  add(ms: number): void {
    const found = appendBucketsMs.findIndex((bound) => ms <= bound);
    const place = found === -1 ? appendBucketsMs.length : found;
    this.#counts[place] = (this.#counts[place] ?? 0) + 1;
    this.#sumMs += ms;
  }

  figures(): AppendFigures {
    let count = 0;
    const running = this.#counts.map((each) => (count += each));
    return { buckets: running.slice(0, -1), sumMs: Math.round(this.#sumMs * 1_000) / 1_000, count };
  }
}
