/**
 * An agent's ear for what its leader orders. It takes them from the latest term alone, and knows when they are late:
 * a leader says them all the time.
 */
import type { AgentId } from '../domain/ids.ts';
import type { Settings } from '../domain/settings.ts';
import type { Bus, Clock, Subscription } from '../ports.ts';
import { doorFor } from '../wire/door.ts';
import { OrdersSchema, type OrdersMessage } from '../wire/messages.ts';
import type { Subjects } from '../wire/subjects.ts';
import { hear } from './hearing.ts';
import type { Rejections } from './rejections.ts';

export interface OrderWatchOptions {
  readonly clock: Clock;
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly settings: Pick<Settings, 'suspectAfterIntervals' | 'deadAfterIntervals'>;
  readonly rejections: Rejections;
  /** Highest term that this process has heard of. */
  readonly term: () => number;
  /** `from`: who says so; whether it leads, only the ledger knows. */
  readonly onOrders: (orders: OrdersMessage, from: AgentId) => void;
}

const door = doorFor(OrdersSchema);

export class OrderWatch {
  readonly #options: OrderWatchOptions;
  readonly #subscription: Subscription;
  #last: { readonly orders: OrdersMessage; readonly heardAt: number } | null = null;

  constructor(options: OrderWatchOptions) {
    this.#options = options;
    this.#subscription = hear(options, 'orders', door, (orders, from) => {
      this.#heard(orders, from);
    });
  }

  /** The latest that were heard. */
  get last(): OrdersMessage | null {
    return this.#last?.orders ?? null;
  }

  /** Several repetitions were missed. */
  get isLate(): boolean {
    return this.#silenceMs() >= this.#options.settings.suspectAfterIntervals * this.#repeatMs();
  }

  /** Silent for longer than this, whoever said them leads no more. */
  get patienceMs(): number {
    return this.#options.settings.deadAfterIntervals * this.#repeatMs();
  }

  close(): void {
    this.#subscription.close();
  }

  #silenceMs(): number {
    return this.#last === null ? Infinity : this.#options.clock.now() - this.#last.heardAt;
  }

  #repeatMs(): number {
    return this.#last?.orders.repeatMs ?? 0;
  }

  /** A later leader was heard since, and not just once: in the time of three of these it would have been heard again. */
  #isOutdone({ term, repeatMs }: OrdersMessage): boolean {
    const { suspectAfterIntervals } = this.#options.settings;
    return term < (this.last?.term ?? 0) && this.#silenceMs() < suspectAfterIntervals * repeatMs;
  }

  #heard(orders: OrdersMessage, from: AgentId): void {
    const { term, clock, onOrders } = this.#options;
    if (orders.term < term() || this.#isOutdone(orders)) return;
    this.#last = { orders, heardAt: clock.now() };
    onOrders(orders, from);
  }
}
