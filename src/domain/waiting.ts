/**
 * Tasks that wait for an agent, by what they ask for. All tasks with the same type and required capabilities
 * share one queue, ordered by priority, then age: a queue that nobody can serve holds up no other.
 * Tasks that no longer wait are skipped when they come to the top; where many were cancelled below it, they are let
 * go of together: a queue holds at most about twice as many as wait in it.
 */
import { Heap } from './heap.ts';
import type { TaskSpec } from './events.ts';

export interface Waiting {
  readonly spec: TaskSpec;
  readonly ordinal: number;
  readonly status: string;
}

export interface Requirement {
  readonly type: string;
  readonly capabilities: readonly string[];
}

export interface Queue<T extends Waiting = Waiting> {
  readonly signature: string;
  readonly requirement: Requirement;
  readonly heap: Heap<T>;
  /** Cancelled since they were last let go of, at least those that it still holds. */
  cancelled: number;
}

/** Whether `a` is to be placed before `b`. */
export function goesFirst(a: Waiting, b: Waiting): boolean {
  return a.spec.priority === b.spec.priority ? a.ordinal < b.ordinal : a.spec.priority > b.spec.priority;
}

export class WaitingTasks {
  readonly #queues = new Map<string, Queue>();

  /** Tasks that it holds, those included that wait no more and have not been let go of. */
  get size(): number {
    let size = 0;
    for (const { heap } of this.#queues.values()) size += heap.size;
    return size;
  }

  add(task: Waiting): void {
    const signature = signatureOf(task.spec);
    let queue = this.#queues.get(signature);
    if (queue === undefined) {
      queue = {
        signature,
        requirement: requirementOf(task.spec),
        heap: new Heap(goesFirst),
        cancelled: 0,
      };
      this.#queues.set(signature, queue);
    }
    queue.heap.push(task);
  }

  /** It was cancelled, and may have waited. */
  cancelled({ spec }: Waiting): void {
    const queue = this.#queues.get(signatureOf(spec));
    if (queue === undefined) return;
    queue.cancelled += 1;
    if (2 * queue.cancelled <= queue.heap.size) return;
    queue.heap.keep(waits);
    queue.cancelled = 0;
  }

  /** Queues that hold a task; empty ones are dropped on the way. */
  *queues(): Iterable<Queue> {
    for (const queue of this.#queues.values()) {
      if (first(queue) === undefined) this.#queues.delete(queue.signature);
      else yield queue;
    }
  }
}

/** The queue's first task that still waits. */
export function first(queue: Queue): Waiting | undefined {
  for (;;) {
    const task = queue.heap.peek();
    if (task === undefined || waits(task)) return task;
    queue.heap.pop();
  }
}

function waits({ status }: Waiting): boolean {
  return status === 'pending';
}

/** What a task asks of the agent that runs it. */
export function requirementOf({ type, requiredCapabilities }: TaskSpec): Requirement {
  return { type, capabilities: requiredCapabilities };
}

export function signatureOf(spec: Pick<TaskSpec, 'type' | 'requiredCapabilities'>): string {
  return spec.requiredCapabilities.length === 0
    ? spec.type
    : `${spec.type} ${spec.requiredCapabilities.join(' ')}`;
}
