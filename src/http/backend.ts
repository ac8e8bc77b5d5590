/** What the routes work with: a copy to read, a leader to ask, and a way to wait for what the ledger will say. */
import type { FastifyRequest } from 'fastify';
import type { Clock, Subscription } from '../ports.ts';
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
    readonly onEntry: (listen: () => void) => Subscription;
    readonly request: FastifyRequest;
    readonly timeoutMs: number;
  },
  look: () => T | undefined,
): Promise<T | undefined> {
  const { clock, onEntry, request, timeoutMs } = of;
  const { socket } = request.raw;
  return new Promise((resolve) => {
    const end = (value: T | undefined): void => {
      entries.close();
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
    const entries = onEntry(see);
    const timer = clock.setTimeout(giveUp, timeoutMs);
    socket.once('close', giveUp);
    see();
  });
}
