/**
 * Brings an agent's reports to the leader: batched, one request at a time, the same again until answered. A
 * `started` whose outcome is already known is left out: the outcome says it too.
 */
import type { Report } from '../domain/decide-tasks.ts';
import { attemptKey } from '../domain/state.ts';
import { problemIn } from './problem-in.ts';
import type { Bus, Clock, RequestOutcome } from '../ports.ts';
import { contentTypes, decode, encode } from '../wire/codec.ts';
import type { ReportMessage, ReportReply } from '../wire/messages.ts';

export interface CourierOptions {
  readonly clock: Clock;
  readonly bus: Bus;
  readonly subject: string;
  readonly incarnation: string;
  readonly resendMs: number;
  /** The attempt is not ours any more. */
  readonly onStale: (report: Report) => void;
  /** The leader does not know this incarnation. */
  readonly onUnknown: () => void;
  readonly onTerm: (term: number) => void;
  /** Some reports are recorded. */
  readonly onAnswered: () => void;
}

/** Reports in one message. */
const BATCH_MAX = 500;
/** Results in one message, bytes; one alone may be larger. */
const BATCH_BYTES_MAX = 262_144;
const headers = { 'Content-Type': contentTypes.msgpack };

export class Courier {
  readonly #options: CourierOptions;
  #waiting: Report[] = [];
  #inFlight: readonly Report[] = [];
  #isScheduled = false;
  #isStopped = false;

  constructor(options: CourierOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#waiting.length + this.#inFlight.length;
  }

  /** An outcome of this attempt is on its way. */
  carries(key: string): boolean {
    const isIt = (report: Report): boolean =>
      report.kind !== 'started' && attemptKey(report.id, report.attempt) === key;
    return this.pending > 0 && (this.#waiting.some(isIt) || this.#inFlight.some(isIt));
  }

  add(report: Report): void {
    this.#waiting.push(report);
    this.#schedule(0);
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** With 0: after this turn's other reports, so that they travel together. */
  #schedule(ms: number): void {
    if (this.#isScheduled || this.#inFlight.length > 0) return;
    this.#isScheduled = true;
    this.#options.clock.setTimeout(() => {
      this.#isScheduled = false;
      this.#send();
    }, ms);
  }

  #send(): void {
    if (this.#isStopped || this.#inFlight.length > 0 || this.#waiting.length === 0) return;
    this.#waiting = withoutKnownStarts(this.#waiting);
    const { bus, subject, incarnation, resendMs } = this.#options;
    const count = fitting(this.#waiting);
    const batch = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    this.#inFlight = batch;
    const message: ReportMessage = { incarnation, reports: batch };
    // Patience for a commit: longer than the leader's own retry, shorter than giving up on it.
    bus.request(
      { subject, data: encode(message, 'msgpack'), headers, timeoutMs: resendMs * 4 },
      (outcome) => {
        this.#inFlight = [];
        this.#answered(batch, outcome);
      },
    );
  }

  #answered(batch: readonly Report[], outcome: RequestOutcome): void {
    if (this.#isStopped) return;
    const problem = problemIn(outcome);
    if (outcome.kind !== 'reply' || problem !== null) {
      this.#waiting = [...batch, ...this.#waiting];
      if (problem?.code === 'NOT_A_MEMBER') this.#options.onUnknown();
      this.#schedule(this.#options.resendMs / 2);
      return;
    }
    const { term, answers } = decode(outcome.data, outcome.headers) as ReportReply;
    this.#options.onTerm(term);
    batch.forEach((report, i) => {
      if (answers[i] === 'stale') this.#options.onStale(report);
    });
    if (this.#waiting.length > 0) this.#schedule(0);
    this.#options.onAnswered();
  }
}

function withoutKnownStarts(reports: readonly Report[]): Report[] {
  const ended = new Set<string>();
  for (const report of reports)
    if (report.kind !== 'started') ended.add(attemptKey(report.id, report.attempt));
  return reports.filter(
    (report) => report.kind !== 'started' || !ended.has(attemptKey(report.id, report.attempt)),
  );
}

/** How many of the first reports go into one message. */
function fitting(reports: readonly Report[]): number {
  let bytes = 0;
  let count = 0;
  for (const report of reports.slice(0, BATCH_MAX)) {
    if (report.kind === 'completed') bytes += sizeOf(report.result);
    if (count > 0 && bytes > BATCH_BYTES_MAX) break;
    count += 1;
  }
  return count;
}

function sizeOf(value: unknown): number {
  return typeof value === 'object' && value !== null ? encode(value, 'msgpack').length : 16;
}
