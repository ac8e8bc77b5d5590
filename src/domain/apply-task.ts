/** How ledger events change tasks, and the slots that their attempts take. */
import { assert, assertNever, present } from './assert.ts';
import { bytesWithGate, taskBytes, valueBytes, valuesIn } from './bytes.ts';
import type { AttemptEnd, EventOf, TaskError } from './events.ts';
import {
  attemptKey,
  currentAttempt,
  isEnded,
  type FleetState,
  type Task,
  type TaskOutcome,
  type TaskStatus,
} from './state.ts';
import { follow, type Chart, type EventGuards } from './transitions.ts';

export type TaskEvent = EventOf<
  | 'task.submitted'
  | 'task.approved'
  | 'task.due'
  | 'task.assigned'
  | 'task.started'
  | 'task.completed'
  | 'task.attemptFailed'
  | 'task.attemptLost'
  | 'task.attemptReturned'
  | 'task.failed'
  | 'task.cancelling'
  | 'task.cancelled'
  | 'task.retried'
>;

/** Attempts remembered per task, oldest dropped. */
const ATTEMPTS_KEPT_MAX = 100;

/** The guards that the task chart names; they see the event alone. */
export const taskGuards = {
  isGated: (event: EventOf<'task.submitted'>) => event.task.proposal !== null,
  isLater: (event: EventOf<'task.submitted' | 'task.approved'>) =>
    (event.type === 'task.submitted' ? event.task.notBefore : event.notBefore) !== null,
} satisfies EventGuards;

export function applyTask(state: FleetState, event: TaskEvent, chart: Chart): void {
  if (event.type === 'task.submitted') {
    create(state, event, chart);
    return;
  }
  const task = present(state.tasks.get(event.id), `task ${event.id}`);
  const from = { what: `task ${event.id}`, status: task.status };
  const status = follow(chart, taskGuards, from, event) as TaskStatus;
  const wasEnded = isEnded(task);
  if (wasEnded) state.bytes.ended -= bytesWithGate(state, task);
  state.bytes.kept -= taskBytes(task);
  step(state, task, event);
  state.bytes.kept += taskBytes(task);
  if (isEnded(task)) state.bytes.ended += bytesWithGate(state, task);
  state.counts.tasks[task.status] -= 1;
  state.counts.tasks[status] += 1;
  task.status = status;
  if (isEnded(task) !== wasEnded) noteEnd(state, task);
}

/** It has ended, or is at work again. */
function noteEnd({ ended, counts }: FleetState, task: Task): void {
  if (isEnded(task)) {
    ended.add(task.spec.id);
    counts.outcomes[task.status as TaskOutcome] += 1;
  } else {
    ended.delete(task.spec.id);
    counts.retriedByHand += 1;
  }
}

function create(state: FleetState, event: EventOf<'task.submitted'>, chart: Chart): void {
  const { task: spec } = event;
  assert(!state.tasks.has(spec.id), `task ${spec.id} exists`);
  const from = { what: `task ${spec.id}`, status: chart.initial };
  const status = follow(chart, taskGuards, from, event) as TaskStatus;
  const task: Task = {
    spec,
    ordinal: state.tasksCreated,
    submittedAt: state.at,
    status,
    dueAt: spec.notBefore,
    attempt: 0,
    failures: 0,
    attempts: [],
    result: undefined,
    valueBytes: valuesIn({ spec, result: undefined }),
    error: null,
    endedAt: null,
  };
  state.tasks.set(spec.id, task);
  state.bytes.kept += taskBytes(task);
  state.tasksCreated += 1;
  state.counts.tasks[status] += 1;
  state.counts.tasksByType.set(spec.type, (state.counts.tasksByType.get(spec.type) ?? 0) + 1);
}

function step(state: FleetState, task: Task, event: Exclude<TaskEvent, { type: 'task.submitted' }>): void {
  switch (event.type) {
    case 'task.approved':
      task.dueAt = event.notBefore;
      break;
    case 'task.due':
      task.dueAt = null;
      break;
    case 'task.assigned':
      assign(state, task, event);
      break;
    case 'task.started':
      isCurrent(task, event.attempt).startedAt = state.at;
      break;
    case 'task.completed':
      isCurrent(task, event.attempt);
      endAttempt(state, task, { end: 'completed', error: null, lingers: false });
      task.result = event.result;
      task.valueBytes += valueBytes(event.result);
      task.endedAt = state.at;
      break;
    case 'task.attemptFailed':
      isCurrent(task, event.attempt);
      endAttempt(state, task, event);
      task.failures += 1;
      task.dueAt = event.retryAt;
      state.counts.retries += 1;
      break;
    case 'task.attemptLost': {
      // Only an attempt that had started counts against the limit.
      if (isCurrent(task, event.attempt).startedAt !== null) task.failures += 1;
      const error = { message: event.reason };
      endAttempt(state, task, { end: 'lost', error, lingers: false });
      state.counts.reassigned += 1;
      break;
    }
    case 'task.attemptReturned':
      isCurrent(task, event.attempt);
      endAttempt(state, task, { end: 'returned', error: null, lingers: false });
      break;
    case 'task.failed':
      if (event.end !== null) {
        endAttempt(state, task, { end: event.end, error: event.error, lingers: event.lingers });
        task.failures += 1;
      }
      task.error = event.error;
      task.endedAt = state.at;
      break;
    case 'task.cancelling':
      break;
    case 'task.cancelled':
      if (task.status === 'cancelling') {
        endAttempt(state, task, { end: 'cancelled', error: null, lingers: false });
      }
      task.endedAt = state.at;
      break;
    case 'task.retried':
      task.failures = 0;
      task.error = null;
      task.endedAt = null;
      break;
    default:
      assertNever(event);
  }
}

function assign(state: FleetState, task: Task, event: EventOf<'task.assigned'>): void {
  const member = present(state.members.get(event.agent), `member ${event.agent}`);
  assert(
    event.attempt === task.attempt + 1,
    `task ${task.spec.id}: attempt ${event.attempt} after ${task.attempt}`,
  );
  assert(member.status === 'alive', `task ${task.spec.id} assigned to a member that is ${member.status}`);
  task.attempt = event.attempt;
  if (task.attempts.length === ATTEMPTS_KEPT_MAX) task.attempts.shift();
  task.attempts.push({
    attempt: event.attempt,
    agent: event.agent,
    incarnation: member.incarnation,
    fencingToken: state.fencingToken,
    assignedAt: state.at,
    startedAt: null,
    endedAt: null,
    end: null,
    error: null,
  });
  member.held.add(task.spec.id);
}

function isCurrent(task: Task, attempt: number): NonNullable<ReturnType<typeof currentAttempt>> {
  const current = present(currentAttempt(task), `attempt of task ${task.spec.id}`);
  assert(current.attempt === attempt, `task ${task.spec.id}: attempt ${attempt} is not current`);
  return current;
}

interface Ending {
  readonly end: AttemptEnd;
  readonly error?: TaskError | null;
  readonly lingers: boolean;
}

function endAttempt(state: FleetState, task: Task, ending: Ending): void {
  const attempt = present(currentAttempt(task), `attempt of task ${task.spec.id}`);
  attempt.endedAt = state.at;
  attempt.end = ending.end;
  attempt.error = ending.error ?? null;
  const member = present(state.members.get(attempt.agent), `member ${attempt.agent}`);
  member.held.delete(task.spec.id);
  if (ending.lingers) member.lingering.add(attemptKey(task.spec.id, attempt.attempt));
  if (ending.end === 'completed') member.completed += 1;
}
