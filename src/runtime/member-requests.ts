/**
 * What an agent asks of its leader about its own membership: to be let in, a changed profile, to be drained, to leave.
 * Each goes to `conclave.<fleet>.agent.join.<id>`; what the answer means is for the agent's chart to say. A changed
 * profile is sent until the leader has taken it or refused it for good.
 */
import { errorKinds, problem, type Problem } from '../domain/errors.ts';
import type { Profile } from '../domain/events.ts';
import type { AgentId, Incarnation } from '../domain/ids.ts';
import type { Bus, Clock } from '../ports.ts';
import { JoinReplySchema, type JoinReply } from '../wire/answers.ts';
import { contentTypes, encode } from '../wire/codec.ts';
import { doorFor } from '../wire/door.ts';
import type { JoinMessage } from '../wire/messages.ts';
import type { Subjects } from '../wire/subjects.ts';
import type { Silence } from './admission.ts';
import { answered, type Answered } from './answered.ts';
import type { Log } from './log.ts';
import type { Rejections } from './rejections.ts';

/** What became of a request to be let in. `postponed`: not answered, or refused in a way that may change. */
export type Verdict =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'postponed'; readonly by: Problem | Silence }
  | { readonly kind: 'refused'; readonly problem: Problem };

export interface MemberRequestsOptions {
  readonly clock: Clock;
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly id: AgentId;
  readonly incarnation: Incarnation;
  readonly resendMs: number;
  readonly profile: () => Profile;
  readonly rejections: Rejections;
  readonly log: Log;
  /** It is a member now, and can be reached. */
  readonly isActive: () => boolean;
  /** A changed profile is about to be told. */
  readonly onUpdate: () => void;
  /** The leader answered, whatever it was asked. */
  readonly onWelcome: (reply: JoinReply) => void;
}

type Answer = Answered<JoinReply>;

const door = doorFor(JoinReplySchema);
const headers = { 'Content-Type': contentTypes.json };

export class MemberRequests {
  readonly #options: MemberRequestsOptions;
  /** The profile has changed since it was sent last. */
  #isUpdateDue = false;
  #isClosed = false;

  constructor(options: MemberRequestsOptions) {
    this.#options = options;
  }

  /** Asks once. */
  join(done: (verdict: Verdict) => void): void {
    const { incarnation, profile } = this.#options;
    this.#isUpdateDue = false;
    this.#request({ kind: 'join', incarnation, profile: profile() }, (answer) => {
      done(verdictOf(answer));
    });
  }

  /** Asked until answered, or until `isWanted` says no. */
  ask(kind: 'drain' | 'leave', isWanted: () => boolean, done: () => void): void {
    this.#request({ kind, incarnation: this.#options.incarnation }, (answer) => {
      if (answer.kind === 'answer' || answer.kind === 'refused') done();
      else if (isWanted()) this.ask(kind, isWanted, done);
    });
  }

  /** The profile has changed: the leader is told now, or as soon as this agent is active. */
  update(): void {
    this.#isUpdateDue = true;
    if (this.#options.isActive()) this.tellIfDue();
  }

  /** Tells of a profile that changed while it could not be told. */
  tellIfDue(): void {
    if (!this.#isUpdateDue) return;
    const { clock, log, resendMs, onUpdate } = this.#options;
    onUpdate();
    this.join((verdict) => {
      if (verdict.kind === 'refused')
        log.warn({ problem: verdict.problem }, 'the changed profile was refused');
      if (verdict.kind !== 'postponed') return;
      this.#isUpdateDue = true;
      clock.setTimeout(() => {
        if (!this.#isClosed && this.#isUpdateDue) this.update();
      }, resendMs);
    });
  }

  /** No answer is heard any more. */
  close(): void {
    this.#isClosed = true;
  }

  #request(message: JoinMessage, done: (answer: Answer) => void): void {
    const { clock, bus, subjects, id, resendMs, rejections, onWelcome } = this.#options;
    const subject = subjects.agent('join', id);
    bus.request({ subject, data: encode(message, 'json'), headers, timeoutMs: resendMs * 2 }, (outcome) => {
      if (this.#isClosed) return;
      const answer: Answer = answered(outcome, { door, subject, rejections });
      if (answer.kind === 'answer') onWelcome(answer.value);
      if (answer.kind === 'answer' || answer.kind === 'refused') {
        done(answer);
        return;
      }
      clock.setTimeout(
        () => {
          if (!this.#isClosed) done(answer);
        },
        // What came at once may come at once again.
        answer.kind === 'timeout' ? 0 : resendMs / 4,
      );
    });
  }
}

function verdictOf(answer: Answer): Verdict {
  switch (answer.kind) {
    case 'answer':
      return { kind: 'accepted' };
    case 'refused': {
      const isLater = errorKinds[answer.problem.code].isRetryable;
      return isLater
        ? { kind: 'postponed', by: answer.problem }
        : { kind: 'refused', problem: answer.problem };
    }
    case 'unusable': {
      const message = `what answers is no leader of this fleet: ${answer.why.message}`;
      return { kind: 'postponed', by: problem('TIMEOUT', message) };
    }
    default:
      return { kind: 'postponed', by: answer.kind };
  }
}
