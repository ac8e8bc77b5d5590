/**
 * How long a fleet that nothing strikes needs until something is acknowledged that was asked after a round was over. A
 * next round may begin before that: its time does not count, and the time goes on when it is over.
 */
export interface RecoveryOptions {
  /** Asks; resolves when that is acknowledged. */
  readonly untilAcknowledged: () => Promise<void>;
  /** Monotonic. */
  readonly now: () => number;
}

export class Recovery {
  readonly #options: RecoveryOptions;
  #isWaiting = false;
  /** Null: somebody strikes, or nothing is waited for. */
  #since: number | null = null;
  #spentMs = 0;
  #count = 0;
  #longestMs = 0;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /** How many were measured. */
  get count(): number {
    return this.#count;
  }

  /** Null: one has not come. */
  get longestMs(): number | null {
    return this.#isWaiting ? null : this.#longestMs;
  }

  /** A round with faults begins. */
  struck(): void {
    if (this.#since !== null) this.#spentMs += this.#options.now() - this.#since;
    this.#since = null;
  }

  /** A round is over, and what it did is undone. */
  relieved(): void {
    this.#since ??= this.#options.now();
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    // A refusal is a finding of its own, and leaves this one open.
    this.#options.untilAcknowledged().then(
      () => {
        this.#acknowledged();
      },
      () => undefined,
    );
  }

  #acknowledged(): void {
    this.struck();
    this.#count += 1;
    this.#longestMs = Math.max(this.#longestMs, Math.round(this.#spentMs));
    this.#spentMs = 0;
    this.#isWaiting = false;
  }
}
