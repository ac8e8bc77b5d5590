/** What the routes work with: a copy to read, a leader to ask, and a way to wait for what the ledger will say. */
import type { FastifyRequest } from 'fastify';
import type { Clock } from '../ports.ts';
import type { Observer } from '../runtime/observer.ts';
import type { Reader } from '../runtime/reader.ts';
import type { Reads } from './reads.ts';
import type { Writes } from './writes.ts';

export interface Backend {
  readonly reader: Reader;
  readonly reads: Reads;
  readonly writes: Writes;
  /** Whether callers have names of their own. */
  readonly hasTokens: boolean;
  /** Random. */
  readonly freshKey: () => string;
  /**
   * Looks now and after each entry of the ledger until there is something to see. Undefined: it took too long, or
   * whoever asked has hung up.
   */
  readonly until: <T>(
    request: FastifyRequest,
    timeoutMs: number,
    look: () => T | undefined,
  ) => Promise<T | undefined>;
}

export function untilSeen<T>(
  of: {
    readonly clock: Clock;
    readonly observer: Pick<Observer, 'onEntry' | 'onGap'>;
    readonly request: FastifyRequest;
    readonly timeoutMs: number;
  },
  look: () => T | undefined,
): Promise<T | undefined> {
  const { clock, observer, request, timeoutMs } = of;
  const { socket } = request.raw;
  return new Promise((resolve) => {
    const end = (value: T | undefined): void => {
      for (const each of heard) each.close();
      clock.clearTimeout(timer);
      socket.removeListener('close', giveUp);
      resolve(value);
    };
    const giveUp = (): void => {
      end(undefined);
    };
    const see = (): void => {
      const seen = look();
      if (seen !== undefined) end(seen);
    };
    const heard = [observer.onEntry(see), observer.onGap(see)];
    const timer = clock.setTimeout(giveUp, timeoutMs);
    socket.once('close', giveUp);
    see();
  });
}
