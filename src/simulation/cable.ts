/**
 * The network between one host and the broker: it opens connections and can be cut, in either direction.
 * A cut is silent. Only the ends' pings notice, each on its own after 2–4 s: the client in either case, the
 * broker when it hears nothing from the client. A shorter cut loses nothing and delivers everything late.
 */
import type { Laws } from './laws.ts';
import { Link, type LinkOwner } from './link.ts';
import type { SimulatedProcess } from './process.ts';
import type { SeededRandom } from './random.ts';

/** Where connections end: the broker. */
export interface Acceptor {
  readonly isUp: boolean;
  accept(link: Link): void;
}

export class Cable {
  readonly #laws: Laws;
  readonly #random: SeededRandom;
  readonly #acceptor: Acceptor;
  #links: Link[] = [];
  #opened = 0;
  #isInCut = false;
  #isOutCut = false;
  /** Counts heals: a ping that was missed in an earlier cut does not count in this one. */
  #epoch = 0;

  constructor(of: { laws: Laws; random: SeededRandom; acceptor: Acceptor }) {
    this.#laws = of.laws;
    this.#random = of.random;
    this.#acceptor = of.acceptor;
  }

  get isReachable(): boolean {
    return this.#acceptor.isUp && !this.#isInCut && !this.#isOutCut;
  }

  /** null when the broker cannot be reached. */
  open(owner: LinkOwner): Link | null {
    if (!this.isReachable || !owner.process.isAlive) return null;
    this.#opened += 1;
    const random = this.#random.fork(`link-${this.#opened}`);
    const link = new Link({ number: this.#opened, owner, random });
    this.#links = this.#links.filter((known) => !known.isOver);
    this.#links.push(link);
    this.#acceptor.accept(link);
    return link;
  }

  cut(direction: { readonly in: boolean; readonly out: boolean }): void {
    const isFirst = !this.#isInCut && !this.#isOutCut;
    const isOutNew = direction.out && !this.#isOutCut;
    this.#isInCut ||= direction.in;
    this.#isOutCut ||= direction.out;
    for (const link of this.#links) {
      link.cut(direction);
      if (isFirst) this.#clientNotices(link);
      if (isOutNew) this.#brokerNotices(link);
    }
  }

  heal(): void {
    this.#epoch += 1;
    this.#isInCut = false;
    this.#isOutCut = false;
    for (const link of [...this.#links]) link.heal();
  }

  /** The process has died. Its connections are reset; what was in its sockets arrives, or not. */
  reset(process: SimulatedProcess, bytesAreLost: boolean): void {
    for (const link of this.#links) {
      if (link.process !== process) continue;
      if (bytesAreLost) link.toBroker.discard();
      link.closeByClient();
    }
  }

  #clientNotices(link: Link): void {
    this.#afterPingTimeout((isHealed) => {
      link.process.run(() => {
        if (!isHealed()) link.lose('ping timeout');
      });
    });
  }

  #brokerNotices(link: Link): void {
    this.#afterPingTimeout((isHealed) => {
      if (!isHealed()) link.closeByBroker('stale connection');
    });
  }

  #afterPingTimeout(notice: (isHealed: () => boolean) => void): void {
    const epoch = this.#epoch;
    const timeoutMs = this.#random.within(this.#laws.constants.pingTimeoutMs);
    this.#laws.scheduler.after(timeoutMs, () => notice(() => this.#epoch !== epoch));
  }
}
