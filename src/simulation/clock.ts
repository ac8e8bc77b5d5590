/**
 * The clock of one process in virtual time. Each process has an origin of its own, as real monotonic clocks
 * do: code that compares the monotonic times of two processes fails here first.
 */
import type { Clock, TimerHandle } from '../ports.ts';
import type { SimulatedProcess } from './process.ts';
import type { Scheduled } from './scheduler.ts';

/** Node's longest timer; the real adapter shortens longer ones to it. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

export class SimulatedClock implements Clock {
  readonly #process: SimulatedProcess;
  readonly #originMs: number;
  readonly #wallOriginMs: () => number;

  constructor(of: { process: SimulatedProcess; originMs: number; wallOriginMs: () => number }) {
    this.#process = of.process;
    this.#originMs = of.originMs;
    this.#wallOriginMs = of.wallOriginMs;
  }

  now(): number {
    return this.#originMs + this.#process.laws.scheduler.now;
  }

  wallNow(): number {
    return Math.floor(this.#wallOriginMs() + this.#process.laws.scheduler.now);
  }

  setTimeout(run: () => void, ms: number): TimerHandle {
    const { laws } = this.#process;
    const timer = new Timer(run);
    timer.scheduled = laws.scheduler.after(Math.min(ms, TIMEOUT_MS_MAX), () =>
      this.#process.run(() => timer.fire()),
    );
    return timer;
  }

  clearTimeout(timer: TimerHandle): void {
    if (timer instanceof Timer) timer.clear(this.#process);
  }
}

/** Stays clearable between falling due and running: a stopped process runs it later. */
class Timer {
  #run: (() => void) | null;
  scheduled: Scheduled | null = null;

  constructor(run: () => void) {
    this.#run = run;
  }

  fire(): void {
    const run = this.#run;
    this.#run = null;
    run?.();
  }

  clear(process: SimulatedProcess): void {
    this.#run = null;
    if (this.scheduled !== null) process.laws.scheduler.cancel(this.scheduled);
  }
}
