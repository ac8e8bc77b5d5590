/** Decisions about tasks: submit, cancel, retry, and what agents report of their attempts. SPEC T1–T9. */
import { backoffMs } from './backoff.ts';
import { assertNever } from './assert.ts';
import { accepted, bytesLimitOf, refused, type DecisionContext, type Verdict } from './decision.ts';
import { openProposal, refusalOf, withdrawProposal, type ProposalRequest } from './decide-proposals.ts';
import type { ProposalSpec, TaskError, TaskSpec } from './events.ts';
import { keyLimitOf, rememberedKey, repeatOf, type NamedRequest } from './request-keys.ts';
import { timeOrderedId, type AgentId, type Incarnation, type TaskId } from './ids.ts';
import { attemptKey, currentAttempt, isEnded, type Attempt, type Task } from './state.ts';

/** One task of a submit, checked at the door; lists sorted, defaults not yet filled in. */
export interface TaskRequest {
  readonly type: string;
  readonly payload: unknown;
  readonly priority: number;
  readonly requiredCapabilities: readonly string[];
  readonly target: string | null;
  readonly maxRetries: number | null;
  readonly runTimeoutMs: number | null;
  readonly delayMs: number | null;
  readonly idempotencyKey: string | null;
  /** Digest of everything but the key. */
  readonly digest: string;
  readonly approval: ProposalRequest | null;
}

export interface SubmitRequest extends NamedRequest {
  readonly tasks: readonly TaskRequest[];
}

/** A voter in an entry, at the most. */
export const VOTER_BYTES = 100;

/** All or nothing. A repeat answers with the first one's ids. */
export function decideSubmit(context: DecisionContext, request: SubmitRequest): Verdict<readonly TaskId[]> {
  const { state, settings } = context;
  const repeat = repeatOf(context, request);
  if (repeat !== undefined) return 'kind' in repeat ? repeat : accepted(repeat.tasks);
  const digests = new Map<string, string>();
  const created: TaskRequest[] = [];
  for (const task of request.tasks) {
    const key = task.idempotencyKey;
    const digest = key === null ? undefined : (state.keys.get(key)?.digest ?? digests.get(key));
    if (digest === undefined) created.push(task);
    else if (digest !== task.digest) {
      return refused('CONFLICT', `idempotency key ${key ?? ''} was used before with another body`);
    }
    if (key !== null) digests.set(key, task.digest);
  }
  // Nothing is new: nothing has to be remembered, so no limit can stand in the way.
  if (created.length === 0) return accepted(request.tasks.map((task) => submitOne(context, task)));
  const limit = context.refusalOfNew?.() ?? bytesLimitOf(context) ?? limitOf(context, created, request);
  if (limit !== null) return refused('LIMIT_REACHED', limit);
  const approvals = created.flatMap((task) => task.approval ?? []);
  const refusal = refusalOf(context, approvals);
  if (refusal !== null) return refusal;
  const electorates = approvals.reduce((sum, { voters }) => sum + state.members.size + voters.length, 0);
  if (electorates * VOTER_BYTES > settings.entryBytesMax) {
    return refused(
      'TOO_LARGE',
      `${approvals.length} approvals with all their voters do not fit into one entry`,
    );
  }
  const ids = request.tasks.map((task) => submitOne(context, task));
  context.emit({ type: 'request.accepted', request: rememberedKey(context, request), tasks: ids });
  return accepted(ids);
}

/** Of the tasks that are not repeats. */
function limitOf(
  context: DecisionContext,
  created: readonly TaskRequest[],
  request: NamedRequest,
): string | null {
  const { state, settings } = context;
  if (state.tasks.size + created.length > settings.tasksMax)
    return `the fleet keeps ${settings.tasksMax} tasks`;
  const keyed = created.filter((task) => task.idempotencyKey !== null).length;
  return keyLimitOf(context, request, keyed);
}

function submitOne(context: DecisionContext, request: TaskRequest): TaskId {
  const { state, settings, at } = context;
  const { idempotencyKey: key, digest } = request;
  const known = key === null ? undefined : state.keys.get(key)?.tasks[0];
  if (known !== undefined) return known;
  const { genesis, tasksCreated: ordinal } = state;
  const id = timeOrderedId({ kind: 'task', at, genesis, ordinal }) as TaskId;
  const approval: ProposalSpec | null =
    request.approval === null ? null : openProposal(context, request.approval, id);
  const spec: TaskSpec = {
    id,
    type: request.type,
    payload: request.payload,
    priority: request.priority,
    requiredCapabilities: request.requiredCapabilities,
    target: request.target,
    maxRetries: request.maxRetries ?? settings.maxRetries,
    runTimeoutMs: request.runTimeoutMs,
    notBefore: request.delayMs === null ? null : at + request.delayMs,
    proposal: approval?.id ?? null,
  };
  context.emit(
    key === null
      ? { type: 'task.submitted', task: spec }
      : {
          type: 'task.submitted',
          task: spec,
          key: rememberedKey(context, { key, digest, isIdempotency: true }),
        },
  );
  return id;
}

/** Of an id that is unknown: nobody can tell the two apart. */
export function noTask(id: string): string {
  return `no task ${id}: it was dropped, or never existed`;
}

export interface CancelAnswer {
  readonly status: 'cancelled' | 'cancelling';
}

export function decideCancel(context: DecisionContext, id: TaskId): Verdict<CancelAnswer> {
  const task = context.state.tasks.get(id);
  if (task === undefined) return refused('NOT_FOUND', noTask(id));
  if (isEnded(task)) return refused('ALREADY_ENDED', `task ${id} is ${task.status}`);
  switch (task.status) {
    case 'cancelling':
      return accepted({ status: 'cancelling' });
    case 'assigned':
    case 'running':
      context.emit({ type: 'task.cancelling', id });
      return accepted({ status: 'cancelling' });
    default:
      if (task.spec.proposal !== null) withdrawProposal(context, task.spec.proposal);
      context.emit({ type: 'task.cancelled', id });
      return accepted({ status: 'cancelled' });
  }
}

/** By hand: a failed task gets its retries anew. */
export function decideRetry(context: DecisionContext, id: TaskId): Verdict<null> {
  const task = context.state.tasks.get(id);
  if (task === undefined) return refused('NOT_FOUND', noTask(id));
  if (task.status !== 'failed')
    return refused('CONFLICT', `task ${id} is ${task.status}; only a failed one can be retried`);
  // Without an attempt, it failed because the fleet did not approve it: a retry would go around the vote.
  if (task.attempt === 0)
    return refused('CONFLICT', `task ${id} was not approved; submit it again to ask again`);
  context.emit({ type: 'task.retried', id });
  return accepted(null);
}

/**
 * A change of one thing, told from its own repeats: one whose first answer was lost must not be refused for what the
 * first one did. `again`: what a repeat is answered, as it stands now.
 */
export function decideOnce<T>(
  context: DecisionContext,
  request: NamedRequest,
  change: {
    /** Those that it changes, as the answer to a repeat would name them. */
    readonly tasks: readonly TaskId[];
    readonly decide: () => Verdict<T>;
    readonly again: () => T;
  },
): Verdict<T> {
  const repeat = repeatOf(context, request);
  if (repeat !== undefined) return 'kind' in repeat ? repeat : accepted(change.again());
  const limit = keyLimitOf(context, request);
  if (limit !== null) return refused('LIMIT_REACHED', limit);
  const verdict = change.decide();
  if (verdict.kind === 'accepted') {
    const remembered = rememberedKey(context, request);
    context.emit({ type: 'request.accepted', request: remembered, tasks: change.tasks });
  }
  return verdict;
}

export type Report = { readonly id: TaskId; readonly attempt: number } & (
  | { readonly kind: 'started' }
  | { readonly kind: 'completed'; readonly result: unknown }
  | { readonly kind: 'failed'; readonly error: TaskError; readonly isFinal: boolean }
  | { readonly kind: 'returned' }
);

/** `stale`: the attempt is not this agent's any more; its handler must stop. */
export type ReportAnswer = 'recorded' | 'stale';

/** What an agent says of one of its attempts. Said again, it is answered as before. */
export function decideReport(
  context: DecisionContext,
  from: { readonly agent: AgentId; readonly incarnation: Incarnation },
  report: Report,
): ReportAnswer {
  const task = context.state.tasks.get(report.id);
  const attempt = task?.attempts.find((each) => each.attempt === report.attempt);
  if (task === undefined || attempt === undefined) return releaseForgotten(context, from, report);
  if (attempt.agent !== from.agent || attempt.incarnation !== from.incarnation) return 'stale';
  if (attempt.end === null) {
    record(context, task, report);
    return 'recorded';
  }
  return afterTheEnd(context, attempt, from.agent, report);
}

function record(context: DecisionContext, task: Task, report: Report): void {
  const { id, attempt } = report;
  if (task.status === 'cancelling') {
    if (report.kind !== 'started') context.emit({ type: 'task.cancelled', id });
    return;
  }
  switch (report.kind) {
    case 'started':
      if (task.status === 'assigned') context.emit({ type: 'task.started', id, attempt });
      break;
    case 'completed':
      context.emit({ type: 'task.completed', id, attempt, result: report.result });
      break;
    case 'failed':
      fail(context, task, { end: 'failed', error: report.error, isFinal: report.isFinal });
      break;
    case 'returned':
      context.emit({ type: 'task.attemptReturned', id, attempt });
      break;
    default:
      assertNever(report);
  }
}

function afterTheEnd(
  context: DecisionContext,
  attempt: Attempt,
  agent: AgentId,
  report: Report,
): ReportAnswer {
  if (lingers(context, agent, report)) return release(context, agent, report);
  return isRepeat(attempt, report) ? 'recorded' : 'stale';
}

/** The task was dropped, or keeps this attempt no longer; a handler of it may have a slot all the same. */
function releaseForgotten(
  context: DecisionContext,
  { agent, incarnation }: { readonly agent: AgentId; readonly incarnation: Incarnation },
  report: Report,
): ReportAnswer {
  if (context.state.members.get(agent)?.incarnation !== incarnation) return 'stale';
  return lingers(context, agent, report) ? release(context, agent, report) : 'stale';
}

function lingers({ state }: DecisionContext, agent: AgentId, { id, attempt }: Report): boolean {
  return state.members.get(agent)?.lingering.has(attemptKey(id, attempt)) === true;
}

/** The handler that outlived its attempt has returned. */
function release(context: DecisionContext, agent: AgentId, { id, attempt, kind }: Report): ReportAnswer {
  if (kind === 'started') return 'stale';
  context.emit({ type: 'attempt.released', id, attempt, agent });
  return 'recorded';
}

/** Whether this report ended the attempt, or freed its slot afterwards. */
function isRepeat({ end }: Attempt, { kind }: Report): boolean {
  if (kind === 'started') return false;
  return end === kind || end === 'cancelled' || end === 'timedOut';
}

/** Ends the current attempt as failed or timed out: retried after a backoff, or the end of the task. */
export function fail(
  context: DecisionContext,
  task: Task,
  how: { end: 'failed' | 'timedOut'; error: TaskError; isFinal: boolean },
): void {
  const { settings, at } = context;
  const lingers = how.end === 'timedOut';
  const failures = task.failures + 1;
  const { id, maxRetries } = task.spec;
  if (how.isFinal || failures > maxRetries) {
    context.emit({ type: 'task.failed', id, end: how.end, error: how.error, lingers });
    return;
  }
  const delay = backoffMs({
    failures,
    baseMs: settings.retryBackoffMs,
    maxMs: settings.retryBackoffMsMax,
    chance: context.chance(),
  });
  const { end, error } = how;
  context.emit({
    type: 'task.attemptFailed',
    id,
    attempt: task.attempt,
    end,
    error,
    retryAt: at + delay,
    lingers,
  });
}

/** Attempts of a task that are lost in a row before they started: no accident, but what the task does to its agents. */
const LOST_UNSTARTED_MAX = 10;

/**
 * Ends the current attempt because its agent is gone. It counts if it had started; if it had not, the task goes on to
 * the next agent, but not for ever (ADR 0017).
 */
export function lose(context: DecisionContext, task: Task, reason: string): void {
  const { id, maxRetries } = task.spec;
  const hasStarted = currentAttempt(task)?.startedAt !== null;
  if (task.status === 'cancelling') {
    context.emit({ type: 'task.cancelled', id });
  } else if (hasStarted && task.failures + 1 > maxRetries) {
    context.emit({ type: 'task.failed', id, end: 'lost', error: { message: reason }, lingers: false });
  } else if (!hasStarted && (unstartedLosses(task) + 1) % LOST_UNSTARTED_MAX === 0) {
    const message = `${reason}; ${LOST_UNSTARTED_MAX} attempts in a row were lost before they started, so the task may be what ends its agents`;
    context.emit({ type: 'task.failed', id, end: 'lost', error: { message }, lingers: false });
  } else {
    context.emit({ type: 'task.attemptLost', id, attempt: task.attempt, reason });
  }
}

/** The latest attempts before the current one that were lost and had not started. Retried by hand, a task gets as many again. */
function unstartedLosses({ attempts }: Task): number {
  const before = attempts.slice(0, -1);
  return (
    before.length - 1 - before.findLastIndex(({ end, startedAt }) => end !== 'lost' || startedAt !== null)
  );
}

/** Takes the current attempt back from an agent that leaves. */
export function takeBack(context: DecisionContext, task: Task): void {
  const { id } = task.spec;
  if (task.status === 'cancelling') context.emit({ type: 'task.cancelled', id });
  else context.emit({ type: 'task.attemptReturned', id, attempt: task.attempt });
}
