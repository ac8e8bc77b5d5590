/**
 * Follows the ledger with one ephemeral push consumer, whose messages the broker sends the moment they are
 * stored. The library's ordered consumer does the same with a heartbeat monitor on the wall clock and retries
 * without a bound; this one runs on the Bus port, a monotonic clock, and says when it gives up.
 *
 * Invariants:
 * - Entries are handed on in order, none twice: what is not above the last one is dropped.
 * - Anything odd (a gap in the consumer's numbers, silence, a reconnect) means a fresh consumer from the next
 *   entry on. The consumer left behind loses its subscriber, and the broker removes it.
 * - A jump in the *stream's* sequences is handed on: the reader must notice (DESIGN §3 rule 6).
 */
import type { Bus, Clock, Incoming, LedgerFollower, Subscription, TimerHandle } from '../ports.ts';
import { callApi, type ApiOutcome, type Request } from './jetstream-api.ts';
import { fence, type NatsLog } from './log.ts';
import { boundsOf } from './stream-bounds.ts';

const heartbeatMs = 1_000;
const silenceMs = 2_500;
const watchMs = 500;
const retryWaitMs = 100;
const retryWaitMsMax = 2_000;
/** Consumers in a row that never said a word, before the follower stops: about half a minute. */
const attemptsMax = 20;
const abandonedAfterMs = 5_000;

export interface FollowerHost {
  readonly bus: Bus;
  /** Of JetStream's API. */
  readonly request: Request;
  readonly clock: Clock;
  readonly log: NatsLog;
  readonly stream: string;
  /** A fresh consumer name, and the subject to have its messages at. */
  readonly newConsumer: () => { readonly name: string; readonly inbox: string };
}

/** One consumer at the broker: what it sends later than its replacement's birth is not listened to. */
interface Consumer {
  readonly delivery: Subscription;
  /** Messages heard; the broker numbers them from 1. */
  heard: number;
}

export class Follower {
  readonly #host: FollowerHost;
  readonly #reader: LedgerFollower;
  readonly #status: Subscription;
  #next: number;
  #consumer: Consumer | null = null;
  #attempts = 0;
  #heardAt: number;
  #watchedAt: number;
  #retry: TimerHandle | null = null;
  #watch: TimerHandle;
  #isClosed = false;

  constructor(host: FollowerHost, from: number, reader: LedgerFollower) {
    this.#host = host;
    this.#reader = reader;
    this.#next = Math.max(1, from);
    this.#heardAt = this.#watchedAt = host.clock.now();
    this.#status = host.bus.onStatus((status) => {
      if (status === 'online') this.#start();
      else if (status === 'closed') this.#stop('the bus is closed');
      else if (status === 'offline') this.#abandon();
    });
    this.#watch = host.clock.setTimeout(() => this.#watchSilence(), watchMs);
    if (host.bus.isOnline) this.#start();
  }

  close(): void {
    this.#isClosed = true;
    this.#abandon();
    this.#status.close();
    this.#host.clock.clearTimeout(this.#watch);
  }

  #start(): void {
    this.#abandon();
    this.#attempts += 1;
    if (this.#attempts > attemptsMax) {
      this.#stop(`${attemptsMax} consumers in a row stayed silent`);
      return;
    }
    const { bus, request, stream } = this.#host;
    const { name, inbox } = this.#host.newConsumer();
    const consumer: Consumer = {
      delivery: bus.subscribe(inbox, (message) => this.#heard(consumer, message)),
      heard: 0,
    };
    this.#consumer = consumer;
    this.#heardAt = this.#host.clock.now();
    const body = { stream_name: stream, action: 'create', config: consumerConfig(name, inbox, this.#next) };
    callApi(request, { verb: `CONSUMER.CREATE.${stream}.${name}`, body }, (outcome) => {
      if (this.#consumer === consumer) this.#created(consumer, outcome);
    });
  }

  #created(consumer: Consumer, outcome: ApiOutcome): void {
    if (outcome.kind === 'fault' && outcome.fault === 'streamMissing') this.#stop(outcome.reason, 0);
    else if (outcome.kind !== 'answer') this.#startLater();
    else {
      this.#heardAt = this.#host.clock.now();
      this.#lookForTheEnd(consumer);
    }
  }

  /** A stream that was made anew, or lost its tail, would leave a consumer waiting for what never comes. */
  #lookForTheEnd(consumer: Consumer): void {
    const { request, stream } = this.#host;
    const read = this.#next - 1;
    callApi(request, { verb: `STREAM.INFO.${stream}` }, (outcome) => {
      const bounds = boundsOf(outcome);
      if (this.#consumer !== consumer || bounds.kind === 'unavailable' || bounds.last >= read) return;
      this.#stop(`the stream ends at ${bounds.last}, and entry ${read} has been read`, bounds.last);
    });
  }

  #heard(consumer: Consumer, message: Incoming): void {
    if (this.#consumer !== consumer) return;
    this.#heardAt = this.#host.clock.now();
    this.#attempts = 0;
    const entry = positionOf(message.replyTo);
    if (entry === null) this.#heardControl(consumer, message);
    else if (entry.delivery !== consumer.heard + 1) this.#start();
    else {
      consumer.heard += 1;
      if (entry.sequence < this.#next) return;
      this.#next = entry.sequence + 1;
      fence(this.#host.log, 'ledger follower', () => this.#reader.entry(entry.sequence, message.data));
    }
  }

  /** Flow control is answered; an idle heartbeat says how many messages the broker has sent. */
  #heardControl(consumer: Consumer, message: Incoming): void {
    if (message.replyTo !== null) {
      if (isFlowControl(message.replyTo)) message.respond(new Uint8Array(0));
      return;
    }
    const stalled = message.headers['Nats-Consumer-Stalled'];
    if (stalled !== undefined && isFlowControl(stalled))
      this.#host.bus.publish({ subject: stalled, data: new Uint8Array(0) });
    const sent = message.headers['Nats-Last-Consumer'];
    if (sent !== undefined && Number(sent) !== consumer.heard) this.#start();
  }

  #watchSilence(): void {
    const now = this.#host.clock.now();
    // After a pause of our own process, what the broker sent is still waiting to be read.
    const wasPaused = now - this.#watchedAt > 2 * watchMs;
    this.#watchedAt = now;
    this.#watch = this.#host.clock.setTimeout(() => this.#watchSilence(), watchMs);
    if (wasPaused) this.#heardAt = Math.max(this.#heardAt, now - heartbeatMs);
    if (this.#consumer !== null && now - this.#heardAt > silenceMs) this.#start();
  }

  #startLater(): void {
    this.#abandon();
    const waitMs = Math.min(retryWaitMs * 2 ** (this.#attempts - 1), retryWaitMsMax);
    this.#retry = this.#host.clock.setTimeout(() => {
      this.#retry = null;
      // Offline: the reconnect starts it.
      if (this.#host.bus.isOnline) this.#start();
    }, waitMs);
  }

  #abandon(): void {
    this.#consumer?.delivery.close();
    this.#consumer = null;
    if (this.#retry !== null) this.#host.clock.clearTimeout(this.#retry);
    this.#retry = null;
  }

  #stop(reason: string, end?: number): void {
    if (this.#isClosed) return;
    this.close();
    fence(this.#host.log, 'ledger follower', () => this.#reader.stopped(reason, end));
  }
}

function consumerConfig(name: string, inbox: string, from: number): Readonly<Record<string, unknown>> {
  const nanoseconds = 1_000_000;
  return {
    name,
    deliver_subject: inbox,
    deliver_policy: 'by_start_sequence',
    opt_start_seq: from,
    replay_policy: 'instant',
    ack_policy: 'none',
    max_deliver: 1,
    flow_control: true,
    idle_heartbeat: heartbeatMs * nanoseconds,
    inactive_threshold: abandonedAfterMs * nanoseconds,
    mem_storage: true,
    num_replicas: 1,
  };
}

/** Nothing is sent anywhere else: who follows the ledger may write where whoever made this message may not. */
function isFlowControl(subject: string): boolean {
  return subject.startsWith('$JS.FC.');
}

/**
 * Where a delivered message stands, out of its reply subject; null when it is none:
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.<consumer sequence>.<time>.<pending>`, or with
 * domain and account hash after `ACK` and perhaps one more token at the end.
 */
function positionOf(reply: string | null): { sequence: number; delivery: number } | null {
  if (reply?.startsWith('$JS.ACK.') !== true) return null;
  const tokens = reply.split('.');
  const at = tokens.length === 9 ? 5 : 7;
  const sequence = Number(tokens[at]);
  const delivery = Number(tokens[at + 1]);
  return Number.isSafeInteger(sequence) && Number.isSafeInteger(delivery) ? { sequence, delivery } : null;
}
