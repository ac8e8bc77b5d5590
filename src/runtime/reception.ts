/**
 * Where requests come in while a leader leads: each is decided on and answered when what the answer rests on is in the
 * ledger, never before (I11). It can hold everything back for a moment, so that the state is the ledger's.
 */
import type { DecisionContext, Verdict } from '../domain/decision.ts';
import type { Problem } from '../domain/errors.ts';
import type { Incoming } from '../ports.ts';
import type { Committer } from './committer.ts';
import { answer, refuse, type Voice } from './respond.ts';

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

export class Reception {
  readonly #options: ReceptionOptions;
  /** What came while `settle` waits; null: it does not. */
  #held: (() => void)[] | null = null;

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
    const again = (): void => {
      this.decide(message, request);
    };
    if (hours() !== 'open' || this.#hold(again)) return;
    if (committer.isFull) {
      const text = 'too much waits for the ledger; try again shortly';
      this.refuse(message, { code: 'LIMIT_REACHED', message: text });
      return;
    }
    guard(() => {
      committer.admit(request.bytes ?? message.data.length);
      const verdict = request.decide(context());
      if (verdict.kind === 'refused') {
        this.refuseLater(message, verdict.problem);
        return;
      }
      const send = (): void => {
        this.answer(message, request.view(verdict.value));
      };
      if (request.isRefusal?.(verdict.value) === true) committer.afterFreshCommit(send);
      else committer.afterCommit(send);
    });
  }

  /** Answers a read when everything it shows is in the ledger; `consistent`: and this leader still leads. */
  read(message: Incoming, view: () => unknown, isConsistent: boolean): void {
    const { committer, hours } = this.#options;
    if (hours() === 'closed' || (isConsistent && hours() === 'resigning')) return;
    const again = (): void => {
      this.read(message, view, isConsistent);
    };
    if (this.#hold(again)) return;
    const value = view();
    const send = (): void => {
      this.answer(message, value);
    };
    if (isConsistent) committer.afterFreshCommit(send);
    else committer.afterCommit(send);
  }

  /** A refusal that may make the caller give up: only a leader that still leads may say it. */
  refuseLater(message: Incoming, problem: Problem): void {
    this.#options.committer.afterFreshCommit(() => {
      this.refuse(message, problem);
    });
  }

  /** Says it now: what it rests on has to be in the ledger. */
  answer(message: Incoming, value: unknown): void {
    answer(message, value, this.#options.voice());
  }

  /** Refuses at once: for what is wrong with the message itself. */
  refuse(message: Incoming, problem: Problem): void {
    refuse(message, problem, this.#options.voice());
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
        for (const each of held) each();
        committer.poke();
      }
    });
  }

  /** True when it has to wait. */
  #hold(run: () => void): boolean {
    if (this.#held === null || this.#held.length >= HELD_MAX) return false;
    this.#held.push(run);
    return true;
  }
}
