/**
 * Things that somebody waits for: tasks to be assigned or to end, proposals to be decided. Events say so at once;
 * since events can be missed, what has waited for a while is also asked for. A question that is refused for good ends
 * the waits that it was asked for, with the refusal; one that is not answered is asked again, for as long as it takes.
 */
import { ConclaveError } from '../domain/errors.ts';
import type { Clock, Subscription, TimerHandle } from '../ports.ts';
import type { Wait } from './wait.ts';

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

export interface AwaitedOptions {
  readonly clock: Clock;
  readonly wait: Wait;
  /** Begins to listen for events; each calls `settle`. */
  readonly listen: () => Subscription;
  /** Asks how these stand and calls `settle` for those that are there. */
  readonly ask: (ids: readonly string[]) => Promise<void>;
}

const ASK_MS = 1_000;
/** Asked for in one round. */
const ASKED_MAX = 500;

export class Awaited<T> {
  readonly #options: AwaitedOptions;
  readonly #waiters = new Map<string, Waiter<T>[]>();
  readonly #fresh: string[] = [];
  /** How many of the waiting the last round went past. */
  #asked = 0;
  #subscription: Subscription | null = null;
  #timer: TimerHandle | null = null;
  #isClosed = false;

  constructor(options: AwaitedOptions) {
    this.#options = options;
  }

  wait(id: string): Promise<T> {
    if (this.#isClosed) return Promise.reject(new ConclaveError('CLOSED', 'the fleet connection is closed'));
    this.#subscription ??= this.#options.listen();
    this.#fresh.push(id);
    this.#askFresh();
    this.#arm();
    return this.#options.wait(
      new Promise((resolve, reject) => {
        const waiters = this.#waiters.get(id);
        if (waiters === undefined) this.#waiters.set(id, [{ resolve, reject }]);
        else waiters.push({ resolve, reject });
      }),
    );
  }

  settle(id: string, value: T): void {
    for (const { resolve } of this.#take(id)) resolve(value);
  }

  fail(id: string, error: Error): void {
    for (const { reject } of this.#take(id)) reject(error);
  }

  close(): void {
    this.#isClosed = true;
    this.#subscription?.close();
    if (this.#timer !== null) this.#options.clock.clearTimeout(this.#timer);
    for (const id of [...this.#waiters.keys()])
      this.fail(id, new ConclaveError('CLOSED', 'the fleet connection is closed'));
  }

  #take(id: string): Waiter<T>[] {
    const waiters = this.#waiters.get(id) ?? [];
    this.#waiters.delete(id);
    return waiters;
  }

  /** What is newly waited for may be there already: its event was before. */
  #askFresh(): void {
    if (this.#fresh.length > 1) return;
    this.#options.clock.setTimeout(() => {
      const ids = this.#fresh.splice(0).filter((id) => this.#waiters.has(id));
      if (ids.length > 0 && !this.#isClosed) void this.#ask(ids.slice(0, ASKED_MAX));
    }, 0);
  }

  async #ask(ids: readonly string[]): Promise<void> {
    try {
      await this.#options.ask(ids);
    } catch (error) {
      if (isFinal(error)) for (const id of ids) this.fail(id, error);
    }
  }

  /** All of them in turn, when they are too many for one round. */
  #nextRound(): string[] {
    const ids = [...this.#waiters.keys()];
    const from = this.#asked < ids.length ? this.#asked : 0;
    this.#asked = from + ASKED_MAX;
    return ids.slice(from, from + ASKED_MAX);
  }

  /** Events can be missed: whatever still waits is asked for now and then. */
  #arm(): void {
    if (this.#timer !== null || this.#isClosed) return;
    this.#timer = this.#options.clock.setTimeout(() => {
      const ids = this.#nextRound();
      const again = (): void => {
        this.#timer = null;
        if (this.#waiters.size > 0) this.#arm();
      };
      if (ids.length === 0) again();
      else void this.#ask(ids).then(again);
    }, ASK_MS);
  }
}

/** Asked again, it would be refused again. */
export function isFinal(error: unknown): error is ConclaveError {
  return error instanceof ConclaveError && !error.isRetryable;
}
