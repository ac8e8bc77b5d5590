/**
 * Connections that ask for an upgrade. Node hands them over and forgets them: neither its timeouts nor the closing of
 * the server reaches one that was answered with a refusal, or that was upgraded where there is no stream. This ends
 * those, soon, and all of them with the server.
 */
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { Clock, TimerHandle } from '../ports.ts';

/** A connection that did not become an event stream by then is ended. */
const UPGRADE_PATIENCE_MS = 2_000;

export class Upgrades {
  readonly #clock: Clock;
  readonly #waiting = new Map<Duplex, TimerHandle>();

  constructor({ server }: Pick<FastifyInstance, 'server'>, clock: Clock) {
    this.#clock = clock;
    server.on('upgrade', (_request, socket: Duplex) => {
      this.#hear(socket);
    });
  }

  /** It is an event stream now, which has its own end. */
  accept(socket: Duplex): void {
    const timer = this.#waiting.get(socket);
    if (timer !== undefined) this.#clock.clearTimeout(timer);
    this.#waiting.delete(socket);
  }

  close(): void {
    for (const socket of this.#waiting.keys()) socket.destroy();
  }

  #hear(socket: Duplex): void {
    const timer = this.#clock.setTimeout(() => {
      socket.destroy();
    }, UPGRADE_PATIENCE_MS);
    this.#waiting.set(socket, timer);
    socket.once('close', () => {
      this.accept(socket);
    });
  }
}
