/**
 * When an agent beats: at its interval, and sooner when something is to be said at once. What is said often, like the
 * progress of handlers, only brings the next beat forward, and keeps a distance from the one before: however often it
 * changes, there are at most so many beats.
 */
import type { Clock, TimerHandle } from '../ports.ts';

export interface PulseOptions {
  readonly clock: Clock;
  readonly intervalMs: () => number;
  readonly beat: () => void;
}

/** From a beat to the one that is brought forward: this long, and a quarter of the interval. */
const HASTE_MS = 250;
const HASTE_PARTS = 4;

export class Pulse {
  readonly #options: PulseOptions;
  #timer: TimerHandle | null = null;
  #haste: TimerHandle | null = null;
  #dueAt = 0;
  #beatenAt = 0;
  #lagMs = 0;

  constructor(options: PulseOptions) {
    this.#options = options;
  }

  /** How late the event loop was for the last beat that was due. */
  get lagMs(): number {
    return this.#lagMs;
  }

  start(): void {
    if (this.#timer === null) this.#beat();
  }

  stop(): void {
    const { clock } = this.#options;
    if (this.#timer !== null) clock.clearTimeout(this.#timer);
    if (this.#haste !== null) clock.clearTimeout(this.#haste);
    this.#timer = null;
    this.#haste = null;
  }

  /** Beats at once, if it beats at all. */
  now(): void {
    if (this.#timer === null) return;
    this.#beatenAt = this.#options.clock.now();
    this.#options.beat();
  }

  /** Beats sooner than it would. */
  soon(): void {
    if (this.#timer === null || this.#haste !== null) return;
    const { clock, intervalMs } = this.#options;
    const distanceMs = Math.max(HASTE_MS, intervalMs() / HASTE_PARTS);
    this.#haste = clock.setTimeout(
      () => {
        this.#haste = null;
        this.now();
      },
      Math.max(0, this.#beatenAt + distanceMs - clock.now()),
    );
  }

  #beat(): void {
    const { clock, intervalMs } = this.#options;
    const now = clock.now();
    if (this.#dueAt > 0) this.#lagMs = Math.max(0, Math.round(now - this.#dueAt));
    this.#dueAt = now + intervalMs();
    this.#timer = clock.setTimeout(() => {
      this.#beat();
    }, intervalMs());
    this.now();
  }
}
