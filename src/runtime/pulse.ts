/**
 * When an agent beats: at the interval that a leader told it last, and sooner when something is to be said at once.
 * What is said often, like health, load and the progress of handlers, only brings the next beat forward, and keeps a
 * distance from the one before: however often it changes, there are at most so many beats.
 */
import { bearable } from '../domain/pace.ts';
import type { Clock, TimerHandle } from '../ports.ts';

export interface PulseOptions {
  readonly clock: Clock;
  /** A fleet's own interval: until it is told another, and while it leads. */
  readonly ownIntervalMs: number;
  readonly isLeading: () => boolean;
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
  #toldMs: number;
  #lagMs = 0;

  constructor(options: PulseOptions) {
    this.#options = options;
    this.#toldMs = options.ownIntervalMs;
  }

  /** What a leader told last. */
  get toldMs(): number {
    return this.#toldMs;
  }

  /** A leader is one of many, and the one whom everybody watches: it does not save beats. */
  get intervalMs(): number {
    const { isLeading, ownIntervalMs } = this.#options;
    return isLeading() ? ownIntervalMs : this.#toldMs;
  }

  /** From the next beat on: if all who hear it did so at once, they would all beat at once. */
  tell(intervalMs: number): void {
    this.#toldMs = bearable(intervalMs);
  }

  /** How late the event loop was for the last beat that was due. */
  get lagMs(): number {
    return this.#lagMs;
  }

  start(): void {
    if (this.#timer === null) this.#beat();
  }

  /** Beats now and counts from here, if it beats at all. */
  restart(): void {
    if (this.#timer === null) return;
    this.stop();
    this.#beat();
  }

  stop(): void {
    const { clock } = this.#options;
    if (this.#timer !== null) clock.clearTimeout(this.#timer);
    if (this.#haste !== null) clock.clearTimeout(this.#haste);
    this.#timer = null;
    this.#haste = null;
    this.#dueAt = 0;
  }

  /** Beats at once, if it beats at all. */
  now(): void {
    if (this.#timer === null) return;
    this.#beatenAt = this.#options.clock.now();
    // A beat announces when the next one is due at the latest: a longer interval ends here.
    if (this.#dueAt > this.#beatenAt + this.intervalMs) this.#arm();
    this.#options.beat();
  }

  /** Beats sooner than it would. */
  soon(): void {
    if (this.#timer === null || this.#haste !== null) return;
    const { clock } = this.#options;
    const distanceMs = Math.max(HASTE_MS, this.intervalMs / HASTE_PARTS);
    this.#haste = clock.setTimeout(
      () => {
        this.#haste = null;
        this.now();
      },
      Math.max(0, this.#beatenAt + distanceMs - clock.now()),
    );
  }

  #beat(): void {
    if (this.#dueAt > 0) this.#lagMs = Math.max(0, Math.round(this.#options.clock.now() - this.#dueAt));
    this.#arm();
    this.now();
  }

  #arm(): void {
    const { clock } = this.#options;
    if (this.#timer !== null) clock.clearTimeout(this.#timer);
    this.#dueAt = clock.now() + this.intervalMs;
    this.#timer = clock.setTimeout(() => {
      this.#beat();
    }, this.intervalMs);
  }
}
