/**
 * Asks the leader, whoever it is: the same request again until it is answered, refused for good, or out of time.
 * A repeat is harmless: whatever changes something carries a key of its own. An answer of a lower term than that of
 * another answer comes from a leader that is none any more, and counts as no answer; so does one that is not of its
 * verb's shape, which is also counted.
 */
import { backoffMs } from '../domain/backoff.ts';
import { defaultSettings } from '../domain/settings.ts';
import { ConclaveError, errorKinds, errorOf } from '../domain/errors.ts';
import type { Headers, Ports, RequestOutcome, Subscription } from '../ports.ts';
import { answered, type Answered } from '../runtime/answered.ts';
import type { Rejections } from '../runtime/rejections.ts';
import { answerDoor, type AnswerTo } from '../wire/answers.ts';
import { contentTypes, encode } from '../wire/codec.ts';
import { answerHeaders } from '../wire/messages.ts';
import type { ApiVerb, Subjects } from '../wire/subjects.ts';
import { hearEvents } from './events.ts';
import { simplyWait, type Wait } from './wait.ts';

export interface CallerOptions {
  readonly ports: Pick<Ports, 'bus' | 'clock' | 'random'>;
  readonly subjects: Subjects;
  readonly rejections: Rejections;
  /** How long a call goes on trying. */
  readonly timeoutMs: number;
  /** How long the fleet knows the key of a call; it is not repeated beyond that. Default: the setting's. */
  readonly requestWindowMs?: number;
  readonly wait?: Wait;
}

export interface AskOptions {
  /** How long this call goes on trying. Default: the caller's. */
  readonly timeoutMs?: number;
  /** Sent along with the request. */
  readonly headers?: Headers;
}

export interface Answer {
  readonly value: unknown;
  /** Of the leader that gave it. */
  readonly term: number;
  /** What the answer says is in the ledger up to here: who has read that far sees it. */
  readonly sequence: number;
}

/** One try waits at most this long: a leader that dies with our request must not cost the whole time. */
const TRY_MS = 2_000;
/** The last try is sent so much before its key may be forgotten: what is sent is not taken at once. */
const KEY_MARGIN_MS = 5_000;
/** A ledger that was made anew begins with term 1: after so long without the old one, that is believed. */
const TERM_REMEMBERED_MS = 30_000;
const contentType = { 'Content-Type': contentTypes.msgpack };

export class Caller {
  readonly #options: CallerOptions;
  readonly #elections: Subscription;
  /** Tries under way that a new leader should be asked instead. */
  readonly #tries = new Set<() => void>();
  /** Highest term that an answer told of, and when one of it was heard last. */
  #term = 0;
  #termAt = 0;

  constructor(options: CallerOptions) {
    this.#options = options;
    const { ports, subjects, rejections } = options;
    // Only a reason to ask anew: anybody can say it.
    this.#elections = hearEvents({ bus: ports.bus, subjects, rejections }, 'leader.elected', () => {
      for (const again of [...this.#tries]) again();
    });
  }

  close(): void {
    this.#elections.close();
    this.#tries.clear();
  }

  /** The value of the leader's answer. Throws what `ask` throws. */
  async call<V extends ApiVerb>(verb: V, body: object, options: AskOptions = {}): Promise<AnswerTo<V>> {
    return (await this.ask(verb, body, options)).value as AnswerTo<V>;
  }

  /**
   * The leader's answer. Throws `NO_LEADER` when nobody led in time, `TIMEOUT` when somebody did but did not
   * answer, `NOBODY_ELECTABLE` when nobody is there whom a `trigger` could call to stand, `NO_NATS` while the
   * connection is down, `TOO_LARGE` before sending, or the leader's own refusal. A call with a key of its own ends
   * with `TIMEOUT`, however patient it is, before the fleet may have forgotten the key: a repeat would be done twice.
   */
  ask(verb: ApiVerb, body: object, options: AskOptions = {}): Promise<Answer> {
    const { ports, subjects } = this.#options;
    const { bus, clock, random } = ports;
    const deadline = clock.now() + (options.timeoutMs ?? this.#options.timeoutMs);
    const data = encode(body, 'msgpack');
    const headers = { ...options.headers, ...contentType };
    if (data.length > bus.payloadBytesMax) {
      const message = `the message has ${data.length} bytes; NATS takes ${bus.payloadBytesMax}`;
      return Promise.reject(new ConclaveError('TOO_LARGE', message));
    }
    const { wait = simplyWait } = this.#options;
    const isKnown = 'key' in body ? this.#keyWindow() : () => true;
    const answered = new Promise<Answer>((resolve, reject) => {
      const attempt = (failures: number): void => {
        if (!isKnown()) {
          reject(failure({ kind: 'timeout' }, verb, subjects.fleet));
          return;
        }
        const timeoutMs = Math.max(1, Math.min(TRY_MS, deadline - clock.now()));
        const forget = bus.request({ subject: subjects.api(verb), data, headers, timeoutMs }, (heard) => {
          this.#tries.delete(again);
          const outcome = this.#read(verb, heard);
          if (outcome.kind === 'answer') {
            resolve(outcome.value);
            return;
          }
          const delay = backoffMs({ failures, baseMs: 50, maxMs: 500, chance: random.next() });
          const isFinal = outcome.kind === 'refused' && !errorKinds[outcome.problem.code].isRetryable;
          if (isFinal || clock.now() + delay >= deadline) reject(failure(outcome, verb, subjects.fleet));
          else
            clock.setTimeout(() => {
              attempt(failures + 1);
            }, delay);
        });
        const again = (): void => {
          forget();
          this.#tries.delete(again);
          attempt(failures);
        };
        // The wish for an election is granted by the very event.
        if (verb !== 'trigger') this.#tries.add(again);
      };
      attempt(1);
    });
    return wait(answered);
  }

  /** Whether a key that is sent for the first time now is sure to be known still; wall time goes on in a suspended machine. */
  #keyWindow(): () => boolean {
    const { ports, requestWindowMs = defaultSettings.requestWindowMs } = this.#options;
    const { clock } = ports;
    const windowMs = Math.max(requestWindowMs / 2, requestWindowMs - KEY_MARGIN_MS);
    const [begun, begunWall] = [clock.now(), clock.wallNow()];
    return () => Math.max(clock.now() - begun, clock.wallNow() - begunWall) < windowMs;
  }

  #read(verb: ApiVerb, outcome: RequestOutcome): Answered<Answer> {
    const { subjects, rejections } = this.#options;
    const door = answerDoor(verb);
    const heard = answered(outcome, { door, subject: subjects.api(verb), rejections });
    if (outcome.kind !== 'reply' || heard.kind === 'unusable') return heard as Answered<never>;
    const term = numberIn(outcome.headers, answerHeaders.term);
    if (this.#isLate(term)) return { kind: 'timeout' };
    if (heard.kind !== 'answer') return heard;
    const sequence = numberIn(outcome.headers, answerHeaders.sequence);
    return { kind: 'answer', value: { value: heard.value, term, sequence } };
  }

  /** From a leader of the past. */
  #isLate(term: number): boolean {
    const now = this.#options.ports.clock.now();
    if (term < this.#term && now - this.#termAt < TERM_REMEMBERED_MS) return true;
    this.#term = term;
    this.#termAt = now;
    return false;
  }
}

/** 0 when it is not there, or is no number. */
function numberIn(headers: Headers, name: string): number {
  const value = Number(headers[name] ?? 0);
  return Number.isSafeInteger(value) && value > 0 ? value : 0;
}

function failure(
  outcome: Exclude<Answered<Answer>, { readonly kind: 'answer' }>,
  verb: ApiVerb,
  fleet: string,
): ConclaveError {
  switch (outcome.kind) {
    case 'refused':
      return errorOf(outcome.problem);
    case 'noResponders':
      // Standbys answer this one too.
      return verb === 'trigger'
        ? new ConclaveError('NOBODY_ELECTABLE', `fleet ${fleet} has no agent that could lead: start one`)
        : new ConclaveError('NO_LEADER', `nobody leads fleet ${fleet}: is an electable agent running?`);
    case 'offline':
      return new ConclaveError('NO_NATS', 'the connection to NATS is down');
    case 'unusable': {
      const message = `what answers ${verb} of fleet ${fleet} is no leader that is understood here: ${outcome.why.message}`;
      return new ConclaveError('TIMEOUT', message);
    }
    case 'timeout': {
      const message = `no answer to ${verb} from fleet ${fleet} in time; it may or may not have been done`;
      return new ConclaveError('TIMEOUT', message);
    }
  }
}
