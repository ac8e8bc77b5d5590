/**
 * Requests of one bus that wait for their answer: one inbox for all, the last token says which. Each ends
 * exactly once: answered, timed out, or forgotten by who asked.
 */
import type { RequestOutcome } from '../ports.ts';
import type { Message } from './broker.ts';
import type { SimulatedProcess } from './process.ts';
import type { Scheduled } from './scheduler.ts';

interface Waiting {
  readonly done: (outcome: RequestOutcome) => void;
  readonly timeout: Scheduled;
}

export class Requests {
  readonly #process: SimulatedProcess;
  readonly #inbox: string;
  readonly #waiting = new Map<string, Waiting>();
  #count = 0;

  constructor(of: { process: SimulatedProcess; inbox: string }) {
    this.#process = of.process;
    this.#inbox = of.inbox;
  }

  /** What the bus subscribes to. */
  get subject(): string {
    return `${this.#inbox}*`;
  }

  /** Where the answer to the next request goes. */
  nextReply(): string {
    this.#count += 1;
    return this.#inbox + this.#count.toString(36);
  }

  /** Unless something else ends it first, it ends with `outcome` after `afterMs`. Returns how to forget it. */
  wait(of: {
    readonly replyTo: string;
    readonly afterMs: number;
    readonly outcome: RequestOutcome;
    readonly done: (outcome: RequestOutcome) => void;
  }): () => void {
    const { replyTo, done, outcome } = of;
    const timeout = this.#process.laws.scheduler.after(of.afterMs, () =>
      this.#process.run(() => this.#end(replyTo, outcome)),
    );
    this.#waiting.set(replyTo, { done, timeout });
    return () => this.#forget(replyTo);
  }

  answered(message: Message): void {
    const { subject, data, headers } = message;
    this.#end(subject, message.isNoResponders ? { kind: 'noResponders' } : { kind: 'reply', data, headers });
  }

  /** Ends every request that waits, behind what is already due. */
  endAll(outcome: RequestOutcome): void {
    for (const replyTo of this.#waiting.keys()) this.#process.runSoon(() => this.#end(replyTo, outcome));
  }

  #end(replyTo: string, outcome: RequestOutcome): void {
    const waiting = this.#waiting.get(replyTo);
    if (waiting === undefined) return;
    this.#forget(replyTo);
    this.#process.laws.trace.record(this.#process.hostId, `${outcome.kind} ${replyTo}`);
    waiting.done(outcome);
  }

  #forget(replyTo: string): void {
    const waiting = this.#waiting.get(replyTo);
    if (waiting === undefined) return;
    this.#process.laws.scheduler.cancel(waiting.timeout);
    this.#waiting.delete(replyTo);
  }
}
