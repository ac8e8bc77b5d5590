/**
 * Where requests come in while a leader leads: each is decided on and answered when what the answer rests on is in the
 * ledger, never before (I11). How much waits for that is bounded; what is beyond it is refused at once. It can hold
 * everything back for a moment, so that the state is the ledger's.
 */
import type { DecisionContext, Verdict } from '../domain/decision.ts';
import { problem, type Problem } from '../domain/errors.ts';
import type { Incoming } from '../ports.ts';
import type { Committer } from './committer.ts';
import { answer, answerTo, refuse, send, type Voice } from './respond.ts';

export interface Request<T> {
  readonly decide: (context: DecisionContext) => Verdict<T>;
  readonly view: (value: T) => unknown;
  /** What it may take in an entry, when that is more than its message. */
  readonly bytes?: number;
  /** The answer makes the caller stop something. */
  readonly isRefusal?: (value: T) => boolean;
}

export interface ReceptionOptions {
  readonly committer: Committer;
  readonly context: () => DecisionContext;
  readonly voice: () => Voice;
  /** closed: nothing is answered any more. resigning: nothing new is decided, and no append can prove anything. */
  readonly hours: () => 'open' | 'resigning' | 'closed';
  /** Runs it; what it throws ends the term. */
  readonly guard: (run: () => void) => void;
}

/** Requests that wait while the state settles; more go on, and it does not settle this time. */
const HELD_MAX = 10_000;
/** Requests that wait for the ledger; more are refused. */
const WAITING_MAX = 20_000;
/** What they and their answers take, and as much again while the state settles. */
const WAITING_BYTES_MAX = 67_108_864;
const tooMuchWaits = problem('LIMIT_REACHED', 'too much waits for the ledger; try again shortly');

export class Reception {
  readonly #options: ReceptionOptions;
  /** What came while `settle` waits; null: it does not. */
  #held: (() => void)[] | null = null;
  #heldBytes = 0;
  #waiting = 0;
  #waitingBytes = 0;

  constructor(options: ReceptionOptions) {
    this.#options = options;
  }

  /** Nothing may be decided now that can wait. */
  get isSettling(): boolean {
    return this.#held !== null;
  }

  /** Decides on a request and answers it when its entry is in the ledger. */
  decide<T>(message: Incoming, request: Request<T>): void {
    const { committer, context, guard, hours } = this.#options;
    const { length: bytes } = message.data;
    const again = (): void => {
      this.decide(message, request);
    };
    if (hours() !== 'open' || this.#hold(bytes, again)) return;
    if (committer.isFull || this.#isFull) {
      this.refuse(message, tooMuchWaits);
      return;
    }
    guard(() => {
      committer.admit(request.bytes ?? bytes);
      const verdict = request.decide(context());
      if (verdict.kind === 'refused') {
        this.refuseLater(message, verdict.problem);
        return;
      }
      this.#wait(bytes, request.isRefusal?.(verdict.value) === true, () => {
        this.answer(message, request.view(verdict.value));
      });
    });
  }

  /** Answers a read when everything it shows is in the ledger; `consistent`: and this leader still leads. */
  read(message: Incoming, view: () => unknown, isConsistent: boolean): void {
    const { hours, voice } = this.#options;
    if (hours() === 'closed' || (isConsistent && hours() === 'resigning')) return;
    const again = (): void => {
      this.read(message, view, isConsistent);
    };
    if (this.#hold(message.data.length, again)) return;
    if (this.#isFull) {
      this.refuse(message, tooMuchWaits);
      return;
    }
    const encoded = answerTo(message, view());
    this.#wait(message.data.length + encoded.data.length, isConsistent, () => {
      send(message, encoded, voice());
    });
  }

  /** A refusal that may make the caller give up: only a leader that still leads may say it. */
  refuseLater(message: Incoming, refusal: Problem): void {
    if (this.#isFull) {
      this.refuse(message, tooMuchWaits);
      return;
    }
    this.#wait(message.data.length, true, () => {
      this.refuse(message, refusal);
    });
  }

  /** Says it now: what it rests on has to be in the ledger. */
  answer(message: Incoming, value: unknown): void {
    answer(message, value, this.#options.voice());
  }

  /** Refuses at once: for what is wrong with the message itself. */
  refuse(message: Incoming, refusal: Problem): void {
    refuse(message, refusal, this.#options.voice());
  }

  /**
   * Runs when everything applied is in the ledger: what comes meanwhile waits, for as long as an append takes. A busy
   * leader would otherwise never hold a state that is the ledger's.
   */
  settle(run: () => void): void {
    const { committer, hours } = this.#options;
    if (this.#held !== null || hours() === 'closed') return;
    this.#held = [];
    committer.afterCommit(() => {
      try {
        run();
      } finally {
        const held = this.#held ?? [];
        this.#held = null;
        this.#heldBytes = 0;
        for (const each of held) each();
        committer.poke();
      }
    });
  }

  get #isFull(): boolean {
    return this.#waiting >= WAITING_MAX || this.#waitingBytes >= WAITING_BYTES_MAX;
  }

  #wait(bytes: number, isFresh: boolean, run: () => void): void {
    const { committer } = this.#options;
    this.#waiting += 1;
    this.#waitingBytes += bytes;
    const ready = (): void => {
      this.#waiting -= 1;
      this.#waitingBytes -= bytes;
      run();
    };
    if (isFresh) committer.afterFreshCommit(ready);
    else committer.afterCommit(ready);
  }

  /** True when it has to wait. */
  #hold(bytes: number, run: () => void): boolean {
    if (this.#held === null || this.#held.length >= HELD_MAX) return false;
    if (this.#heldBytes >= WAITING_BYTES_MAX) return false;
    this.#held.push(run);
    this.#heldBytes += bytes;
    return true;
  }
}
