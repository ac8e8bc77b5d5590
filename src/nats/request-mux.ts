/**
 * Requests on one connection: one inbox subscription for all, a map from the last token of the reply subject to
 * who waits. Cheaper than the library's (no promise, no error object, no stack for each), and its end is ours:
 * exactly one outcome per request, never before `request` has returned, none after it was cancelled.
 */
import { createInbox, type Msg, type NatsConnection } from 'nats';
import type { Headers, Outgoing, RequestOutcome, Subscription } from '../ports.ts';
import { toMsgHdrs, toRecord } from './headers.ts';
import { fence, type NatsLog } from './log.ts';
import { keepSubscribed } from './subscription.ts';

interface Waiting {
  readonly done: (outcome: RequestOutcome) => void;
  readonly timer: NodeJS.Timeout;
}

export class RequestMux {
  readonly #nc: NatsConnection;
  readonly #log: NatsLog;
  readonly #inbox: string;
  readonly #subscription: Subscription;
  /** Each has a timer, so none waits for ever. */
  readonly #waiting = new Map<string, Waiting>();
  #count = 0;

  constructor(nc: NatsConnection, options: { readonly inboxPrefix?: string; readonly log: NatsLog }) {
    this.#nc = nc;
    this.#log = options.log;
    this.#inbox = `${createInbox(options.inboxPrefix)}.`;
    this.#subscription = keepSubscribed({ nc, subject: `${this.#inbox}*`, log: options.log }, (message) =>
      this.#answered(message),
    );
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Throws what the library throws when it cannot send: too large, closed, a bad header. */
  request(
    message: Outgoing & { readonly timeoutMs: number },
    done: (outcome: RequestOutcome) => void,
  ): () => void {
    const token = (this.#count++).toString(36);
    publish(this.#nc, message, this.#inbox + token);
    const timer = setTimeout(() => this.#end(token, { kind: 'timeout' }), message.timeoutMs);
    this.#waiting.set(token, { done, timer });
    return () => this.#forget(token);
  }

  /** Ends every request that waits, at the end of this turn. */
  endAll(outcome: RequestOutcome): void {
    for (const token of [...this.#waiting.keys()]) queueMicrotask(() => this.#end(token, outcome));
  }

  close(): void {
    this.#subscription.close();
  }

  #answered(message: Msg): void {
    const token = message.subject.slice(this.#inbox.length);
    if (!this.#waiting.has(token)) return;
    const headers = message.headers;
    if (headers?.code === 503 && message.data.length === 0) this.#end(token, { kind: 'noResponders' });
    else this.#end(token, { kind: 'reply', data: message.data, headers: toRecord(headers) });
  }

  #end(token: string, outcome: RequestOutcome): void {
    const done = this.#forget(token);
    if (done !== undefined) fence(this.#log, 'request', () => done(outcome));
  }

  #forget(token: string): Waiting['done'] | undefined {
    const waiting = this.#waiting.get(token);
    if (waiting === undefined) return undefined;
    clearTimeout(waiting.timer);
    this.#waiting.delete(token);
    return waiting.done;
  }
}

export function publish(nc: NatsConnection, message: Outgoing, reply?: string): void {
  const options: { reply?: string; headers?: ReturnType<typeof toMsgHdrs> } = {};
  if (reply !== undefined) options.reply = reply;
  if (hasAny(message.headers)) options.headers = toMsgHdrs(message.headers);
  nc.publish(message.subject, message.data, options);
}

function hasAny(headers: Headers | undefined): headers is Headers {
  if (headers !== undefined) for (const _name in headers) return true;
  return false;
}
