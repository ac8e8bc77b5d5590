/**
 * A process that waits to be let into its fleet: says why, again and again, and gives up when it was told how long to
 * wait. It does not decide anything: what the leader answered, or that nobody did, is told to it.
 */
import { problem, type Problem } from '../domain/errors.ts';
import type { Clock, RequestOutcome, TimerHandle } from '../ports.ts';
import type { Log } from './log.ts';

export interface AdmissionOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly fleet: string;
  /** Whether it could lead itself. */
  readonly isElectable: () => boolean;
  /** Null: it waits for as long as it takes. */
  readonly timeoutMs: number | null;
  /** It has waited for that long, for this reason. Retryable. */
  readonly onGivenUp: (why: Problem) => void;
}

/** How a request ends without an answer. */
export type Silence = Exclude<RequestOutcome['kind'], 'reply'>;

const FIRST_WARNING_MS = 5_000;
const WARNING_MS = 30_000;

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #startedAt: number;
  #warning: TimerHandle | null = null;
  #deadline: TimerHandle | null = null;
  #why: Problem = problem('NO_NATS', 'it is not connected to NATS');

  constructor(options: AdmissionOptions) {
    this.#options = options;
    const { clock, timeoutMs } = options;
    this.#startedAt = clock.now();
    this.#warnAfter(FIRST_WARNING_MS);
    if (timeoutMs === null) return;
    this.#deadline = clock.setTimeout(() => {
      this.end();
      options.onGivenUp({ ...this.#why, message: `not let in within ${timeoutMs} ms: ${this.#why.message}` });
    }, timeoutMs);
  }

  /** It asked, and was not let in: refused for now, or not answered. */
  postponed(by: Problem | Silence): void {
    this.#why = typeof by === 'string' ? this.#reasonOf(by) : by;
  }

  /** It is in, or does not wait any longer. */
  end(): void {
    const { clock } = this.#options;
    for (const timer of [this.#warning, this.#deadline]) if (timer !== null) clock.clearTimeout(timer);
    this.#warning = null;
    this.#deadline = null;
  }

  #warnAfter(ms: number): void {
    const { clock, log, fleet } = this.#options;
    this.#warning = clock.setTimeout(() => {
      const waitedMs = Math.round(clock.now() - this.#startedAt);
      log.warn({ fleet, waitedMs, code: this.#why.code, reason: this.#why.message }, 'not let in yet');
      this.#warnAfter(WARNING_MS);
    }, ms);
  }

  #reasonOf(silence: Silence): Problem {
    if (silence === 'offline') return problem('NO_NATS', 'the connection to NATS is down');
    const { fleet, isElectable } = this.#options;
    const hope = isElectable()
      ? 'this agent could lead, and has won no election yet'
      : 'this agent is not electable: one that is has to run';
    // A watcher of the join subjects takes the broker's "nobody there" away: then there is only silence.
    return silence === 'noResponders'
      ? problem('NO_LEADER', `nobody leads fleet ${fleet}; ${hope}`)
      : problem('TIMEOUT', `no leader of fleet ${fleet} answers; ${hope}`);
  }
}
