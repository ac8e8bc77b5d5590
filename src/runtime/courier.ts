/**
 * Brings an agent's reports to the leader: batched, one request at a time, the same again until answered. A `started`
 * waits for no other request, since its handler may block this process (ADR 0017). Said again, it goes with the others,
 * and is left out when the outcome is known: the outcome says it too.
 */
import { errorKinds, problem as problemWith, type Problem } from '../domain/errors.ts';
import type { Report } from '../domain/decide-tasks.ts';
import { attemptKey } from '../domain/state.ts';
import type { Log } from './log.ts';
import type { Bus, Clock, RequestOutcome } from '../ports.ts';
import { ReportReplySchema, type ReportReply } from '../wire/answers.ts';
import { contentTypes, encode } from '../wire/codec.ts';
import { doorFor } from '../wire/door.ts';
import type { ReportMessage } from '../wire/messages.ts';
import { answered, type Answered } from './answered.ts';
import type { Rejections } from './rejections.ts';

export interface CourierOptions {
  readonly clock: Clock;
  readonly bus: Bus;
  readonly subject: string;
  readonly incarnation: string;
  readonly resendMs: number;
  readonly log: Log;
  readonly rejections: Rejections;
  /** The attempt is not ours any more. */
  readonly onStale: (report: Report) => void;
  /** The leader does not know this incarnation. */
  readonly onUnknown: () => void;
  readonly onTerm: (term: number) => void;
  /** It is recorded that this attempt started. */
  readonly onStarted: (report: Report) => void;
  /** Some reports are recorded. */
  readonly onAnswered: () => void;
}

/** Reports in one message. */
const BATCH_MAX = 500;
const STARTED_BYTES = 64;
/** Reports in one message, bytes; one alone may be larger. */
const BATCH_BYTES_MAX = 262_144;
const door = doorFor(ReportReplySchema);
const headers = { 'Content-Type': contentTypes.msgpack };

export class Courier {
  readonly #options: CourierOptions;
  #waiting: Report[] = [];
  #inFlight: readonly Report[] = [];
  #forget: (() => void) | null = null;
  #isScheduled = false;
  /** To be sent at the end of this turn. */
  #starts: Report[] = [];
  /** Requests that say only what started, and how to forget them. */
  readonly #startsInFlight = new Map<readonly Report[], () => void>();
  #isStopped = false;
  /** Halved when the leader refuses a message, until the one report that it refuses is alone. */
  #batchMax = BATCH_MAX;

  constructor(options: CourierOptions) {
    this.#options = options;
  }

  get pending(): number {
    let starts = this.#starts.length;
    for (const batch of this.#startsInFlight.keys()) starts += batch.length;
    return this.#waiting.length + this.#inFlight.length + starts;
  }

  /** An outcome of this attempt is on its way. */
  carries(key: string): boolean {
    const isIt = (report: Report): boolean =>
      report.kind !== 'started' && attemptKey(report.id, report.attempt) === key;
    return this.pending > 0 && (this.#waiting.some(isIt) || this.#inFlight.some(isIt));
  }

  add(report: Report): void {
    if (report.kind === 'started') {
      this.#addStart(report);
      return;
    }
    this.#waiting.push(report);
    this.#schedule(0);
  }

  /** A new leader is there: whoever was asked before will not answer. */
  askAnew(): void {
    this.#forget?.();
    this.#forget = null;
    for (const forget of this.#startsInFlight.values()) forget();
    this.#waiting = [...[...this.#startsInFlight.keys()].flat(), ...this.#inFlight, ...this.#waiting];
    this.#startsInFlight.clear();
    this.#inFlight = [];
    this.#send();
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Sent in a turn of its own, before any that is asked for from now on. */
  #addStart(report: Report): void {
    this.#starts.push(report);
    if (this.#starts.length > 1) return;
    this.#options.clock.setTimeout(() => {
      this.#sendStarts();
    }, 0);
  }

  #sendStarts(): void {
    if (this.#isStopped) return;
    while (this.#starts.length > 0) {
      const batch = this.#starts.splice(0, BATCH_MAX);
      const forget = this.#request(batch, (outcome) => {
        this.#startsInFlight.delete(batch);
        this.#startsAnswered(batch, outcome);
      });
      this.#startsInFlight.set(batch, forget);
    }
  }

  #startsAnswered(batch: readonly Report[], outcome: RequestOutcome): void {
    if (this.#isStopped) return;
    const heard = this.#heard(batch, outcome);
    if (heard.kind === 'answer') {
      this.#recorded(batch, heard.value);
      return;
    }
    this.#waiting = [...batch, ...this.#waiting];
    this.#schedule(this.#options.resendMs / 2);
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
    const count = fitting(this.#waiting.slice(0, this.#batchMax));
    const batch = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    this.#inFlight = batch;
    this.#forget = this.#request(batch, (outcome) => {
      this.#forget = null;
      this.#inFlight = [];
      this.#answered(batch, outcome);
    });
  }

  #request(batch: readonly Report[], done: (outcome: RequestOutcome) => void): () => void {
    const { bus, subject, incarnation, resendMs } = this.#options;
    const message: ReportMessage = { incarnation, reports: [...batch] };
    // Patience for a commit: longer than the leader's own retry, shorter than giving up on it.
    const data = encode(message, 'msgpack');
    return bus.request({ subject, data, headers, timeoutMs: resendMs * 4 }, done);
  }

  #answered(batch: readonly Report[], outcome: RequestOutcome): void {
    if (this.#isStopped) return;
    const heard = this.#heard(batch, outcome);
    if (heard.kind !== 'answer') {
      this.#notRecorded(batch, heard.kind === 'refused' ? heard.problem : null);
      return;
    }
    this.#batchMax = BATCH_MAX;
    if (this.#waiting.length > 0) this.#schedule(0);
    this.#recorded(batch, heard.value);
  }

  #recorded(batch: readonly Report[], { term, answers }: ReportReply): void {
    const { onTerm, onStale, onStarted, onAnswered } = this.#options;
    onTerm(term);
    batch.forEach((report, i) => {
      if (answers[i] === 'stale') onStale(report);
      else if (report.kind === 'started') onStarted(report);
    });
    onAnswered();
  }

  /**
   * A report that the leader will never take must not hold up the others: the attempt fails with the reason. What says
   * no result is dropped: the leader counts an attempt as lost that beats do not name.
   */
  #instead(report: Report | undefined, problem: Problem): Report[] {
    if (report === undefined) return [];
    const { kind, id, attempt } = report;
    if (kind !== 'completed') {
      const reason = `${problem.code}: ${problem.message}`;
      this.#options.log.warn(
        { task: id, attempt, kind, reason },
        'a report was refused for good, and dropped',
      );
      return [];
    }
    const error = {
      message: `the result was refused: ${problem.message}`.slice(0, 1_024),
      code: problem.code,
    };
    return [{ kind: 'failed', id, attempt, error, isFinal: true }];
  }

  /** An answer speaks of every report. */
  #heard(batch: readonly Report[], outcome: RequestOutcome): Answered<ReportReply> {
    const { subject, rejections } = this.#options;
    const heard = answered<ReportReply>(outcome, { door, subject, rejections });
    if (heard.kind !== 'answer' || heard.value.answers.length === batch.length) return heard;
    const what = `${heard.value.answers.length} answers to ${batch.length} reports`;
    const why = problemWith('INVALID', what);
    rejections.count(subject, why);
    return { kind: 'unusable', why };
  }

  /** Null: there was no answer. */
  #notRecorded(batch: readonly Report[], problem: Problem | null): void {
    const isForGood =
      problem !== null && problem.code !== 'NOT_A_MEMBER' && !errorKinds[problem.code].isRetryable;
    const again = isForGood && batch.length === 1 ? this.#instead(batch[0], problem) : batch;
    this.#waiting = [...again, ...this.#waiting];
    if (isForGood) this.#batchMax = Math.max(1, Math.ceil(batch.length / 2));
    if (problem?.code === 'NOT_A_MEMBER') this.#options.onUnknown();
    this.#schedule(isForGood ? 0 : this.#options.resendMs / 2);
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
  for (const report of reports) {
    bytes += report.kind === 'started' ? STARTED_BYTES : encode(report, 'msgpack').length;
    if (count > 0 && bytes > BATCH_BYTES_MAX) break;
    count += 1;
  }
  return count;
}
