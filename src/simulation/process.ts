/**
 * One life of a simulated process. Everything that the world does to it (a message, a timer, an answer) goes
 * through `run`: after its death nothing runs, while it is stopped everything waits, in order.
 */
import { SimulationFailed, type Laws } from './laws.ts';

export class SimulatedProcess {
  readonly hostId: string;
  /** Counts the lives of one host from 1. */
  readonly life: number;
  readonly laws: Laws;
  #isAlive = true;
  #isPaused = false;
  #waiting: (() => void)[] = [];

  constructor(of: { hostId: string; life: number; laws: Laws }) {
    this.hostId = of.hostId;
    this.life = of.life;
    this.laws = of.laws;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  run(callback: () => void): void {
    if (!this.#isAlive) return;
    if (this.#isPaused) {
      this.#waiting.push(callback);
      return;
    }
    try {
      callback();
    } catch (cause) {
      this.laws.onError(failed(this, cause));
    }
  }

  /** Runs it behind everything that is already due: answers are never given within the call that asked. */
  runSoon(callback: () => void): void {
    this.laws.scheduler.after(0, () => this.run(callback));
  }

  die(): void {
    this.#isAlive = false;
    this.#waiting = [];
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const callback of waiting) this.runSoon(callback);
  }
}

function failed(process: SimulatedProcess, cause: unknown): SimulationFailed {
  if (cause instanceof SimulationFailed) return cause;
  const { seed, scheduler } = process.laws;
  const message = cause instanceof Error ? cause.message : String(cause);
  const where = `seed ${seed}, ${scheduler.now.toFixed(3)} ms, ${process.hostId}`;
  return new SimulationFailed(`${message} (${where})`, { cause });
}
