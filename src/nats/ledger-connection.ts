/**
 * The ledger's own connection: compare-and-set appends and reads at the stream's leader (DESIGN §3 rules 1–5), purges
 * by sequence, and the snapshots beside the ledger (rule 7).
 *
 * Invariants:
 * - An append carries the expected last sequence and never a message id (rule 4).
 * - `stored` and `refused` are said only on the broker's word, `notStored` only on its 503; all else is `unknown`.
 * - When the connection closes, every append that waits ends as `unknown` in that turn.
 */
import type { NatsConnection } from 'nats';
import type {
  AppendOutcome,
  BoundsOutcome,
  BusStatus,
  LedgerConnection,
  PurgeOutcome,
  RequestOutcome,
  SlotOutcome,
} from '../ports.ts';
import { watchConnection, type RefusalHeard } from './connection.ts';
import { reasonOf } from './errors.ts';
import { callApi, inDomain, numberAt, objectAt, readOutcome, whyNot, type Request } from './jetstream-api.ts';
import { fence, type NatsLog } from './log.ts';
import { RequestMux } from './request-mux.ts';
import { NatsSnapshots, type NatsSnapshotsOptions } from './snapshots.ts';
import { boundsOf, purgeUpTo } from './stream-bounds.ts';
import type { StreamConfig, StreamPlacement } from './stream-config.ts';

/** Of a broker that has not said how much it takes. */
const payloadBytesMin = 64 * 1024;

export interface NatsLedgerConnectionOptions {
  readonly stream: string;
  readonly subject: string;
  readonly inboxPrefix?: string;
  readonly jetstreamDomain?: string;
  readonly snapshots: Pick<NatsSnapshotsOptions, 'subjects' | 'mayCreate' | 'random'> & {
    readonly bytesMax?: number;
    readonly placement?: StreamPlacement;
  };
  readonly log: NatsLog;
  /** The stream's configuration, each time that the broker says it along with the bounds. */
  readonly onConfig?: (config: StreamConfig) => void;
  /** Each thing that the broker's permissions forbid. */
  readonly refused?: RefusalHeard;
}

export class NatsLedgerConnection implements LedgerConnection {
  /** Known once the stream has been looked at. */
  replicas = 1;
  /** Of JetStream's API; also for the calls that come before the stream is known to be good. */
  readonly request: Request;
  readonly #nc: NatsConnection;
  readonly #mux: RequestMux;
  readonly #log: NatsLog;
  readonly #stream: string;
  readonly #subject: string;
  readonly #onConfig: (config: StreamConfig) => void;
  readonly snapshots: NatsSnapshots;
  readonly #listeners: (() => void)[] = [];
  #isClosed = false;

  constructor(nc: NatsConnection, options: NatsLedgerConnectionOptions) {
    this.#nc = nc;
    this.#log = options.log;
    this.#stream = options.stream;
    this.#subject = options.subject;
    this.#onConfig = options.onConfig ?? (() => undefined);
    this.#mux = new RequestMux(nc, options);
    this.request = inDomain((message, done) => this.#mux.request(message, done), options.jetstreamDomain);
    this.snapshots = this.#snapshotsOf(options);
    const heard = (change: BusStatus): void => {
      if (change === 'closed') this.#closed();
      // Whoever opened it may have asked the library to reconnect: this one must not.
      if (change === 'offline') this.close();
    };
    watchConnection(nc, options.log, heard, options.refused);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  append(
    entry: { readonly data: Uint8Array; readonly expectedLast: number; readonly timeoutMs: number },
    done: (outcome: AppendOutcome) => void,
  ): void {
    const message = {
      subject: this.#subject,
      data: entry.data,
      headers: { 'Nats-Expected-Last-Sequence': String(entry.expectedLast) },
      timeoutMs: entry.timeoutMs,
    };
    if (this.#isClosed) {
      this.#later(() => done({ kind: 'unknown', reason: 'the connection is closed' }));
      return;
    }
    try {
      this.#mux.request(message, (outcome) => done(this.#appendOutcome(outcome, entry.expectedLast + 1)));
    } catch (error) {
      this.#log.error({ reason: reasonOf(error), bytes: entry.data.length }, 'an entry was not sent');
      this.#later(() => done({ kind: 'unknown', reason: reasonOf(error) }));
    }
  }

  readSlot(sequence: number, done: (outcome: SlotOutcome) => void): void {
    this.#readSlot(sequence, (outcome) => fence(this.#log, 'ledger read', () => done(outcome)), true);
  }

  readBounds(done: (outcome: BoundsOutcome) => void): void {
    callApi(this.request, { verb: `STREAM.INFO.${this.#stream}` }, (outcome) =>
      fence(this.#log, 'ledger bounds', () => {
        if (outcome.kind === 'answer') this.#onConfig(objectAt(outcome.body, 'config'));
        done(boundsOf(outcome));
      }),
    );
  }

  purge(upTo: number, done: (outcome: PurgeOutcome) => void): void {
    purgeUpTo({ request: this.request, stream: this.#stream, upTo }, (outcome) =>
      fence(this.#log, 'ledger purge', () => done(outcome)),
    );
  }

  onClosed(listen: () => void): void {
    if (this.#nc.isClosed()) this.#later(listen);
    else this.#listeners.push(listen);
  }

  close(): void {
    this.#isClosed = true;
    this.#nc.close().catch((error: unknown) => {
      this.#log.warn({ reason: reasonOf(error) }, 'a ledger connection did not close cleanly');
    });
  }

  #snapshotsOf({ snapshots, log }: NatsLedgerConnectionOptions): NatsSnapshots {
    const { subjects, mayCreate, random, ...size } = snapshots;
    const { stream, all: subject } = subjects;
    return new NatsSnapshots({
      mayCreate,
      random,
      subjects,
      log,
      request: this.request,
      // As many copies as the ledger has: once that is purged, there is nothing else.
      wish: () => ({ stream, subject, replicas: this.replicas, ...size }),
      payloadBytesMax: () => this.#nc.info?.max_payload ?? payloadBytesMin,
    });
  }

  #appendOutcome(outcome: RequestOutcome, slot: number): AppendOutcome {
    if (outcome.kind === 'timeout' && this.#isClosed)
      return { kind: 'unknown', reason: 'the connection closed' };
    const answer = readOutcome(outcome);
    switch (answer.kind) {
      case 'noResponders':
        return { kind: 'notStored' };
      case 'noAnswer':
        return { kind: 'unknown', reason: answer.reason };
      case 'fault':
        return answer.fault === 'wrongLastSequence'
          ? { kind: 'refused' }
          : { kind: 'unknown', reason: answer.reason };
      case 'answer': {
        const sequence = numberAt(answer.body, 'seq');
        if (sequence === slot && answer.body['stream'] === this.#stream) return { kind: 'stored', sequence };
        return {
          kind: 'unknown',
          reason: `an acknowledgement of another slot: ${JSON.stringify(answer.body)}`,
        };
      }
    }
  }

  #readSlot(sequence: number, done: (outcome: SlotOutcome) => void, mayAskAgain: boolean): void {
    const call = { verb: `STREAM.MSG.GET.${this.#stream}`, body: { seq: sequence } };
    callApi(this.request, call, (outcome) => {
      if (outcome.kind === 'answer') {
        const data = objectAt(outcome.body, 'message')['data'];
        done({ kind: 'entry', data: Buffer.from(typeof data === 'string' ? data : '', 'base64') });
      } else if (outcome.kind === 'fault' && outcome.fault === 'messageMissing') {
        this.#whyMissing(sequence, done, mayAskAgain);
      } else {
        done({ kind: 'unavailable', reason: whyNot(outcome) });
      }
    });
  }

  /** Not there: not yet, or no more. */
  #whyMissing(sequence: number, done: (outcome: SlotOutcome) => void, mayAskAgain: boolean): void {
    this.readBounds((bounds) => {
      if (bounds.kind === 'unavailable') done(bounds);
      else if (sequence > bounds.last) done({ kind: 'absent' });
      else if (sequence < bounds.first) done({ kind: 'compacted' });
      // It landed between the two questions.
      else if (mayAskAgain) this.#readSlot(sequence, done, false);
      else {
        // A hole inside the stream: no reader can get past it but by a snapshot, as if it were compacted.
        this.#log.error({ stream: this.#stream, sequence, ...bounds }, 'the ledger lacks an entry');
        done({ kind: 'compacted' });
      }
    });
  }

  #closed(): void {
    this.#isClosed = true;
    this.#mux.endAll({ kind: 'timeout' });
    for (const listen of this.#listeners.splice(0)) fence(this.#log, 'ledger connection closed', listen);
  }

  #later(run: () => void): void {
    queueMicrotask(() => fence(this.#log, 'ledger', run));
  }
}
