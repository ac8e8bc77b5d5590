/**
 * Writing: every change is asked of the leader over NATS, whoever it is, and ridden over a fail-over with the same
 * key. An answer means that the ledger has it; where in the ledger, the answer's header says.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ConclaveError, errorOf, invalid, invalidField } from '../domain/errors.ts';
import type { Observer } from '../runtime/observer.ts';
import type { Answer, AskOptions } from '../sdk/caller.ts';
import { WIRE_REQUEST_ID_HEADER } from '../wire/messages.ts';
import type { ApiVerb } from '../wire/subjects.ts';
import { IDEMPOTENCY_HEADER, SEQUENCE_HEADER } from './headers.ts';
import { OWN_WRITE_WAIT_MS } from './limits.ts';

/** Whoever asks the leader. */
export interface Writer {
  ask(verb: ApiVerb, body: object, options?: AskOptions): Promise<Answer>;
}

export interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** From a field as the wire names it to the one that the caller sent. */
export type FieldOf = (field: string) => string;

export interface Writes {
  /**
   * The leader's answer. Afterwards, within a bounded time, this server has read what was written, so that it can
   * be shown. Throws what the leader refuses with, `NO_LEADER`, `TIMEOUT` or `NO_NATS`.
   */
  write<T>(exchange: Exchange, verb: ApiVerb, body: object, fieldOf?: FieldOf): Promise<T>;
  /** A sequence from which on everything is visible that was committed before the request came. */
  barrier(request: FastifyRequest): Promise<number>;
}

export function writesOf(parts: { readonly writer: Writer; readonly observer: Observer }): Writes {
  const { writer, observer } = parts;
  const ask = (request: FastifyRequest, verb: ApiVerb, body: object): Promise<Answer> =>
    writer.ask(verb, body, { headers: { [WIRE_REQUEST_ID_HEADER]: request.id } });
  return {
    async write<T>({ request, reply }: Exchange, verb: ApiVerb, body: object, fieldOf?: FieldOf) {
      const { value, sequence } = await ask(request, verb, body).catch((error: unknown) => {
        throw fieldOf === undefined ? error : renamed(error, fieldOf);
      });
      void reply.header(SEQUENCE_HEADER, String(sequence));
      await observer.reach(sequence, OWN_WRITE_WAIT_MS);
      return value as T;
    },
    async barrier(request) {
      return (await ask(request, 'barrier', {})).sequence;
    },
  };
}

function renamed(error: unknown, fieldOf: FieldOf): unknown {
  if (!(error instanceof ConclaveError) || error.code !== 'INVALID') return error;
  return errorOf(invalid(error.fields.map(({ field, message }) => ({ field: fieldOf(field), message }))));
}

/** The caller's own key, or the server's for the repeats of this one call. */
export function keysOf(
  request: FastifyRequest,
  freshKey: () => string,
): { readonly idempotencyKey: string } | { readonly key: string } {
  const given = request.headers['idempotency-key'];
  if (given === undefined) return { key: freshKey() };
  if (typeof given !== 'string' || !/^[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?$/.test(given)) {
    throw invalidField(IDEMPOTENCY_HEADER, 'must be 1–255 printable ASCII characters');
  }
  return { idempotencyKey: given };
}
