/** Counts inbound messages that were refused at the door, and logs at most one a second. */
import type { Problem } from '../domain/errors.ts';
import type { Clock } from '../ports.ts';
import type { Log } from './log.ts';

const LOG_INTERVAL_MS = 1_000;

export class Rejections {
  readonly #clock: Clock;
  readonly #log: Log;
  #lastLoggedAt = -Infinity;
  #total = 0;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  get total(): number {
    return this.#total;
  }

  count(subject: string, problem: Problem | null): void {
    this.#total += 1;
    const now = this.#clock.now();
    if (now - this.#lastLoggedAt < LOG_INTERVAL_MS) return;
    this.#lastLoggedAt = now;
    this.#log.warn({ subject, problem, total: this.#total }, 'message refused');
  }
}
