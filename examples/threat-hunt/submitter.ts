/**
 * Submits tasks in batches: what comes while a batch is on its way goes with the next one. So one task goes at
 * once, and a thousand cost about as much. Keeps the ids that the fleet acknowledged.
 */
import type { Fleet, TaskHandle, TaskInput } from 'conclave';

/** Below the fleet's 1,000 tasks and 512 KiB. */
const tasksMax = 1_000;
const bytesMax = 400_000;

interface Waiting {
  readonly task: TaskInput;
  readonly bytes: number;
  readonly resolve: (handle: TaskHandle) => void;
  readonly reject: (error: unknown) => void;
}

export class Submitter {
  readonly #fleet: Pick<Fleet, 'submitMany'>;
  readonly #acknowledged = new Set<string>();
  #waiting: Waiting[] = [];
  #isSending = false;

  constructor(fleet: Pick<Fleet, 'submitMany'>) {
    this.#fleet = fleet;
  }

  /** The ids of all tasks that the fleet said it has. */
  get acknowledged(): ReadonlySet<string> {
    return this.#acknowledged;
  }

  /** Resolves when the fleet has it. */
  submit(task: TaskInput): Promise<TaskHandle> {
    return new Promise((resolve, reject) => {
      const bytes = Buffer.byteLength(JSON.stringify(task));
      this.#waiting.push({ task, bytes, resolve, reject });
      if (!this.#isSending) void this.#sendAll();
    });
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true;
    // What the same turn of the event loop brings goes together.
    await new Promise(setImmediate);
    for (let batch = this.#take(); batch.length > 0; batch = this.#take()) await this.#send(batch);
    this.#isSending = false;
  }

  async #send(batch: readonly Waiting[]): Promise<void> {
    try {
      const handles = await this.#fleet.submitMany(batch.map(({ task }) => task));
      for (const [index, handle] of handles.entries()) {
        this.#acknowledged.add(handle.id);
        batch[index]?.resolve(handle);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  #take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const waiting of this.#waiting) {
      bytes += waiting.bytes;
      if (count >= tasksMax || (count > 0 && bytes > bytesMax)) break;
      count += 1;
    }
    const batch = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return batch;
  }
}
