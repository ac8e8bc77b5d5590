/** A received message as the Bus port shows it. Subject and headers are decoded when first looked at. */
import type { Msg, ServiceMsg } from 'nats';
import type { Headers, Incoming, Outgoing } from '../ports.ts';
import { toRecord } from './headers.ts';

export class IncomingMessage implements Incoming {
  readonly #message: Msg | ServiceMsg;
  readonly #publish: (message: Outgoing) => boolean;
  #headers: Headers | undefined;

  constructor(message: Msg | ServiceMsg, publish: (message: Outgoing) => boolean) {
    this.#message = message;
    this.#publish = publish;
  }

  get subject(): string {
    return this.#message.subject;
  }

  get data(): Uint8Array {
    return this.#message.data;
  }

  get headers(): Headers {
    this.#headers ??= toRecord(this.#message.headers);
    return this.#headers;
  }

  get replyTo(): string | null {
    const reply = this.#message.reply;
    return reply === undefined || reply === '' ? null : reply;
  }

  /**
   * Through the bus, not through the library's own `respond`: that one writes into the buffer of a connection
   * that is down, and sends it when it is up again.
   */
  respond(data: Uint8Array, headers?: Headers): boolean {
    const subject = this.replyTo;
    if (subject === null) return false;
    return this.#publish(headers === undefined ? { subject, data } : { subject, data, headers });
  }
}
