/** Tasks as a client holds them: what is submitted, and the handle on what became of it. */
import { ConclaveError, invalidFields } from '../domain/errors.ts';
import type { TasksQuery } from '../wire/messages.ts';
import type { OutcomeView, TasksPage, TaskView } from '../wire/views.ts';

export interface TaskInput {
  /** What is to be done; agents have handlers by type. 1–63 of `A-Za-z0-9_-`. */
  readonly type: string;
  /** What its handler is given: anything that JSON and MessagePack can carry, up to `payloadBytesMax` (256 KiB). Default null. */
  readonly payload?: unknown;
  /** 1–10, 10 first. Default 5. */
  readonly priority?: number;
  /** Only agents that have all of them get it. Default none. */
  readonly requiredCapabilities?: readonly string[];
  /** Free text, kept and searchable. Default none. */
  readonly target?: string;
  /** Further attempts after a failed one. Default: this client's `settings.maxRetries`, else the leader's (3). */
  readonly maxRetries?: number;
  /** An attempt that runs longer is aborted and counts as failed. Default: no limit. */
  readonly runTimeoutMs?: number;
  /** Not before this long from now. Default: at once. */
  readonly delayMs?: number;
  /** The caller's name for this task: submitted again within the window, the first one is returned. */
  readonly idempotencyKey?: string;
  /** The fleet must approve it before it runs; otherwise it fails with the code `NOT_APPROVED`. Default: it need not. */
  readonly approval?: {
    /** Of the proposal, which voters see with the task as its data. Default `task_approval`. */
    readonly type?: string;
    /** Default: `may a task of type … run?`. */
    readonly description?: string;
    /** Share of the electorate's weight that must take part. Default: `settings.quorum`, this client's or the leader's (0.5). */
    readonly quorum?: number;
    /** Until then it is decided. Default: `settings.proposalTimeoutMs`, this client's or the leader's (30 s). */
    readonly timeoutMs?: number;
    /** Names that may vote beside the members, by `fleet.vote`. Default none. */
    readonly voters?: readonly string[];
  };
}

/** Which tasks are listed, which part of them, and in which order; the oldest 50 of all, if it says nothing. */
export type TaskFilter = Readonly<TasksQuery>;
export type TaskPage = TasksPage;

/**
 * A submitted task. `assigned`, `outcome` and `result` have no timeout of their own: they wait through elections and
 * lost connections for as long as it takes. They throw when the fleet refuses to say (`NOT_FOUND`: no such task, or
 * dropped since; `FORBIDDEN`), and `CLOSED` when the fleet is closed. Several may wait at once.
 */
export interface TaskHandle {
  readonly id: string;
  /** Where it stands now. Throws `NOT_FOUND`. */
  status(): Promise<TaskView['status']>;
  /** Resolves once an agent has it, or has had it. Throws `ALREADY_ENDED` when it ended without one. */
  assigned(): Promise<{ readonly agent: string; readonly attempt: number }>;
  /** Resolves when the task has ended, however it ended. */
  outcome(): Promise<OutcomeView>;
  /** The handler's result. Throws `CONFLICT`, with the reason, when the task failed or was cancelled. */
  result(): Promise<unknown>;
  /** As `fleet.cancel`. */
  cancel(): Promise<'cancelled' | 'cancelling'>;
}

/** A single task's fields are not in a list for who submitted it. */
export function asOfOne(error: unknown): unknown {
  if (!(error instanceof ConclaveError) || error.code !== 'INVALID') return error;
  return invalidFields(
    error.fields.map(({ field, message }) => ({ field: field.replace(/^tasks\.0\.?/, ''), message })),
  );
}

/** The result, or the reason why there is none as an error. */
export function resultOf(outcome: OutcomeView): unknown {
  if (outcome.status === 'completed') return outcome.result;
  const why = outcome.error?.message ?? 'no reason given';
  throw new ConclaveError('CONFLICT', `task ${outcome.id} is ${outcome.status}: ${why}`);
}
