/**
 * What one listener is sent: a cursor into the event log, and no buffer. It reads on while the socket takes it, and
 * waits while it does not. A listener that stays behind is told where it may go on, and let go.
 */
import type { WebSocket } from '@fastify/websocket';
import type { Clock, TimerHandle } from '../ports.ts';
import type { AsOf } from '../wire/views.ts';
import { compare, type EventLog, type LoggedEvent, type Position } from './event-log.ts';
import type { EventQuery, Filtered } from './event-query.ts';

/** Close codes that are ours; 4400–4499 as HTTP has them. */
export const closeCodes = {
  goingAway: 1001,
  internal: 1011,
  tryLater: 1013,
  slow: 4408,
  gone: 4410,
} as const;

/** What is used of a WebSocket of `ws`. */
export type Socket = Pick<
  WebSocket,
  'send' | 'ping' | 'close' | 'terminate' | 'on' | 'once' | 'bufferedAmount' | 'readyState' | 'OPEN'
>;

export interface StreamLimits {
  /** Bytes that wait in one socket; above, it is fed no more. */
  readonly bufferedBytesMax: number;
  /** Without having drained for this long, it is let go. */
  readonly slowReaderMs: number;
}

export interface StreamOptions {
  readonly socket: Socket;
  readonly log: EventLog;
  readonly query: EventQuery;
  readonly clock: Clock;
  readonly limits: StreamLimits;
  readonly asOf: () => AsOf;
  readonly onSent: () => void;
  readonly onSlow: () => void;
}

/** Events that are looked at in one turn of the loop. */
const TURN_EVENTS_MAX = 1_000;
/** A socket that was told to close is ended when its other side has not answered for this long. */
const CLOSE_PATIENCE_MS = 5_000;

export class EventStream {
  readonly #options: StreamOptions;
  /** Everything up to here was sent, or did not match. */
  #position: Position = { sequence: 0, index: Infinity };
  /** Ordinal of the next event in the log. */
  #next = 0;
  #state: 'opening' | 'reading' | 'resting' | 'blocked' | 'over' = 'opening';
  #timer: TimerHandle | null = null;
  /** Pings since its last answer. */
  #unanswered = 0;

  constructor(options: StreamOptions) {
    this.#options = options;
    const { socket } = options;
    socket.on('pong', () => {
      this.#unanswered = 0;
    });
    socket.on('close', () => {
      this.#end();
    });
  }

  /** Says hello, and begins. The process has read the ledger. */
  begin(): void {
    const { log, query, asOf } = this.#options;
    if (this.#state !== 'opening') return;
    const { since } = query;
    const next = since === null ? log.end : log.after(since);
    if (next === null) {
      this.close(closeCodes.gone, JSON.stringify({ oldest: log.oldest }));
      return;
    }
    const now = asOf();
    this.#next = next;
    this.#position = since ?? { sequence: now.sequence, index: Infinity };
    this.#send(JSON.stringify({ kind: 'hello', as_of: now, oldest: log.oldest, committed: false }));
    this.#state = 'reading';
    this.read();
  }

  /** Sends what there is, if it is not at it. */
  read(): void {
    if (this.#state !== 'reading') return;
    const { log } = this.#options;
    for (let looked = 0; looked < TURN_EVENTS_MAX; looked += 1) {
      if (this.#next < log.first) {
        this.#letGo();
        return;
      }
      const event = log.at(this.#next);
      if (event === undefined) return;
      this.#next += 1;
      this.#pass(event);
      if (this.#isFull()) {
        this.#block();
        return;
      }
    }
    this.#rest();
  }

  /** Something that is not in the ledger: for who listens now, and takes it now. */
  tell(text: string, about: Filtered): void {
    if (this.#state !== 'reading' && this.#state !== 'resting') return;
    if (!this.#options.query.matches(about)) return;
    this.#send(text);
    if (this.#isFull()) this.#block();
  }

  /** Asks whether it is there; ends it when it has not answered `unansweredMax` times. */
  ping(unansweredMax: number): void {
    const { socket } = this.#options;
    if (this.#unanswered >= unansweredMax) {
      socket.terminate();
      return;
    }
    this.#unanswered += 1;
    if (socket.readyState === socket.OPEN) socket.ping();
  }

  close(code: number, reason: string): void {
    const { socket, clock } = this.#options;
    if (this.#state === 'over') return;
    this.#end();
    socket.close(code, reason);
    const timer = clock.setTimeout(() => {
      socket.terminate();
    }, CLOSE_PATIENCE_MS);
    socket.once('close', () => {
      clock.clearTimeout(timer);
    });
  }

  #pass(event: LoggedEvent): void {
    // A position ahead of the ledger: nothing up to it is sent.
    if (compare(event, this.#position) <= 0) return;
    this.#position = event;
    if (!this.#options.query.matches(event)) return;
    this.#send(event.text);
    this.#options.onSent();
  }

  #send(text: string): void {
    this.#options.socket.send(text, this.#written);
  }

  /** After each message that was handed to the system, or could not be. */
  readonly #written = (): void => {
    const { socket, limits } = this.#options;
    if (this.#state !== 'blocked' || socket.bufferedAmount > limits.bufferedBytesMax / 2) return;
    this.#stopTimer();
    this.#state = 'reading';
    this.read();
  };

  #isFull(): boolean {
    const { socket, limits } = this.#options;
    return socket.bufferedAmount > limits.bufferedBytesMax;
  }

  #block(): void {
    this.#stopTimer();
    this.#state = 'blocked';
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#letGo();
    }, this.#options.limits.slowReaderMs);
  }

  /** Others have their turn before it goes on. */
  #rest(): void {
    this.#state = 'resting';
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#state = 'reading';
      this.read();
    }, 0);
  }

  #letGo(): void {
    const { sequence, index } = this.#position;
    const resume = index === Infinity ? String(sequence) : `${sequence}.${index}`;
    this.#options.onSlow();
    this.#send(JSON.stringify({ kind: 'slow', committed: false, resume }));
    this.close(closeCodes.slow, JSON.stringify({ resume }));
  }

  #end(): void {
    this.#state = 'over';
    this.#stopTimer();
  }

  #stopTimer(): void {
    if (this.#timer !== null) this.#options.clock.clearTimeout(this.#timer);
    this.#timer = null;
  }
}
