/**
 * Reading from this server's copy: how recent it has to be, and how recent it is. A read that cannot be as recent as
 * it was asked to be is refused, never answered with something older.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ConclaveError, invalidField } from '../domain/errors.ts';
import type { Observer } from '../runtime/observer.ts';
import type { AsOf } from '../wire/views.ts';
import { MIN_SEQUENCE_HEADER, SEQUENCE_HEADER } from './headers.ts';
import { MIN_SEQUENCE_WAIT_MS } from './limits.ts';
import { HttpError } from './problem.ts';
import type { Writes } from './writes.ts';

export interface Reads {
  /** Before a read: throws `BEHIND`, `LEDGER_BROKEN`, `INVALID`, or what asking the leader throws. */
  prepare(request: FastifyRequest): Promise<void>;
  /** The body of an answer, with `as_of`; sets the header that says the same. */
  answer<T extends object>(reply: FastifyReply, body: T): T & { readonly as_of: AsOf };
}

export function readsOf(parts: { readonly observer: Observer; readonly writes: Writes }): Reads {
  const { observer, writes } = parts;
  return {
    async prepare(request) {
      checkUsable(observer);
      const least = minSequenceOf(request);
      if (least !== null) await reach(observer, least);
      if (isConsistent(request)) await reach(observer, await writes.barrier(request));
    },
    answer(reply, body) {
      const { asOf } = observer;
      // A write has set its own.
      if (!reply.hasHeader(SEQUENCE_HEADER)) void reply.header(SEQUENCE_HEADER, String(asOf.sequence));
      return { ...body, as_of: asOf };
    },
  };
}

function checkUsable({ brokenBy, isCaughtUp }: Observer): void {
  if (brokenBy !== null) {
    throw new ConclaveError(
      'LEDGER_BROKEN',
      `this server cannot follow the ledger any more: ${brokenBy.message}`,
      {
        cause: brokenBy,
      },
    );
  }
  if (!isCaughtUp)
    throw new HttpError('BEHIND', 'this server is still reading the ledger from its beginning');
}

async function reach(observer: Observer, sequence: number): Promise<void> {
  if (await observer.reach(sequence, MIN_SEQUENCE_WAIT_MS)) return;
  const message = `this server has read the ledger up to ${observer.asOf.sequence}, not yet up to ${sequence}`;
  throw new HttpError('BEHIND', message);
}

function minSequenceOf(request: FastifyRequest): number | null {
  const given = request.headers['min-sequence'];
  if (given === undefined) return null;
  const value = typeof given === 'string' && /^\d{1,16}$/.test(given) ? Number(given) : NaN;
  if (!Number.isSafeInteger(value))
    throw invalidField(MIN_SEQUENCE_HEADER, 'must be a sequence, an integer of 0 or more');
  return value;
}

function isConsistent(request: FastifyRequest): boolean {
  const query = request.query as { readonly consistent?: unknown } | undefined;
  return query?.consistent === true;
}
