/**
 * The handlers that an agent runs: one per attempt, each with an AbortSignal. What they return or throw becomes a
 * report. An attempt that is running, or has ended here, is not started again.
 */
import type { Clock } from '../ports.ts';
import { shareOf } from '../domain/share.ts';
import { attemptKey } from '../domain/state.ts';
import type { TaskId } from '../domain/ids.ts';
import type { Report } from '../domain/decide-tasks.ts';
import type { Assignment } from '../wire/messages.ts';
import { encode } from '../wire/codec.ts';
import type { Log } from './log.ts';
import { cutNote, listed, type Progress, type RunningBeat } from './progress.ts';
import { taskErrorOf } from './task-error.ts';

/** What a handler is given. Handlers run at least once: make effects idempotent under `(id, attempt, fencingToken)`. */
export interface RunningTask {
  readonly id: string;
  readonly type: string;
  /** The first attempt is 1. */
  readonly attempt: number;
  /** Grows with every leader; a resource can refuse a lower one than it has seen. */
  readonly fencingToken: number;
  readonly payload: unknown;
  readonly target: string | null;
  readonly priority: number;
}

export interface HandlerContext {
  /** Aborted when the task is cancelled, ran too long, or belongs to another agent now. */
  readonly signal: AbortSignal;
  /**
   * Says how far it is: a share, 0–1, and perhaps a note (255 characters of it are kept). Shown with the task while the
   * attempt runs, then gone: it is never recorded. The latest counts; it may be called as often as one likes, and
   * travels about four times a second at the most. Does nothing once the attempt has ended.
   */
  readonly progress: (share: number, note?: string) => void;
}

export type Handler = (task: RunningTask, context: HandlerContext) => unknown;

/** Thrown by a handler: fail the task now, retries or not. */
export class DoNotRetry extends Error {
  override readonly name = 'DoNotRetry';
}

interface Running {
  readonly id: TaskId;
  readonly attempt: number;
  readonly abort: AbortController;
  progress: Progress | null;
  /** Runs the handler; null: it has begun. */
  begin: (() => void) | null;
}

/** Attempts that ended here and are remembered: what was sent twice may come long after. */
const ENDED_MAX = 10_000;

export interface AttemptsOptions {
  readonly handlers: Readonly<Record<string, Handler>>;
  readonly resultBytesMax: number;
  readonly report: (report: Report) => void;
  readonly onChanged: (running: number) => void;
  readonly onProgress: () => void;
  /** How long a handler waits at the most until it is recorded that it started. */
  readonly startDelayMs: () => number;
  readonly clock: Clock;
  readonly log: Log;
}

export class Attempts {
  readonly #options: AttemptsOptions;
  readonly #running = new Map<string, Running>();
  /** The latest, oldest first. */
  readonly #ended = new Set<string>();
  #isStopped = false;

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#running.size;
  }

  has(id: TaskId, attempt: number): boolean {
    return this.#running.has(attemptKey(id, attempt));
  }

  /** As a heartbeat says it. */
  list(): RunningBeat[] {
    return listed(this.#running.values(), this.#options.clock.now());
  }

  start(assignment: Assignment): void {
    const id = assignment.id as TaskId;
    const { attempt } = assignment;
    const key = attemptKey(id, attempt);
    if (this.#running.has(key) || this.#ended.has(key)) return;
    const running: Running = { id, attempt, abort: new AbortController(), progress: null, begin: null };
    this.#running.set(key, running);
    this.#options.onChanged(this.count);
    this.#options.report({ kind: 'started', id, attempt });
    running.begin = () => {
      running.begin = null;
      if (!this.#isStopped) void this.#run(running, key, assignment);
    };
    // A handler may block this process, or end it: by then what was just said has left (ADR 0017).
    this.#options.clock.setTimeout(() => running.begin?.(), this.#options.startDelayMs());
  }

  /** The ledger has it that this attempt started. */
  recorded(id: TaskId, attempt: number): void {
    this.#running.get(attemptKey(id, attempt))?.begin?.();
  }

  abort(id: string, attempt: number, reason: string): void {
    this.#running.get(attemptKey(id, attempt))?.abort.abort(new Error(reason));
  }

  abortAll(reason: string): void {
    for (const { abort } of this.#running.values()) abort.abort(new Error(reason));
  }

  /** Begins no more handlers. */
  stop(): void {
    this.#isStopped = true;
  }

  async #run(running: Running, key: string, assignment: Assignment): Promise<void> {
    const { id, attempt, abort } = running;
    // Told to stop before it began: a handler that waits for the signal's event would wait for ever.
    if (abort.signal.aborted) this.#end(key, { kind: 'returned', id, attempt });
    else this.#end(key, await this.#outcome(running, key, assignment));
  }

  #remember(key: string): void {
    this.#ended.add(key);
    const [oldest] = this.#ended;
    if (this.#ended.size > ENDED_MAX && oldest !== undefined) this.#ended.delete(oldest);
  }

  async #outcome(running: Running, key: string, assignment: Assignment): Promise<Report> {
    try {
      return this.#completed(running, await this.#handle(running, key, assignment));
    } catch (thrown) {
      return failed(running, thrown);
    }
  }

  #end(key: string, report: Report): void {
    this.#running.delete(key);
    this.#remember(key);
    this.#options.report(report);
    this.#options.onChanged(this.count);
  }

  #handle(running: Running, key: string, assignment: Assignment): unknown {
    const { id, attempt, abort } = running;
    const handler = this.#options.handlers[assignment.type] ?? this.#options.handlers['*'];
    if (handler === undefined) throw new DoNotRetry(`no handler for ${assignment.type}`);
    const { type, fencingToken, payload, target, priority } = assignment;
    const task = { id, type, attempt, fencingToken, payload, target, priority };
    return handler(task, {
      signal: abort.signal,
      progress: (share, note) => {
        this.#progressed(key, running, { share, note });
      },
    });
  }

  #progressed(
    key: string,
    running: Running,
    { share, note }: { readonly share: number; readonly note: unknown },
  ): void {
    if (this.#running.get(key) !== running) return;
    const { clock, log, onProgress } = this.#options;
    const used = shareOf(share);
    if (used !== share)
      log.warn({ task: running.id, progress: share, used }, 'progress must be between 0 and 1');
    running.progress = {
      share: used,
      note: typeof note === 'string' ? cutNote(note) : null,
      at: clock.now(),
    };
    onProgress();
  }

  #completed({ id, attempt }: Running, result: unknown): Report {
    const { resultBytesMax } = this.#options;
    const bytes = encode(result ?? null, 'msgpack').length;
    if (bytes > resultBytesMax) {
      throw new DoNotRetry(`the result has ${bytes} bytes; at most ${resultBytesMax} are kept`);
    }
    return { kind: 'completed', id, attempt, result: result ?? null };
  }
}

function failed({ id, attempt }: Running, thrown: unknown): Report {
  return { kind: 'failed', id, attempt, error: taskErrorOf(thrown), isFinal: isFinal(thrown) };
}

/** Some of what can be thrown throws when it is looked at. */
function isFinal(thrown: unknown): boolean {
  try {
    return thrown instanceof DoNotRetry;
  } catch {
    return false;
  }
}
