/**
 * The sleep of a contender that stands by no more: it follows no ledger, hears no heartbeats, probes nobody and holds
 * no connection to append on. It hears what its leader orders, and wakes when it is called, when nobody has ordered
 * anything for too long, or when somebody asks for an election meanwhile. To wake for nothing does no harm.
 */
import type { Bus, Clock, Random, Subscription, TimerHandle } from '../ports.ts';
import type { Subjects } from '../wire/subjects.ts';
import type { OrderWatch } from './order-watch.ts';

export interface DormancyOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly orders: Pick<OrderWatch, 'patienceMs' | 'isLate'>;
  readonly onDoubt: () => void;
}

export class Dormancy {
  readonly #options: DormancyOptions;
  #alarm: TimerHandle | null = null;
  /** Who asks for an election is heard by standbys alone; if there are none any more, by those who sleep. */
  #wishes: Subscription | null = null;
  /** Those who sleep do not all wake at once: the first to wake find out whether a leader is needed. */
  #share = 0;

  constructor(options: DormancyOptions) {
    this.#options = options;
  }

  get isAsleep(): boolean {
    return this.#wishes !== null;
  }

  begin(): void {
    const { bus, subjects, random, orders, onDoubt } = this.#options;
    this.#share = random.next();
    this.#wishes ??= bus.subscribe(subjects.api('trigger'), () => {
      if (orders.isLate) onDoubt();
    });
    this.ordered();
  }

  /** The leader was heard, while it sleeps. */
  ordered(): void {
    const { clock, orders, onDoubt } = this.#options;
    if (this.#alarm !== null) clock.clearTimeout(this.#alarm);
    this.#alarm = clock.setTimeout(onDoubt, orders.patienceMs * (1 + this.#share));
  }

  end(): void {
    if (this.#alarm !== null) this.#options.clock.clearTimeout(this.#alarm);
    this.#alarm = null;
    this.#wishes?.close();
    this.#wishes = null;
  }
}
