/**
 * The Bus on one NATS connection. It adds what the library lacks: while the connection is down it refuses
 * instead of buffering (DESIGN §3 rule 9), it bounds what it has written and the broker has not yet taken, and
 * no handler's exception reaches the library's reading loop.
 */
import type { NatsConnection } from 'nats';
import { assert } from '../domain/assert.ts';
import type {
  Bus,
  BusStatus,
  Incoming,
  Outgoing,
  RequestOutcome,
  ServiceDefinition,
  Subscription,
} from '../ports.ts';
import { watchConnection, type RefusalHeard } from './connection.ts';
import { reasonOf } from './errors.ts';
import { fence, type NatsLog } from './log.ts';
import { IncomingMessage } from './message.ts';
import { OutboundGauge } from './outbound-gauge.ts';
import { publish, RequestMux } from './request-mux.ts';
import { keepServing } from './service.ts';
import { keepSubscribed } from './subscription.ts';

/** Requests that wait at once; one more is not sent. */
const requestsMax = 100_000;
const flushBeforeCloseMs = 500;

export interface NatsBusOptions {
  readonly inboxPrefix?: string;
  /** The connection is the caller's: it stays open when the bus closes. Default false. */
  readonly isBrought?: boolean;
  readonly log: NatsLog;
  /** Each thing that the broker's permissions forbid, when it says so. */
  readonly refused?: RefusalHeard;
}

export class NatsBus implements Bus {
  readonly #nc: NatsConnection;
  readonly #log: NatsLog;
  readonly #mux: RequestMux;
  readonly #outbound: OutboundGauge;
  readonly #listeners = new Set<(status: BusStatus) => void>();
  /** What is open on a connection that outlives this bus. */
  readonly #open = new Set<Subscription>();
  readonly #isBrought: boolean;
  readonly #unwatch: () => void;
  #status: BusStatus = 'online';
  #payloadBytesMax: number;

  constructor(nc: NatsConnection, options: NatsBusOptions) {
    this.#nc = nc;
    this.#log = options.log;
    this.#payloadBytesMax = nc.info?.max_payload ?? 0;
    this.#outbound = new OutboundGauge(() => nc.flush());
    this.#mux = new RequestMux(nc, options);
    this.#isBrought = options.isBrought ?? false;
    this.#unwatch = watchConnection(nc, options.log, (status) => this.#changed(status), options.refused);
  }

  get isOnline(): boolean {
    return this.#status === 'online' || this.#status === 'lameDuck';
  }

  get payloadBytesMax(): number {
    return this.#payloadBytesMax;
  }

  publish(message: Outgoing): boolean {
    assertSubject(message.subject);
    if (!this.isOnline || !this.#outbound.hasRoom) return false;
    try {
      publish(this.#nc, message);
    } catch (error) {
      this.#notSent(message, error);
      return false;
    }
    this.#outbound.sent(message.data.length);
    return true;
  }

  request(
    message: Outgoing & { readonly timeoutMs: number },
    done: (outcome: RequestOutcome) => void,
  ): () => void {
    assertSubject(message.subject);
    if (!this.isOnline || !this.#outbound.hasRoom || this.#mux.waiting >= requestsMax) {
      return this.#refuse(done);
    }
    try {
      const cancel = this.#mux.request(message, done);
      this.#outbound.sent(message.data.length);
      return cancel;
    } catch (error) {
      this.#notSent(message, error);
      return this.#refuse(done);
    }
  }

  subscribe(subject: string, handle: (message: Incoming) => void): Subscription {
    assertSubject(subject);
    const respond = (answer: Outgoing): boolean => this.publish(answer);
    return this.#remembered(
      keepSubscribed({ nc: this.#nc, subject, log: this.#log }, (message) =>
        handle(new IncomingMessage(message, respond)),
      ),
    );
  }

  serve(service: ServiceDefinition): Subscription {
    const publish = (answer: Outgoing): boolean => this.publish(answer);
    return this.#remembered(keepServing({ nc: this.#nc, log: this.#log, publish }, service));
  }

  onStatus(listen: (status: BusStatus) => void): Subscription {
    // A wrapper of its own, so that the same function may listen twice.
    const own = (status: BusStatus): void => listen(status);
    this.#listeners.add(own);
    return { close: () => this.#listeners.delete(own) };
  }

  /**
   * Sends what was published in this turn, then closes; of a connection that was brought, all that was opened on it.
   * Requests that still wait end with `timeout`.
   */
  async close(): Promise<void> {
    if (this.isOnline) await atMost(flushBeforeCloseMs, this.#nc.flush());
    this.#mux.close();
    if (this.#isBrought) this.#takeLeave();
    else await this.#nc.close();
  }

  #takeLeave(): void {
    for (const subscription of [...this.#open]) subscription.close();
    this.#unwatch();
    this.#changed('closed');
  }

  #remembered(subscription: Subscription): Subscription {
    if (!this.#isBrought) return subscription;
    const own: Subscription = {
      close: () => {
        this.#open.delete(own);
        subscription.close();
      },
    };
    this.#open.add(own);
    return own;
  }

  #changed(status: BusStatus): void {
    if (this.#status === status || this.#status === 'closed') return;
    this.#status = status;
    if (status === 'online') this.#payloadBytesMax = this.#nc.info?.max_payload ?? this.#payloadBytesMax;
    if (status === 'closed') this.#mux.endAll({ kind: 'timeout' });
    for (const listen of [...this.#listeners]) {
      fence(this.#log, 'bus status', () => {
        if (this.#listeners.has(listen)) listen(status);
      });
    }
  }

  #notSent(message: Outgoing, error: unknown): void {
    const fields = { subject: message.subject, bytes: message.data.length, bytesMax: this.#payloadBytesMax };
    this.#log.error({ ...fields, reason: reasonOf(error) }, 'a message was not sent');
  }

  #refuse(done: (outcome: RequestOutcome) => void): () => void {
    let isCancelled = false;
    queueMicrotask(() => {
      if (!isCancelled) fence(this.#log, 'request', () => done({ kind: 'offline' }));
    });
    return () => (isCancelled = true);
  }
}

/** Subjects go into a line protocol as they are: a space or a line break would be a command of its own. */
function assertSubject(subject: string): void {
  assert(subject !== '' && !/\s/.test(subject), `not a subject: ${JSON.stringify(subject)}`);
}

async function atMost(ms: number, promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  // A flush fails when the link goes down: nothing is left to wait for.
  await Promise.race([promise.catch(() => undefined), late]);
  clearTimeout(timer);
}
