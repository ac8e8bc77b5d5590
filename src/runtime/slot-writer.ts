/**
 * Puts given bytes into a given slot of the ledger and finds out what became of them: DESIGN §3, rules 2–5 and 8.
 *
 * I6  Between `write` and its outcome only these bytes are sent, and only to this slot.
 * I7  `committed` is said only when the slot holds exactly these bytes; `foreign` only when it holds others, or
 *     lies below what the stream still has.
 * I8  Nothing is learned from an error's or a read's numbers but whether the slot is ours.
 */
import { assert, assertNever } from '../domain/assert.ts';
import type { Settings } from '../domain/settings.ts';
import type { AppendOutcome, Clock, Ledger, LedgerConnection, SlotOutcome, TimerHandle } from '../ports.ts';
import type { Log } from './log.ts';

export type WriteOutcome = 'committed' | 'foreign' | 'unresolved';

interface Write {
  readonly data: Uint8Array;
  readonly slot: number;
  readonly startedAt: number;
  readonly giveUp: TimerHandle;
  readonly done: (outcome: WriteOutcome) => void;
}

export interface SlotWriterOptions {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly settings: Pick<Settings, 'appendTimeoutMs' | 'appendResignMs' | 'appendResignReplicatedMs'>;
  readonly log: Log;
  /** The ledger cannot be used until somebody changes something. */
  readonly onBroken: (error: Error) => void;
}

/** Pause before a connection or an append is tried again. */
const RETRY_MS = 50;
const REOPEN_MS_MAX = 1_000;

export class SlotWriter {
  readonly #options: SlotWriterOptions;
  #connection: LedgerConnection | null = null;
  /** Copies of the stream, by the latest connection. */
  #replicas = 1;
  #isConnecting = false;
  #isResting = false;
  #isClosed = false;
  #write: Write | null = null;
  /** Monotonic time since when there is no connection; null while there is one. */
  #disconnectedSince: number | null;
  /** Before the next fresh connection; grows while they do not help. */
  #pauseMs = RETRY_MS;
  #readers: ((connection: LedgerConnection) => void)[] = [];

  constructor(options: SlotWriterOptions) {
    this.#options = options;
    this.#disconnectedSince = options.clock.now();
    this.#connect();
  }

  /** How long there has been no connection to append on; 0 while there is one. */
  disconnectedMs(): number {
    return this.#disconnectedSince === null ? 0 : this.#options.clock.now() - this.#disconnectedSince;
  }

  /** Rule 8: who cannot append for longer than this leads no more. */
  get patienceMs(): number {
    const { settings } = this.#options;
    return this.#replicas > 1 ? settings.appendResignReplicatedMs : settings.appendResignMs;
  }

  /** No connection can be had, and the broker may only be failing over: whoever took the lead could not append, either. */
  get mayFailOver(): boolean {
    return this.#replicas > 1 && this.disconnectedMs() <= this.patienceMs;
  }

  /** One at a time. `done` is called once, unless the writer is closed first. */
  write(data: Uint8Array, slot: number, done: (outcome: WriteOutcome) => void): void {
    assert(this.#write === null, 'one append in flight');
    const { clock } = this.#options;
    const giveUp = clock.setTimeout(() => {
      this.#finish('unresolved');
    }, this.patienceMs);
    this.#write = { data, slot, startedAt: clock.now(), giveUp, done };
    this.#send();
  }

  /** Runs with a connection as soon as there is one. */
  withConnection(run: (connection: LedgerConnection) => void): void {
    if (this.#connection === null) this.#readers.push(run);
    else run(this.#connection);
  }

  /** Forgets the write in flight; its bytes may still land. */
  abandon(): void {
    if (this.#write === null) return;
    this.#options.clock.clearTimeout(this.#write.giveUp);
    this.#write = null;
  }

  /** Holds no connection until `wake`; there must be nothing to write. */
  rest(): void {
    assert(this.#write === null, 'nothing is in flight');
    this.#isResting = true;
    this.#readers = [];
    this.#disconnectedSince ??= this.#options.clock.now();
    this.#connection?.close();
    this.#connection = null;
  }

  wake(): void {
    this.#isResting = false;
    if (this.#connection === null) this.#connect();
  }

  close(): void {
    this.#isClosed = true;
    this.abandon();
    this.#readers = [];
    this.#connection?.close();
    this.#connection = null;
  }

  #connect(): void {
    if (this.#isConnecting || this.#isClosed || this.#isResting || this.#connection !== null) return;
    this.#isConnecting = true;
    this.#options.ledger.connect((outcome) => {
      this.#isConnecting = false;
      switch (outcome.kind) {
        case 'opened':
          this.#opened(outcome.connection);
          break;
        case 'unavailable':
          this.#options.clock.setTimeout(() => {
            this.#connect();
          }, RETRY_MS);
          break;
        case 'broken':
          this.#options.onBroken(outcome.error);
          break;
        default:
          assertNever(outcome);
      }
    });
  }

  #opened(connection: LedgerConnection): void {
    if (this.#isClosed || this.#isResting) {
      connection.close();
      return;
    }
    this.#connection = connection;
    this.#replicas = connection.replicas;
    this.#disconnectedSince = null;
    connection.onClosed(() => {
      this.#lost(connection);
    });
    const readers = this.#readers;
    this.#readers = [];
    for (const run of readers) run(connection);
    this.#send();
  }

  #lost(connection: LedgerConnection): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    this.#disconnectedSince = this.#options.clock.now();
    this.#connect();
  }

  #send(): void {
    const write = this.#write;
    const connection = this.#connection;
    if (write === null || connection === null) return;
    connection.append(
      { data: write.data, expectedLast: write.slot - 1, timeoutMs: this.#options.settings.appendTimeoutMs },
      (outcome) => {
        if (this.#write === write) this.#answered(write, outcome);
      },
    );
  }

  #answered(write: Write, outcome: AppendOutcome): void {
    switch (outcome.kind) {
      case 'stored':
        if (outcome.sequence === write.slot) this.#finish('committed');
        else this.#inspect(write);
        break;
      case 'refused':
        this.#inspect(write);
        break;
      case 'notStored':
        this.#later(write);
        break;
      case 'unknown':
        this.#options.log.debug({ slot: write.slot, reason: outcome.reason }, 'append without an answer');
        this.#reopen();
        break;
      default:
        assertNever(outcome);
    }
  }

  /** Rule 4: what does the slot hold? */
  #inspect(write: Write): void {
    const connection = this.#connection;
    if (connection === null) return;
    connection.readSlot(write.slot, (outcome) => {
      if (this.#write === write) this.#inspected(write, outcome);
    });
  }

  #inspected(write: Write, outcome: SlotOutcome): void {
    switch (outcome.kind) {
      case 'entry':
        this.#finish(sameBytes(outcome.data, write.data) ? 'committed' : 'foreign');
        break;
      case 'compacted':
        this.#finish('foreign');
        break;
      case 'absent':
        this.#later(write);
        break;
      case 'unavailable':
        this.#reopen();
        break;
      default:
        assertNever(outcome);
    }
  }

  #later(write: Write): void {
    this.#options.clock.setTimeout(() => {
      if (this.#write === write) this.#send();
    }, RETRY_MS);
  }

  /** A fresh connection; what is in flight is sent again on it. */
  #reopen(): void {
    const connection = this.#connection;
    if (connection === null) return;
    this.#connection = null;
    this.#disconnectedSince = this.#options.clock.now();
    connection.close();
    this.#options.clock.setTimeout(() => {
      this.#connect();
    }, this.#pauseMs);
    this.#pauseMs = Math.min(REOPEN_MS_MAX, this.#pauseMs * 2);
  }

  #finish(outcome: WriteOutcome): void {
    const write = this.#write;
    if (write === null) return;
    this.abandon();
    this.#pauseMs = RETRY_MS;
    write.done(outcome);
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
