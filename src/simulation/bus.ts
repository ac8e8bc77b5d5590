/**
 * The Bus port of one process over its link to the simulated broker. Behaves as src/nats/bus.ts does on a real
 * one: refuses while offline, reconnects and subscribes again by itself, and keeps requests that were under
 * way waiting for their answer through a reconnect.
 */
import { assert } from '../domain/assert.ts';
import type {
  Bus,
  BusStatus,
  Headers,
  Incoming,
  Outgoing,
  RequestOutcome,
  ServiceDefinition,
  Subscription,
} from '../ports.ts';
import type { BrokerSubscription, Message, SimulatedBroker } from './broker.ts';
import type { Cable } from './cable.ts';
import type { Link } from './link.ts';
import type { SimulatedProcess } from './process.ts';
import type { SeededRandom } from './random.ts';
import { Requests } from './requests.ts';
import { serveEndpoints } from './service.ts';
import { digest } from './trace.ts';

export interface BusParts {
  readonly process: SimulatedProcess;
  readonly cable: Cable;
  readonly broker: SimulatedBroker;
  readonly random: SeededRandom;
  /** What reply subjects begin with. */
  readonly inboxPrefix: string;
}

interface Subscribed {
  readonly subject: string;
  readonly queue: string | null;
  readonly deliver: (message: Message) => void;
  atBroker: BrokerSubscription | null;
}

const NO_HEADERS: Headers = Object.freeze({});
/** As NATS counts: `NATS/1.0`, the line ends, and per header a colon, a space and a line end. */
const HEADER_BYTES = { block: 12, each: 4 };

export class SimulatedBus implements Bus {
  readonly #parts: BusParts;
  readonly #process: SimulatedProcess;
  readonly #requests: Requests;
  readonly #subscribed = new Set<Subscribed>();
  readonly #services = new Set<ServiceDefinition>();
  readonly #listeners = new Set<{ readonly listen: (status: BusStatus) => void }>();
  #link: Link | null = null;
  #status: BusStatus = 'offline';

  constructor(parts: BusParts) {
    this.#parts = parts;
    this.#process = parts.process;
    const inbox = `${parts.inboxPrefix}.${parts.random.id()}.`;
    this.#requests = new Requests({ process: parts.process, inbox });
    const deliver = (message: Message): void => this.#requests.answered(message);
    this.#subscribed.add({ subject: this.#requests.subject, queue: null, deliver, atBroker: null });
    this.#connect();
  }

  get isOnline(): boolean {
    return this.#link !== null && this.#process.isAlive;
  }

  get payloadBytesMax(): number {
    return this.#process.laws.constants.payloadBytesMax;
  }

  /** The connection that is up now. The ledger's followers ride on it. */
  get link(): Link | null {
    return this.#link;
  }

  /** What this bus serves now: tests call `stats`. */
  get services(): readonly ServiceDefinition[] {
    return [...this.#services];
  }

  publish(message: Outgoing): boolean {
    return this.#send(message, null);
  }

  request(
    message: Outgoing & { readonly timeoutMs: number },
    done: (outcome: RequestOutcome) => void,
  ): () => void {
    const replyTo = this.#requests.nextReply();
    const isSent = this.#send(message, replyTo);
    return this.#requests.wait({
      replyTo,
      afterMs: isSent ? message.timeoutMs : 0,
      outcome: { kind: isSent ? 'timeout' : 'offline' },
      done,
    });
  }

  subscribe(subject: string, handle: (message: Incoming) => void): Subscription {
    return this.subscribeIn(null, subject, handle);
  }

  /** `queue`: of the members of one group, one hears each message. */
  subscribeIn(queue: string | null, subject: string, handle: (message: Incoming) => void): Subscription {
    assertSubject(subject);
    const deliver = (message: Message): void => handle(this.#incoming(message));
    const subscribed: Subscribed = { subject, queue, deliver, atBroker: null };
    this.#subscribed.add(subscribed);
    this.#announce(subscribed);
    return { close: () => this.#unsubscribe(subscribed) };
  }

  serve(service: ServiceDefinition): Subscription {
    this.#services.add(service);
    const serving = serveEndpoints(this, { service, id: this.#parts.random.id() });
    return {
      close: () => {
        this.#services.delete(service);
        serving.close();
      },
    };
  }

  onStatus(listen: (status: BusStatus) => void): Subscription {
    const listener = { listen };
    this.#listeners.add(listener);
    return { close: () => this.#listeners.delete(listener) };
  }

  /** For good. What was published before arrives; requests that wait end with `timeout`. */
  close(): void {
    if (this.#status === 'closed') return;
    this.#link?.closeByClient();
    this.#link = null;
    this.#requests.endAll({ kind: 'timeout' });
    this.#subscribed.clear();
    this.#become('closed');
  }

  #connect(): void {
    const link = this.#parts.cable.open({
      process: this.#process,
      lost: (reason) => this.#lost(reason),
      warned: () => this.#become('lameDuck'),
    });
    if (link === null) return this.#retry();
    this.#link = link;
    for (const subscribed of this.#subscribed) this.#announce(subscribed);
    this.#become('online');
  }

  #lost(reason: string): void {
    this.#process.laws.trace.record(this.#process.hostId, `bus lost: ${reason}`);
    this.#link = null;
    for (const subscribed of this.#subscribed) subscribed.atBroker = null;
    this.#become('offline');
    this.#retry();
  }

  #retry(): void {
    const { laws } = this.#process;
    laws.scheduler.after(this.#parts.random.within(laws.constants.reconnectMs), () =>
      this.#process.run(() => {
        if (this.#status !== 'closed') this.#connect();
      }),
    );
  }

  #become(status: BusStatus): void {
    if (this.#status === status || this.#status === 'closed') return;
    this.#status = status;
    this.#process.laws.trace.record(this.#process.hostId, `bus ${status}`);
    if (status === 'closed') this.#process.runSoon(() => this.#tell(status));
    else this.#tell(status);
  }

  #tell(status: BusStatus): void {
    for (const listener of [...this.#listeners]) {
      if (this.#listeners.has(listener)) listener.listen(status);
    }
  }

  #announce(subscribed: Subscribed): void {
    const link = this.#link;
    if (link === null || !this.#process.isAlive) return;
    link.send(() => {
      if (!this.#subscribed.has(subscribed)) return;
      const { subject, queue } = subscribed;
      const deliver = (message: Message): void => {
        if (!this.#subscribed.has(subscribed)) return;
        subscribed.deliver(message);
      };
      subscribed.atBroker =
        this.#parts.broker.subscribe({ link, subject, queue, deliver }) ?? subscribed.atBroker;
    });
  }

  #unsubscribe(subscribed: Subscribed): void {
    if (!this.#subscribed.delete(subscribed)) return;
    this.#link?.send(() => {
      if (subscribed.atBroker !== null) this.#parts.broker.unsubscribe(subscribed.atBroker);
    });
  }

  #send(message: Outgoing, replyTo: string | null): boolean {
    const { subject, data } = message;
    assertSubject(subject);
    const link = this.#link;
    if (link === null || !this.#process.isAlive) return false;
    const headers = message.headers === undefined ? NO_HEADERS : { ...message.headers };
    if (data.length + bytesOf(headers) > this.payloadBytesMax) return false;
    this.#process.laws.trace.record(this.#process.hostId, `publish ${subject} ${digest(data)}`);
    const sent: Message = { subject, data: data.slice(), headers, replyTo, isNoResponders: false };
    link.send(() => this.#parts.broker.publish(link, sent));
    return true;
  }

  #incoming(message: Message): Incoming {
    const { subject, data, headers, replyTo } = message;
    this.#process.laws.trace.record(this.#process.hostId, `deliver ${subject} ${data.length}`);
    const respond = (answer: Uint8Array, answerHeaders: Headers = NO_HEADERS): boolean =>
      replyTo !== null && this.#send({ subject: replyTo, data: answer, headers: answerHeaders }, null);
    return { subject, data, headers, replyTo, respond };
  }
}

function bytesOf(headers: Headers): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(headers))
    bytes += name.length + value.length + HEADER_BYTES.each;
  return bytes === 0 ? 0 : bytes + HEADER_BYTES.block;
}

function assertSubject(subject: string): void {
  assert(subject !== '' && !/\s/.test(subject), `not a subject: ${JSON.stringify(subject)}`);
}
