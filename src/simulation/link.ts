/**
 * One TCP connection between a process and the broker, with the two views that its ends have of it: either
 * may believe it open while the other has given it up. Bytes that have left arrive, whatever becomes of the
 * end that sent them, unless the receiving end is gone.
 */
import type { Laws } from './laws.ts';
import { Pipe } from './pipe.ts';
import type { SimulatedProcess } from './process.ts';
import type { SeededRandom } from './random.ts';

/** The owner of the client's end, in the process. */
export interface LinkOwner {
  readonly process: SimulatedProcess;
  /** The connection is gone, and not because the owner closed it. */
  readonly lost: (reason: string) => void;
  /** The broker will close it soon. */
  readonly warned?: () => void;
}

export class Link {
  readonly number: number;
  readonly process: SimulatedProcess;
  readonly toBroker: Pipe;
  readonly toClient: Pipe;
  readonly #laws: Laws;
  #owner: LinkOwner | null;
  #isBrokerOpen = true;
  #isOutCut = false;
  /** The broker's end closed: subscriptions and consumers of this connection end. */
  onBrokerClosed: (link: Link) => void = () => undefined;

  constructor(of: { number: number; owner: LinkOwner; random: SeededRandom }) {
    const { process } = of.owner;
    this.number = of.number;
    this.process = process;
    this.#owner = of.owner;
    this.#laws = process.laws;
    const parts = { laws: process.laws, random: of.random };
    this.toBroker = new Pipe({ ...parts, hand: (arrival) => arrival() });
    this.toClient = new Pipe({ ...parts, hand: (arrival) => process.run(arrival) });
  }

  get isClientOpen(): boolean {
    return this.#owner !== null;
  }

  get isBrokerOpen(): boolean {
    return this.#isBrokerOpen;
  }

  /** Neither end will ever hear of it again. */
  get isOver(): boolean {
    return this.#owner === null && !this.#isBrokerOpen && this.toBroker.isEmpty;
  }

  /** From the client. Nothing leaves an end that is closed, though its process may still be running code. */
  send(arrival: () => void): void {
    if (this.#owner !== null) this.toBroker.send(arrival);
  }

  cut(direction: { readonly in: boolean; readonly out: boolean }): void {
    if (direction.in) this.toClient.cut();
    if (direction.out) this.toBroker.cut();
    this.#isOutCut ||= direction.out;
  }

  heal(): void {
    this.#isOutCut = false;
    this.toClient.heal();
    this.toBroker.heal();
    // The end of a connection that the client gave up meanwhile gets through at last.
    if (this.#owner === null) this.#closeAtBroker();
  }

  /** The process closes it, gives it up, or dies. */
  closeByClient(): void {
    if (this.#owner === null) return;
    this.#owner = null;
    this.toClient.discard();
    if (!this.#isOutCut) this.#closeAtBroker();
    else if (!this.#laws.faults.strikes('bytesLinger')) this.toBroker.discard();
  }

  /** The broker closes it; the client hears of that behind what is under way to it. */
  closeByBroker(reason: string): void {
    if (!this.#isBrokerOpen) return;
    this.#closeAtBroker();
    this.toBroker.discard();
    this.toClient.send(() => this.lose(reason));
  }

  /** The client notices that it is gone. Runs in the process. */
  lose(reason: string): void {
    const owner = this.#owner;
    if (owner === null) return;
    this.closeByClient();
    owner.lost(reason);
  }

  warn(): void {
    this.toClient.send(() => this.#owner?.warned?.());
  }

  #closeAtBroker(): void {
    if (!this.#isBrokerOpen) return;
    this.#isBrokerOpen = false;
    this.onBrokerClosed(this);
  }
}
