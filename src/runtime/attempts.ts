/**
 * The handlers that an agent runs: one per attempt, each with an AbortSignal. What they return or throw becomes a
 * report. An attempt that is already running, or whose report is on its way, is not started twice.
 */
import type { TaskError } from '../domain/events.ts';
import { attemptKey } from '../domain/state.ts';
import type { TaskId } from '../domain/ids.ts';
import type { Report } from '../domain/decide-tasks.ts';
import type { Assignment } from '../wire/messages.ts';
import { encode } from '../wire/codec.ts';

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
}

export interface AttemptsOptions {
  readonly handlers: Readonly<Record<string, Handler>>;
  readonly resultBytesMax: number;
  readonly report: (report: Report) => void;
  /** An outcome of this attempt waits for its answer. */
  readonly isReported: (key: string) => boolean;
  readonly onChanged: (running: number) => void;
}

export class Attempts {
  readonly #options: AttemptsOptions;
  readonly #running = new Map<string, Running>();

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#running.size;
  }

  list(): { readonly id: string; readonly attempt: number }[] {
    return [...this.#running.values()].map(({ id, attempt }) => ({ id, attempt }));
  }

  start(assignment: Assignment): void {
    const id = assignment.id as TaskId;
    const { attempt } = assignment;
    const key = attemptKey(id, attempt);
    if (this.#running.has(key) || this.#options.isReported(key)) return;
    const running: Running = { id, attempt, abort: new AbortController() };
    this.#running.set(key, running);
    this.#options.onChanged(this.count);
    this.#options.report({ kind: 'started', id, attempt });
    void this.#run(running, key, assignment);
  }

  abort(id: string, attempt: number, reason: string): void {
    this.#running.get(attemptKey(id as TaskId, attempt))?.abort.abort(new Error(reason));
  }

  abortAll(reason: string): void {
    for (const { abort } of this.#running.values()) abort.abort(new Error(reason));
  }

  async #run(running: Running, key: string, assignment: Assignment): Promise<void> {
    const { id, attempt, abort } = running;
    const handler = this.#options.handlers[assignment.type] ?? this.#options.handlers['*'];
    let report: Report;
    try {
      if (handler === undefined) throw new DoNotRetry(`no handler for ${assignment.type}`);
      const { type, fencingToken, payload, target, priority } = assignment;
      const task = { id, type, attempt, fencingToken, payload, target, priority };
      const result: unknown = await handler(task, { signal: abort.signal });
      report = this.#completed(id, attempt, result);
    } catch (error) {
      report = {
        kind: 'failed',
        id,
        attempt,
        error: taskErrorOf(error),
        isFinal: error instanceof DoNotRetry,
      };
    }
    this.#running.delete(key);
    this.#options.report(report);
    this.#options.onChanged(this.count);
  }

  #completed(id: TaskId, attempt: number, result: unknown): Report {
    const { resultBytesMax } = this.#options;
    const bytes = encode(result ?? null, 'msgpack').length;
    if (bytes > resultBytesMax) {
      throw new DoNotRetry(`the result has ${bytes} bytes; at most ${resultBytesMax} are kept`);
    }
    return { kind: 'completed', id, attempt, result: result ?? null };
  }
}

const MESSAGE_MAX = 8_192;

function taskErrorOf(error: unknown): TaskError {
  const message = (error instanceof Error ? error.message : String(error)).slice(0, MESSAGE_MAX);
  const code =
    error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return code === undefined ? { message } : { message, code: code.slice(0, 255) };
}
