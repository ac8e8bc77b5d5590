/**
 * The broker: NATS core. Wildcards, queue groups, "no responders", at most once. It stands for a whole
 * cluster: everything passes through it, and a client that is cut off from it is cut off from everybody.
 * Faults strike each copy of a message on its way out.
 */
import type { Headers } from '../ports.ts';
import type { Acceptor } from './cable.ts';
import { Interest, type Interested } from './interest.ts';
import type { Laws } from './laws.ts';
import type { Link } from './link.ts';
import type { SeededRandom } from './random.ts';

export interface Message {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: Headers;
  readonly replyTo: string | null;
  /** The broker's own answer to a request that nobody hears. */
  readonly isNoResponders: boolean;
}

/** One subscription of one connection. */
export interface BrokerSubscription extends Interested {
  readonly link: Link;
  /** null: not in a queue group. */
  readonly queue: string | null;
  /** Runs in the subscriber's process. */
  readonly deliver: (message: Message) => void;
}

const DELAY_MS = { min: 1, max: 2_000 };
const REORDER_MS = { min: 1, max: 200 };
const DUPLICATE_MS = { min: 0, max: 500 };
const NOTHING = new Uint8Array();

export class SimulatedBroker implements Acceptor {
  readonly #laws: Laws;
  readonly #queueRandom: SeededRandom;
  readonly #closingRandom: SeededRandom;
  readonly #interest = new Interest<BrokerSubscription>();
  readonly #links = new Map<Link, Set<BrokerSubscription>>();
  /** Until when messages of one connection to another are held back by `reorder`. */
  readonly #detours = new Map<Link, Map<Link, number>>();
  /** `host subject`. */
  readonly #muted = new Map<string, 'lost' | 'barred'>();
  #isUp = true;
  #subscribed = 0;

  constructor(laws: Laws) {
    this.#laws = laws;
    this.#queueRandom = laws.random.fork('broker-queue');
    this.#closingRandom = laws.random.fork('broker-closing');
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /**
   * From now on the host hears nothing on this subject. `lost`: nobody is told; `barred`: as if it had not subscribed;
   * null: it hears again.
   */
  mute(hostId: string, subject: string, how: 'lost' | 'barred' | null): void {
    this.#laws.trace.record('broker', `mutes ${subject} for ${hostId}: ${String(how)}`);
    if (how === null) this.#muted.delete(`${hostId} ${subject}`);
    else this.#muted.set(`${hostId} ${subject}`, how);
  }

  /** Who would hear a message on this subject now. For tests. */
  subscribersOf(subject: string): readonly string[] {
    return this.#interest.match(subject).map((subscription) => subscription.link.process.hostId);
  }

  /** Every connection is reset, and nobody can connect for `downMs`. Ledgers keep what they stored. */
  restart(downMs: number): void {
    this.#laws.trace.record('broker', `restarts down ${downMs}`);
    this.#isUp = false;
    for (const link of [...this.#links.keys()]) link.closeByBroker('broker restarted');
    this.#laws.scheduler.after(downMs, () => {
      this.#isUp = true;
      this.#laws.trace.record('broker', 'up');
    });
  }

  /** A server of the cluster leaves: clients are warned, then closed one by one, and may reconnect at once. */
  lameDuck(withinMs = 10_000): void {
    this.#laws.trace.record('broker', `lame duck ${withinMs}`);
    for (const link of this.#links.keys()) {
      link.warn();
      const afterMs = this.#closingRandom.within({ min: 0, max: withinMs });
      this.#laws.scheduler.after(afterMs, () => link.closeByBroker('lame duck'));
    }
  }

  accept(link: Link): void {
    this.#links.set(link, new Set());
    link.onBrokerClosed = () => this.#forget(link);
  }

  subscribe(subscription: Omit<BrokerSubscription, 'number'>): BrokerSubscription | null {
    const owned = this.#links.get(subscription.link);
    if (owned === undefined) return null;
    this.#subscribed += 1;
    const numbered = { ...subscription, number: this.#subscribed };
    owned.add(numbered);
    this.#interest.add(numbered);
    return numbered;
  }

  unsubscribe(subscription: BrokerSubscription): void {
    if (this.#links.get(subscription.link)?.delete(subscription) === true)
      this.#interest.remove(subscription);
  }

  /** A message arrives from a connection; that the connection has ended since does not matter. */
  publish(from: Link, message: Message): void {
    const interested = this.#listenersOf(message.subject);
    if (interested.length === 0) {
      if (message.replyTo !== null) this.#answerNoResponders(from, message.replyTo);
      return;
    }
    let groups: Map<string, BrokerSubscription[]> | null = null;
    for (const subscription of interested) {
      if (subscription.queue === null) this.#copy(from, subscription, message);
      else groups = grouped(groups, subscription.queue, subscription);
    }
    if (groups === null) return;
    for (const group of groups.values()) {
      const chosen = group[group.length === 1 ? 0 : this.#queueRandom.below(group.length)];
      if (chosen !== undefined) this.#copy(from, chosen, message);
    }
  }

  #listenersOf(subject: string): readonly BrokerSubscription[] {
    const interested = this.#interest.match(subject);
    if (this.#muted.size === 0) return interested;
    return interested.filter((each) => this.#mutedFor(each, subject) !== 'barred');
  }

  #mutedFor({ link }: BrokerSubscription, subject: string): 'lost' | 'barred' | null {
    if (this.#muted.size === 0) return null;
    return this.#muted.get(`${link.process.hostId} ${subject}`) ?? null;
  }

  #answerNoResponders(from: Link, replyTo: string): void {
    const answer = { subject: replyTo, data: NOTHING, headers: {}, replyTo: null, isNoResponders: true };
    for (const subscription of this.#interest.match(replyTo)) {
      if (subscription.link === from) this.#copy(from, subscription, answer);
    }
  }

  #copy(from: Link, to: BrokerSubscription, message: Message): void {
    const { faults, scheduler } = this.#laws;
    if (this.#mutedFor(to, message.subject) === 'lost') return;
    if (faults.strikes('drop')) return this.#struck('drop', to, message);
    if (faults.strikes('duplicate')) {
      this.#struck('duplicate', to, message);
      const laterMs = faults.within('duplicate', DUPLICATE_MS);
      scheduler.after(laterMs, () => to.link.toClient.send(() => to.deliver(message)));
    }
    if (faults.strikes('delay')) {
      this.#struck('delay', to, message);
      to.link.toClient.stall(faults.within('delay', DELAY_MS));
    }
    if (faults.strikes('reorder')) {
      this.#struck('reorder', to, message);
      this.#detour(from, to.link, scheduler.now + faults.within('reorder', REORDER_MS));
    }
    this.#send(from, to, message);
  }

  #send(from: Link, to: BrokerSubscription, message: Message): void {
    const untilMs = this.#detours.get(to.link)?.get(from) ?? -1;
    const { scheduler } = this.#laws;
    if (untilMs < scheduler.now) to.link.toClient.send(() => to.deliver(message));
    else scheduler.at(untilMs, () => to.link.toClient.send(() => to.deliver(message)));
  }

  #detour(from: Link, to: Link, untilMs: number): void {
    const detours = this.#detours.get(to) ?? new Map<Link, number>();
    detours.set(from, Math.max(untilMs, detours.get(from) ?? 0));
    this.#detours.set(to, detours);
  }

  #struck(fault: string, to: BrokerSubscription, message: Message): void {
    this.#laws.trace.record('broker', `${fault} ${message.subject} to ${to.link.process.hostId}`);
  }

  #forget(link: Link): void {
    for (const subscription of this.#links.get(link) ?? []) this.#interest.remove(subscription);
    this.#links.delete(link);
    this.#detours.delete(link);
    for (const detours of this.#detours.values()) detours.delete(link);
  }
}

function grouped(
  groups: Map<string, BrokerSubscription[]> | null,
  queue: string,
  subscription: BrokerSubscription,
): Map<string, BrokerSubscription[]> {
  const known = groups ?? new Map<string, BrokerSubscription[]>();
  known.set(queue, [...(known.get(queue) ?? []), subscription]);
  return known;
}
