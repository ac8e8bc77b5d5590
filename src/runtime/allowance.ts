/**
 * How much of what one sender says is looked at within a second: so many messages, and so much of this process's time.
 * What is beyond it is turned away unread, so that whoever floods takes from the others no more than it costs to receive
 * its messages. Agents are told apart by subjects, which permissions pin: nobody can use up the allowance of another.
 * Clients are told apart by where they want their answers, which nobody pins; so there is a bound for all of them too.
 */
import type { Clock } from '../ports.ts';

/** hear: as any other. refuse: too much, and worth an answer. ignore: so much that answers would be a flood, too. */
export type Hearing = 'hear' | 'refuse' | 'ignore';

export interface AllowanceLimits {
  /** Messages of one sender. */
  readonly perSecondMax: number;
  /** Time for all senders together. Default: no bound. */
  readonly busyMsMax?: number;
}

interface Used {
  heard: number;
  refused: number;
  busyMs: number;
}

const WINDOW_MS = 1_000;
/** Of each window, for one sender. */
const SENDER_MS_MAX = 500;
/** Answers that say so, to one sender. */
const REFUSALS_MAX = 1_000;
/** Senders that are told apart in a window; the others have to wait for the next. */
const SENDERS_MAX = 20_000;

export class Allowance {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #limits: AllowanceLimits;
  readonly #used = new Map<string | null, Used>();
  #busyMs = 0;
  #since = -Infinity;

  constructor(clock: Pick<Clock, 'now'>, limits: AllowanceLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** What becomes of one more message. null: of nobody in particular. */
  take(from: string | null): Hearing {
    const used = this.#usedBy(from);
    if (used === null) return 'ignore';
    const { perSecondMax, busyMsMax = Infinity } = this.#limits;
    if (used.heard < perSecondMax && used.busyMs < SENDER_MS_MAX && this.#busyMs < busyMsMax) {
      used.heard += 1;
      return 'hear';
    }
    used.refused += 1;
    return used.refused <= REFUSALS_MAX ? 'refuse' : 'ignore';
  }

  /** Looks at a message that was let in: the time that it takes is the sender's. */
  charge(from: string | null, look: () => void): void {
    const startedAt = this.#clock.now();
    look();
    const ms = this.#clock.now() - startedAt;
    this.#busyMs += ms;
    const used = this.#used.get(from);
    if (used !== undefined) used.busyMs += ms;
  }

  #usedBy(from: string | null): Used | null {
    const now = this.#clock.now();
    if (now - this.#since >= WINDOW_MS) {
      this.#since = now;
      this.#busyMs = 0;
      this.#used.clear();
    }
    const known = this.#used.get(from);
    if (known !== undefined) return known;
    if (this.#used.size >= SENDERS_MAX) return null;
    const used = { heard: 0, refused: 0, busyMs: 0 };
    this.#used.set(from, used);
    return used;
  }
}
