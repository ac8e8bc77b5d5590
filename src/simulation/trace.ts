/**
 * What happened, one line an event, and a running hash over all lines: two runs with the same seed have the
 * same lines byte for byte, hence the same hash. Lines go to `sink` when there is one; the hash is always kept.
 */
import type { Scheduler } from './scheduler.ts';

export type TraceSink = (line: string) => void;

export class Trace {
  readonly #scheduler: Scheduler;
  #high = 0x811c9dc5 | 0;
  #low = 0x9747b28c | 0;
  #lines = 0;
  #stampedMs = -1;
  #stamp = '';
  sink: TraceSink | null = null;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  get lines(): number {
    return this.#lines;
  }

  /** 64 bits over every line so far, hexadecimal. */
  get hash(): string {
    return hex(this.#high) + hex(this.#low);
  }

  record(who: string, what: string): void {
    const line = `${this.#time()} ${who} ${what}`;
    this.#lines += 1;
    let high = this.#high;
    let low = this.#low;
    for (let place = 0; place < line.length; place += 1) {
      const code = line.charCodeAt(place);
      high = Math.imul(high ^ code, 0x01000193);
      low = Math.imul(low ^ code, 0x5bd1e995) ^ (low >>> 15);
    }
    this.#high = high;
    this.#low = low;
    this.sink?.(line);
  }

  #time(): string {
    const { now } = this.#scheduler;
    if (now !== this.#stampedMs) {
      this.#stampedMs = now;
      this.#stamp = now.toFixed(3);
    }
    return this.#stamp;
  }
}

/** A short name for bytes: their length and FNV-1a hash. */
export function digest(data: Uint8Array): string {
  let hash = 0x811c9dc5 | 0;
  for (let place = 0; place < data.length; place += 1) {
    hash = Math.imul(hash ^ (data[place] ?? 0), 0x01000193);
  }
  return `${data.length}:${hex(hash)}`;
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
