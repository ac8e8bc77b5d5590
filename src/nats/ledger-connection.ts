/**
 * The ledger's own connection: compare-and-set appends and reads at the stream's leader (DESIGN §3 rules 1–5).
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
  LedgerConnection,
  RequestOutcome,
  SlotOutcome,
} from '../ports.ts';
import { watchConnection } from './connection.ts';
import { reasonOf } from './errors.ts';
import {
  callApi,
  numberAt,
  objectAt,
  readOutcome,
  whyNot,
  type ApiOutcome,
  type Request,
} from './jetstream-api.ts';
import { fence, type NatsLog } from './log.ts';
import { RequestMux } from './request-mux.ts';

export class NatsLedgerConnection implements LedgerConnection {
  /** Known once the stream has been looked at. */
  replicas = 1;
  readonly #nc: NatsConnection;
  readonly #mux: RequestMux;
  readonly #log: NatsLog;
  readonly #stream: string;
  readonly #subject: string;
  readonly #listeners: (() => void)[] = [];
  #isClosed = false;

  constructor(
    nc: NatsConnection,
    options: {
      readonly stream: string;
      readonly subject: string;
      readonly inboxPrefix?: string;
      readonly log: NatsLog;
    },
  ) {
    this.#nc = nc;
    this.#log = options.log;
    this.#stream = options.stream;
    this.#subject = options.subject;
    this.#mux = new RequestMux(nc, options);
    watchConnection(nc, options.log, (change) => {
      if (change === 'closed') this.#closed();
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** For the JetStream API calls that come before the stream is known to be good. */
  get request(): Request {
    return (message, done) => this.#mux.request(message, done);
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
      fence(this.#log, 'ledger bounds', () => done(boundsOf(outcome))),
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

export function boundsOf(outcome: ApiOutcome): BoundsOutcome {
  if (outcome.kind !== 'answer') return { kind: 'unavailable', reason: whyNot(outcome) };
  const state = objectAt(outcome.body, 'state');
  const first = numberAt(state, 'first_seq');
  const last = numberAt(state, 'last_seq');
  const bytes = numberAt(state, 'bytes');
  if (first === null || last === null || bytes === null) {
    return { kind: 'unavailable', reason: 'the broker described the stream in a way that is not understood' };
  }
  return { kind: 'bounds', first, last, bytes };
}
