/**
 * Whether a replica has read everything that the ledger held when it began to follow: what comes after that is seen
 * to arrive, what came before was replayed.
 */
export interface CatchUpOptions {
  /** Sequence of the last entry that the replica has applied. */
  readonly sequence: () => number;
  /** Asks the stream's leader for its last sequence, again until it is told. */
  readonly measure: (done: (last: number) => void) => void;
  /** How far the stream is, is known now. */
  readonly onMeasured: () => void;
  /** Once each time. */
  readonly onDone: () => void;
}

export class CatchUp {
  readonly #options: CatchUpOptions;
  /** Last sequence when it began; null: not known yet. */
  #startedBehind: number | null = null;
  #wasDone = false;

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  begin(): void {
    const { measure, onMeasured } = this.#options;
    this.#startedBehind = null;
    this.#wasDone = false;
    measure((last) => {
      this.#startedBehind = last;
      this.look();
      onMeasured();
    });
  }

  get isDone(): boolean {
    return this.#startedBehind !== null && this.#options.sequence() >= this.#startedBehind;
  }

  /** Whether an entry that was read was also seen to arrive. */
  isLive(sequence: number): boolean {
    return this.#startedBehind !== null && sequence > this.#startedBehind;
  }

  /** The replica has gone on. */
  look(): void {
    if (this.#wasDone || !this.isDone) return;
    this.#wasDone = true;
    this.#options.onDone();
  }
}
