/** An agent's votes: its author's handler is asked once per proposal, the ballot is sent until answered. SPEC V7. */
import { errorKinds } from '../domain/errors.ts';
import type { Decision } from '../domain/events.ts';
import type { Bus, Clock } from '../ports.ts';
import { BallotReplySchema } from '../wire/answers.ts';
import { contentTypes, encode } from '../wire/codec.ts';
import { doorFor } from '../wire/door.ts';
import type { BallotMessage, VoteRequest } from '../wire/messages.ts';
import { answered } from './answered.ts';
import type { Log } from './log.ts';
import type { Rejections } from './rejections.ts';
import { taskErrorOf } from './task-error.ts';

/**
 * What a voter is asked to judge. `data` is the proposer's, whatever JSON it gave: typed as `JSON.parse` types it, and
 * as little to be trusted.
 */
export type JudgedProposal = Omit<VoteRequest, 'data'> & { readonly data: ReturnType<typeof JSON.parse> };

/** An agent's author's decision on a proposal. Throws: the agent abstains. */
export type VoteHandler = (proposal: JudgedProposal) => Decision | Promise<Decision>;

export interface BallotsOptions {
  readonly clock: Clock;
  readonly bus: Bus;
  readonly subject: string;
  readonly resendMs: number;
  readonly vote: VoteHandler | null;
  readonly rejections: Rejections;
  readonly log: Log;
}

/** Proposals that are remembered as voted on. */
const REMEMBERED_MAX = 10_000;
const door = doorFor(BallotReplySchema);
const headers = { 'Content-Type': contentTypes.json };

/** The compiler does not see what plain JavaScript returns, and what is no decision would never be counted. */
function decisionIn(given: string | undefined): Decision {
  if (given === 'approve' || given === 'reject' || given === 'abstain') return given;
  throw new Error(`a vote must be approve, reject or abstain, not ${String(given)}`);
}

export class Ballots {
  readonly #options: BallotsOptions;
  /** Proposal → our ballot, or null while the handler thinks. */
  readonly #cast = new Map<string, Decision | null>();
  readonly #sending = new Map<string, { readonly decision: Decision; readonly forget: () => void }>();
  #isStopped = false;

  constructor(options: BallotsOptions) {
    this.#options = options;
  }

  /** Asked again by a new leader, the ballot that was cast is sent again. */
  ask(request: VoteRequest): void {
    const before = this.#cast.get(request.id);
    if (before === null) return;
    if (before !== undefined) {
      this.#send(request.id, before);
      return;
    }
    this.#remember(request.id, null);
    void this.#think(request);
  }

  /** A new leader is there: whoever was asked before will not answer. */
  askAnew(): void {
    // A copy: what is sent again stands in the map again.
    for (const [proposal, { decision, forget }] of [...this.#sending]) {
      forget();
      this.#sending.delete(proposal);
      this.#send(proposal, decision);
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #think(request: VoteRequest): Promise<void> {
    const { vote, log } = this.#options;
    let decision: Decision = 'abstain';
    try {
      if (vote !== null) decision = decisionIn(await vote(request));
    } catch (error) {
      // What was thrown may throw when it is looked at.
      log.warn({ err: taskErrorOf(error), proposal: request.id }, 'the vote handler failed: abstaining');
    }
    this.#remember(request.id, decision);
    this.#send(request.id, decision);
  }

  #send(proposal: string, decision: Decision): void {
    if (this.#sending.has(proposal) || this.#isStopped) return;
    const { bus, clock, subject, resendMs, rejections, log } = this.#options;
    const ballot: BallotMessage = { proposal, decision };
    const forget = bus.request(
      { subject, data: encode(ballot, 'json'), headers, timeoutMs: resendMs * 4 },
      (outcome) => {
        this.#sending.delete(proposal);
        const heard = answered(outcome, { door, subject, rejections });
        if (heard.kind === 'answer') return;
        if (heard.kind === 'refused' && !errorKinds[heard.problem.code].isRetryable) {
          log.debug({ proposal, problem: heard.problem }, 'ballot refused');
          return;
        }
        clock.setTimeout(() => {
          this.#send(proposal, decision);
        }, resendMs / 2);
      },
    );
    this.#sending.set(proposal, { decision, forget });
  }

  #remember(proposal: string, decision: Decision | null): void {
    this.#cast.set(proposal, decision);
    const [oldest] = this.#cast.keys();
    if (this.#cast.size > REMEMBERED_MAX && oldest !== undefined) this.#cast.delete(oldest);
  }
}
