/**
 * The LedgerConnection port over a link of its own. When that link is lost or closed, every append that waits
 * ends as `unknown`: its bytes may have left, and may land later.
 */
import type { AppendOutcome, BoundsOutcome, LedgerConnection, PurgeOutcome, SlotOutcome } from '../ports.ts';
import type { SimulatedLedger } from './ledger.ts';
import type { Link } from './link.ts';
import type { SimulatedProcess } from './process.ts';
import type { Scheduled } from './scheduler.ts';
import { SnapshotClient } from './snapshot-client.ts';
import type { PartOutcome } from './snapshot-shelf.ts';
import { digest } from './trace.ts';

interface Waiting {
  readonly timeout: Scheduled;
  readonly fail: (reason: string) => void;
}

export class SimulatedLedgerConnection implements LedgerConnection {
  readonly #process: SimulatedProcess;
  readonly #ledger: SimulatedLedger;
  readonly #link: Link;
  readonly snapshots: SnapshotClient;
  readonly #waiting = new Set<Waiting>();
  #listeners: (() => void)[] = [];
  #isClosed = false;

  constructor(of: { process: SimulatedProcess; ledger: SimulatedLedger; link: Link }) {
    this.#process = of.process;
    this.#ledger = of.ledger;
    this.#link = of.link;
    this.snapshots = this.#snapshotsOn(of.ledger);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get replicas(): number {
    return this.#ledger.replicas;
  }

  append(
    entry: { readonly data: Uint8Array; readonly expectedLast: number; readonly timeoutMs: number },
    done: (outcome: AppendOutcome) => void,
  ): void {
    const { expectedLast, timeoutMs } = entry;
    const data = entry.data.slice();
    const hostId = this.#process.hostId;
    this.#record(`append ${expectedLast + 1} ${digest(data)}`);
    this.#ask<AppendOutcome>({
      timeoutMs,
      done: (outcome) => {
        this.#record(`append ${expectedLast + 1} ${outcome.kind}`);
        done(outcome);
      },
      failed: (reason) => ({ kind: 'unknown', reason }),
      arrive: (answer) => {
        // The broker closes on a message that it does not take: no answer, and nothing stored.
        if (data.length <= this.#process.laws.constants.payloadBytesMax) {
          this.#ledger.receive({ hostId, data, expectedLast, answer });
        }
      },
    });
  }

  readSlot(sequence: number, done: (outcome: SlotOutcome) => void): void {
    this.#read(() => this.#ledger.readSlot(sequence), done);
  }

  readBounds(done: (outcome: BoundsOutcome) => void): void {
    this.#read(() => this.#ledger.readBounds(), done);
  }

  purge(upTo: number, done: (outcome: PurgeOutcome) => void): void {
    this.#record(`purge up to ${upTo}`);
    this.#read<PurgeOutcome>(() => this.#ledger.purge(upTo), done);
  }

  onClosed(listen: () => void): void {
    if (this.#isClosed) this.#process.runSoon(listen);
    else this.#listeners.push(listen);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#link.closeByClient();
    this.#isClosed = true;
    this.#process.runSoon(() => this.#end('the connection is closed'));
  }

  /** The link is gone. Runs in the process. */
  lost(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#record(`ledger connection lost: ${reason}`);
    this.#end(reason);
  }

  #snapshotsOn({ snapshots: shelf }: SimulatedLedger): SnapshotClient {
    const { hostId, laws } = this.#process;
    return new SnapshotClient({
      process: this.#process,
      shelf,
      ask: (ask, done) => this.#read(ask, done),
      send: ({ name, part }, done) =>
        this.#ask<PartOutcome>({
          timeoutMs: laws.constants.answerTimeoutMs,
          done,
          failed: (reason) => ({ kind: 'unavailable', reason }),
          arrive: (answer) => shelf.receive({ hostId, name, part, answer }),
        }),
    });
  }

  #read<T>(read: () => T | null, done: (outcome: T | { kind: 'unavailable'; reason: string }) => void): void {
    this.#ask<T | { kind: 'unavailable'; reason: string }>({
      timeoutMs: this.#process.laws.constants.answerTimeoutMs,
      done,
      failed: (reason) => ({ kind: 'unavailable', reason }),
      arrive: (answer) => {
        const outcome = read();
        if (outcome !== null) answer(outcome);
      },
    });
  }

  /** Sends a question; `done` hears the first answer, or what `failed` makes of a timeout or a lost link. */
  #ask<T>(question: {
    readonly timeoutMs: number;
    readonly done: (outcome: T) => void;
    readonly failed: (reason: string) => T;
    readonly arrive: (answer: (outcome: T) => void) => void;
  }): void {
    const { laws } = this.#process;
    const { failed, done } = question;
    if (this.#isClosed) return this.#process.runSoon(() => done(failed('the connection is closed')));
    const end = (outcome: T): void => {
      if (!this.#waiting.delete(waiting)) return;
      laws.scheduler.cancel(waiting.timeout);
      done(outcome);
    };
    const timeout = laws.scheduler.after(question.timeoutMs, () =>
      this.#process.run(() => end(failed('no answer in time'))),
    );
    const waiting: Waiting = { timeout, fail: (reason) => end(failed(reason)) };
    this.#waiting.add(waiting);
    this.#link.send(() => {
      question.arrive((outcome) => this.#link.toClient.send(() => end(outcome)));
    });
  }

  #end(reason: string): void {
    for (const waiting of [...this.#waiting]) waiting.fail(reason);
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listen of listeners) listen();
  }

  #record(what: string): void {
    this.#process.laws.trace.record(this.#process.hostId, what);
  }
}
