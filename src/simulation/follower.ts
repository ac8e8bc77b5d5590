/**
 * Follows a fleet's stream on the bus's link, with one consumer at the broker at a time. As the real one it
 * outlives a reconnect (a fresh consumer from the next entry on), and stops when the bus is closed, the
 * stream is missing, or the stream ends before what has been read.
 */
import type { LedgerFollower, Subscription } from '../ports.ts';
import type { SimulatedBus } from './bus.ts';
import type { SimulatedLedger } from './ledger.ts';
import type { Link } from './link.ts';
import type { SimulatedProcess } from './process.ts';
import type { Consumer, StoredEntry } from './stream.ts';

const LATE_MS = { min: 1, max: 5_000 };
/** A consumer that says nothing, not even a heartbeat, for so long is replaced. */
const SILENCE_MS = 2_500;

export class Follower implements Subscription {
  readonly #process: SimulatedProcess;
  readonly #bus: SimulatedBus;
  readonly #ledger: SimulatedLedger;
  readonly #reader: LedgerFollower;
  readonly #status: Subscription;
  #next: number;
  /** What an earlier consumer still sends is not listened to. */
  #consumer: Consumer | null = null;
  #isClosed = false;

  constructor(of: {
    process: SimulatedProcess;
    bus: SimulatedBus;
    ledger: SimulatedLedger;
    from: number;
    reader: LedgerFollower;
  }) {
    this.#process = of.process;
    this.#bus = of.bus;
    this.#ledger = of.ledger;
    this.#reader = of.reader;
    this.#next = Math.max(1, of.from);
    this.#status = of.bus.onStatus((status) => {
      if (status === 'online') this.#start();
      else if (status === 'offline') this.#consumer = null;
      else if (status === 'closed') this.#stop('the bus is closed');
    });
    this.#start();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#status.close();
    const consumer = this.#consumer;
    if (consumer !== null) this.#bus.link?.send(() => this.#ledger.stream.release(consumer));
    this.#consumer = null;
  }

  #start(): void {
    const { link } = this.#bus;
    if (this.#isClosed || link === null || !this.#process.isAlive) return;
    const from = this.#next;
    const consumer = this.#consumerOn(link);
    this.#consumer = consumer;
    link.send(() => {
      const { exists, stream } = this.#ledger;
      if (!exists) this.#refuse(link, consumer, { reason: 'stream not found', end: 0 });
      else if (stream.last < from - 1) {
        const reason = `the stream ends at ${stream.last}, and entry ${from - 1} has been read`;
        this.#refuse(link, consumer, { reason, end: stream.last });
      } else if (link.isBrokerOpen) stream.consume(from, consumer);
    });
  }

  /** The broker's side of it. */
  #consumerOn(link: Link): Consumer {
    const { scheduler, faults } = this.#process.laws;
    let lateUntilMs = -1;
    const hear = (entry: StoredEntry): void => {
      if (!link.isBrokerOpen) return this.#ledger.stream.release(consumer);
      if (faults.strikes('followerStops')) {
        this.#ledger.stream.release(consumer);
        return this.#refuse(link, consumer, { reason: 'the consumer was deleted' });
      }
      if (faults.strikes('followerLate')) {
        lateUntilMs = Math.max(lateUntilMs, scheduler.now + faults.within('followerLate', LATE_MS));
      }
      const send = (): void => link.toClient.send(() => this.#heard(consumer, entry));
      if (lateUntilMs < scheduler.now) send();
      else scheduler.at(lateUntilMs, send);
    };
    const gone = (): void => {
      scheduler.after(SILENCE_MS, () => link.toClient.send(() => this.#replace(consumer)));
    };
    const consumer: Consumer = { hear, gone };
    return consumer;
  }

  #refuse(link: Link, consumer: Consumer, why: { readonly reason: string; readonly end?: number }): void {
    link.toClient.send(() => {
      if (this.#consumer === consumer) this.#stop(why.reason, why.end);
    });
  }

  #replace(consumer: Consumer): void {
    if (this.#consumer === consumer) this.#start();
  }

  #heard(consumer: Consumer, entry: StoredEntry): void {
    if (this.#consumer !== consumer || entry.sequence < this.#next) return;
    this.#next = entry.sequence + 1;
    this.#process.laws.trace.record(this.#process.hostId, `follows ${entry.sequence}`);
    this.#reader.entry(entry.sequence, entry.data.slice());
  }

  #stop(reason: string, end?: number): void {
    if (this.#isClosed) return;
    this.close();
    this.#process.laws.trace.record(this.#process.hostId, `follower stopped: ${reason}`);
    this.#reader.stopped(reason, end);
  }
}
