/**
 * Asks the leader, whoever it is: the same request again until it is answered, refused for good, or out of time.
 * A repeat is harmless: whatever changes something carries a key of its own.
 */
import { backoffMs } from '../domain/backoff.ts';
import { ConclaveError, errorKinds, errorOf, type ErrorCode, type Problem } from '../domain/errors.ts';
import type { Ports, RequestOutcome, Subscription } from '../ports.ts';
import { problemIn } from '../runtime/problem-in.ts';
import { contentTypes, decode, DEPTH_FORWARDED_MAX, encode } from '../wire/codec.ts';
import type { ApiVerb, Subjects } from '../wire/subjects.ts';

export interface CallerOptions {
  readonly ports: Pick<Ports, 'bus' | 'clock' | 'random'>;
  readonly subjects: Subjects;
  /** How long a call goes on trying. */
  readonly timeoutMs: number;
}

/** One try waits at most this long: a leader that dies with our request must not cost the whole time. */
const TRY_MS = 2_000;
const headers = { 'Content-Type': contentTypes.msgpack };

export class Caller {
  readonly #options: CallerOptions;
  readonly #elections: Subscription;
  /** Tries under way that a new leader should be asked instead. */
  readonly #tries = new Set<() => void>();

  constructor(options: CallerOptions) {
    this.#options = options;
    const { ports, subjects } = options;
    this.#elections = ports.bus.subscribe(subjects.event('leader.elected'), () => {
      for (const again of [...this.#tries]) again();
    });
  }

  close(): void {
    this.#elections.close();
    this.#tries.clear();
  }

  /**
   * The leader's answer. Throws `NO_LEADER` when nobody led in time, `TIMEOUT` when somebody did but did not
   * answer, `NO_NATS` while the connection is down, `TOO_LARGE` before sending, or the leader's own refusal.
   */
  call(verb: ApiVerb, body: object, options: { readonly timeoutMs?: number } = {}): Promise<unknown> {
    const { ports, subjects } = this.#options;
    const { bus, clock, random } = ports;
    const deadline = clock.now() + (options.timeoutMs ?? this.#options.timeoutMs);
    const data = encode(body, 'msgpack');
    if (data.length > bus.payloadBytesMax) {
      const message = `the message has ${data.length} bytes; NATS takes ${bus.payloadBytesMax}`;
      return Promise.reject(new ConclaveError('TOO_LARGE', message));
    }
    return new Promise((resolve, reject) => {
      const attempt = (failures: number): void => {
        const timeoutMs = Math.max(1, Math.min(TRY_MS, deadline - clock.now()));
        const forget = bus.request({ subject: subjects.api(verb), data, headers, timeoutMs }, (outcome) => {
          this.#tries.delete(again);
          const problem = problemIn(outcome);
          if (outcome.kind === 'reply' && problem === null) {
            resolve(decode(outcome.data, outcome.headers, DEPTH_FORWARDED_MAX));
            return;
          }
          const delay = backoffMs({ failures, baseMs: 50, maxMs: 500, chance: random.next() });
          const isFinal = problem !== null && !errorKinds[problem.code].isRetryable;
          if (isFinal || clock.now() + delay >= deadline)
            reject(failure(outcome, problem, verb, subjects.fleet));
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
  }
}

function failure(
  outcome: RequestOutcome,
  problem: Problem | null,
  verb: string,
  fleet: string,
): ConclaveError {
  if (problem !== null) return errorOf(problem);
  const [code, message]: [ErrorCode, string] =
    outcome.kind === 'noResponders'
      ? ['NO_LEADER', `nobody leads fleet ${fleet}: is an electable agent running?`]
      : outcome.kind === 'offline'
        ? ['NO_NATS', 'the connection to NATS is down']
        : ['TIMEOUT', `no answer to ${verb} from fleet ${fleet} in time; it may or may not have been done`];
  return new ConclaveError(code, message);
}
