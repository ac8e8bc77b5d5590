/**
 * Hears candidates, for people who look on: that an election has begun, and that it came to nothing. Hearsay, not
 * from the ledger: it may be missed, and a candidate whose rank everybody knows claims without announcing itself.
 */
import type { AgentId } from '../domain/ids.ts';
import type { Bus, Clock, Subscription, TimerHandle } from '../ports.ts';
import { doorFor } from '../wire/door.ts';
import { ElectionMessageSchema } from '../wire/messages.ts';
import type { Subjects } from '../wire/subjects.ts';
import { hear } from './hearing.ts';
import type { Rejections } from './rejections.ts';

/** `term` is the one that the election is to begin. */
export type ElectionNews =
  | {
      readonly kind: 'election.started';
      readonly term: number;
      readonly agent: AgentId;
      readonly score: number;
    }
  | { readonly kind: 'election.failed'; readonly term: number };

export interface ElectionWatchOptions {
  readonly clock: Clock;
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly rejections: Rejections;
  /** Of the last term-start that is known here. */
  readonly term: () => number;
  readonly onNews: (news: ElectionNews) => void;
}

/** Without a term-start for this long, an election came to nothing. */
const ELECTION_PATIENCE_MS = 10_000;
/** Elections that are waited for at once; what else is announced is ignored. */
const ELECTIONS_MAX = 16;

const door = doorFor(ElectionMessageSchema);

export class ElectionWatch {
  readonly #options: ElectionWatchOptions;
  readonly #subscription: Subscription;
  /** Terms told of that have not begun yet; null: told as failed. */
  readonly #told = new Map<number, TimerHandle | null>();

  constructor(options: ElectionWatchOptions) {
    this.#options = options;
    this.#subscription = hear(options, 'election', door, (said, from) => {
      // A candidate names the term that it wants to follow.
      if (said.kind === 'candidacy') this.#start(said.term + 1, from, said.score);
    });
  }

  close(): void {
    this.#subscription.close();
    for (const term of [...this.#told.keys()]) this.#forget(term);
  }

  #start(term: number, agent: AgentId, score: number): void {
    const { clock, onNews } = this.#options;
    this.#forgetBegun();
    if (term <= this.#options.term() || this.#told.has(term) || this.#told.size >= ELECTIONS_MAX) return;
    const timer = clock.setTimeout(() => {
      this.#giveUp(term);
    }, ELECTION_PATIENCE_MS);
    this.#told.set(term, timer);
    onNews({ kind: 'election.started', term, agent, score });
  }

  #giveUp(term: number): void {
    this.#told.set(term, null);
    this.#forgetBegun();
    if (this.#told.has(term)) this.#options.onNews({ kind: 'election.failed', term });
  }

  #forgetBegun(): void {
    for (const term of [...this.#told.keys()]) if (term <= this.#options.term()) this.#forget(term);
  }

  #forget(term: number): void {
    const timer = this.#told.get(term) ?? null;
    if (timer !== null) this.#options.clock.clearTimeout(timer);
    this.#told.delete(term);
  }
}
