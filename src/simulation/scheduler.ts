/**
 * Virtual time: one heap of events, ordered by time and, within one instant, by the order of scheduling.
 * Times are multiples of 1/1024 ms, so sums and differences of them are exact: a deadline computed from
 * `now` is never missed by a rounding error, and a timer never fires early.
 */
import { Heap } from '../domain/heap.ts';

const TICKS_PER_MS = 1024;

export interface Scheduled {
  readonly atMs: number;
  readonly order: number;
  /** null once it has run or was cancelled. */
  run: (() => void) | null;
}

export class Scheduler {
  readonly #events = new Heap<Scheduled>(isEarlier);
  #nowMs = 0;
  #order = 0;

  get now(): number {
    return this.#nowMs;
  }

  /** How many events were scheduled so far. */
  get scheduled(): number {
    return this.#order;
  }

  after(delayMs: number, run: () => void): Scheduled {
    return this.at(this.#nowMs + (delayMs > 0 ? delayMs : 0), run);
  }

  /** Rounds up to the next tick. A time that has passed means now, behind what is already due. */
  at(atMs: number, run: () => void): Scheduled {
    const roundedMs = Math.ceil(atMs * TICKS_PER_MS) / TICKS_PER_MS;
    this.#order += 1;
    const event = { atMs: Math.max(this.#nowMs, roundedMs), order: this.#order, run };
    this.#events.push(event);
    return event;
  }

  cancel(event: Scheduled): void {
    event.run = null;
  }

  /** Runs the next event. False when there is none up to and including `untilMs`. */
  step(untilMs = Infinity): boolean {
    for (;;) {
      const next = this.#events.peek();
      if (next === undefined) return false;
      const { run } = next;
      if (run === null) {
        this.#events.pop();
        continue;
      }
      if (next.atMs > untilMs) return false;
      this.#events.pop();
      next.run = null;
      this.#nowMs = next.atMs;
      run();
      return true;
    }
  }

  /** Lets time pass to `atMs` when nothing is due before it. */
  skipTo(atMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, Math.ceil(atMs * TICKS_PER_MS) / TICKS_PER_MS);
  }
}

function isEarlier(a: Scheduled, b: Scheduled): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
