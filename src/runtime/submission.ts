/**
 * Reads a submit: one task as the body, or a list under `tasks`. Everything that can be wrong with it is said here,
 * before anything is decided; what it becomes in the ledger must fit into one entry.
 */
import type { ProposalRequest } from '../domain/decide-proposals.ts';
import type { SubmitRequest, TaskRequest } from '../domain/decide-tasks.ts';
import type { NamedRequest } from '../domain/request-keys.ts';
import { problem, problemOf, type Problem } from '../domain/errors.ts';
import type { Settings } from '../domain/settings.ts';
import type { Incoming } from '../ports.ts';
import { decode, encode } from '../wire/codec.ts';
import { digestOf, doorFor, type Admitted } from '../wire/door.ts';
import { SubmitManySchema, TaskSchema, type TaskMessage } from '../wire/messages.ts';

export interface Submission {
  readonly request: SubmitRequest;
  /** A list was sent, and a list of ids is the answer. */
  readonly isMany: boolean;
}

export interface SubmissionOptions {
  readonly settings: Pick<Settings, 'entryBytesMax' | 'payloadBytesMax' | 'submitTasksMax'>;
  /** Makes a key for a submit that has none. */
  readonly key: () => string;
  /** Who proposes approvals. */
  readonly proposer: string;
}

const one = doorFor(TaskSchema);
const many = doorFor(SubmitManySchema);

export function readSubmission(message: Incoming, options: SubmissionOptions): Admitted<Submission> {
  const { data, headers } = message;
  const { entryBytesMax } = options.settings;
  if (data.length > entryBytesMax) return tooLarge('a submit', entryBytesMax, data.length);
  let body: unknown;
  try {
    body = decode(data, headers);
  } catch (error) {
    return { kind: 'bad', problem: problemOf(error) };
  }
  const isMany = typeof body === 'object' && body !== null && 'tasks' in body;
  const admitted = isMany ? many.check(body) : one.check(body);
  if (admitted.kind === 'bad') return admitted;
  const list = 'tasks' in admitted.value ? admitted.value : { tasks: [admitted.value] };
  const wrong = limitsOf(list.tasks, data.length, options.settings);
  if (wrong !== null) return { kind: 'bad', problem: wrong };
  const tasks = list.tasks.map((task) => taskRequest(task, options.proposer));
  return { kind: 'ok', value: { request: { ...nameOf(list, data, options.key), tasks }, isMany } };
}

/** What repeats of a request are known by. An idempotency key is for callers that may encode it anew each time. */
export function nameOf(
  body: { readonly key?: string; readonly idempotencyKey?: string },
  data: Uint8Array,
  freshKey: () => string,
): NamedRequest {
  const { key, idempotencyKey, ...rest } = body;
  if (idempotencyKey === undefined) return { key: key ?? freshKey(), digest: digestOf(data) };
  return { key: idempotencyKey, digest: digestOf(orderedJson(rest)), isIdempotency: true };
}

/** JSON with the keys of every object in order: maps that are encoded anew may have them in any. */
function orderedJson(body: object): string {
  return JSON.stringify(body, (_, value: unknown) =>
    value === null || typeof value !== 'object' || Array.isArray(value)
      ? value
      : Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))),
  );
}

function limitsOf(
  tasks: readonly TaskMessage[],
  bytes: number,
  { entryBytesMax, payloadBytesMax, submitTasksMax }: SubmissionOptions['settings'],
): Problem | null {
  if (tasks.length > submitTasksMax) {
    return problem('TOO_LARGE', `a submit has at most ${submitTasksMax} tasks, this one has ${tasks.length}`);
  }
  // Small messages cannot grow past the limits in the ledger's encoding; numbers written as text can double.
  if (bytes <= Math.min(payloadBytesMax, entryBytesMax / 4)) return null;
  let total = 0;
  for (const [i, task] of tasks.entries()) {
    const size = encode(task.payload ?? null, 'msgpack').length;
    total += size;
    if (size > payloadBytesMax) return tooLarge(`the payload of task ${i}`, payloadBytesMax, size).problem;
  }
  return total > entryBytesMax ? tooLarge('a submit', entryBytesMax, total).problem : null;
}

function tooLarge(
  what: string,
  bytesMax: number,
  bytes: number,
): { readonly kind: 'bad'; readonly problem: Problem } {
  return {
    kind: 'bad',
    problem: problem('TOO_LARGE', `${what} has ${bytes} bytes; at most ${bytesMax} are taken`),
  };
}

function taskRequest(task: TaskMessage, proposer: string): TaskRequest {
  const { idempotencyKey = null, ...body } = task;
  return {
    type: task.type,
    payload: task.payload ?? null,
    priority: task.priority ?? 5,
    requiredCapabilities: [...new Set(task.requiredCapabilities ?? [])].sort(),
    target: task.target ?? null,
    maxRetries: task.maxRetries ?? null,
    runTimeoutMs: task.runTimeoutMs ?? null,
    delayMs: task.delayMs ?? null,
    idempotencyKey,
    digest: idempotencyKey === null ? '' : digestOf(orderedJson(body)),
    approval: task.approval === undefined ? null : approvalRequest(task, task.approval, proposer),
  };
}

function approvalRequest(
  task: TaskMessage,
  approval: NonNullable<TaskMessage['approval']>,
  proposer: string,
): ProposalRequest {
  return {
    type: approval.type ?? 'task_approval',
    description: approval.description ?? `may a task of type ${task.type} run?`,
    data: { type: task.type, target: task.target ?? null, payload: task.payload ?? null },
    proposer,
    quorum: approval.quorum ?? null,
    timeoutMs: approval.timeoutMs ?? null,
    weighting: 'equal',
    voters: approval.voters ?? [],
  };
}
