/**
 * Ledger time (DESIGN §3): never decreases, goes on from the last entry that was seen to arrive plus this
 * process's own monotonic time; a process that has seen none arrive takes it from the heartbeats of others. Only
 * when there is nobody to ask is the wall clock looked at, so a wrong one cannot expire everything at a fail-over.
 */
import type { Clock } from '../ports.ts';

export class LedgerTime {
  readonly #clock: Clock;
  #anchor: { readonly at: number; readonly heardAt: number } | null = null;
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** An entry was read. `isLive`: it was seen to arrive, not replayed. */
  hear(at: number, isLive: boolean): void {
    this.#last = Math.max(this.#last, at);
    if (isLive) this.#anchor = { at, heardAt: this.#clock.now() };
  }

  /** Somebody who saw entries arrive says what time it is. Counts only until we have seen one ourselves. */
  learn(at: number): void {
    this.#anchor ??= { at: Math.max(this.#last, at), heardAt: this.#clock.now() };
  }

  /** Whether it rests on the fleet's own time, not on this machine's wall clock. */
  get isAnchored(): boolean {
    return this.#anchor !== null;
  }

  /** From now on this process's own estimate counts: it writes the entries. */
  take(): void {
    this.#anchor = { at: this.now(), heardAt: this.#clock.now() };
  }

  now(): number {
    const estimate =
      this.#anchor === null
        ? this.#clock.wallNow()
        : this.#anchor.at + this.#clock.now() - this.#anchor.heardAt;
    return Math.max(this.#last, Math.floor(estimate));
  }
}
