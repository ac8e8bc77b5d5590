/**
 * What every request has: an id, a place in the ledger in its answer, and one line in the log. Tokens, bodies and
 * query strings are not logged.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../runtime/log.ts';
import type { Observer } from '../runtime/observer.ts';
import { REQUEST_ID_HEADER, SEQUENCE_HEADER } from './headers.ts';

/** The caller's id for it, if it is a sane one, else a random one. */
export function requestIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(given) ? given : randomUUID();
}

/** Hears of each request that was answered. */
export type Heard = (request: {
  readonly method: string;
  /** As it was declared, without what varies; null: there is none. */
  readonly route: string | null;
  readonly status: number;
  readonly durationMs: number;
}) => void;

/** Before all other hooks. */
export function lineUp(
  app: FastifyInstance,
  of: { readonly log: Log; readonly observer: Observer; readonly heard: Heard },
): void {
  const { log, observer, heard } = of;
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header(REQUEST_ID_HEADER, request.id);
    done();
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (!reply.hasHeader(SEQUENCE_HEADER)) void reply.header(SEQUENCE_HEADER, String(observer.asOf.sequence));
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? null;
    heard({ method: request.method, route, status: reply.statusCode, durationMs: reply.elapsedTime });
    const line = lineOf(request, reply);
    // A 503 says "not now" to whoever asks, a probe perhaps, every second.
    if (reply.statusCode >= 500 && reply.statusCode !== 503) log.warn(line, 'request failed');
    else log.debug(line, 'request');
    done();
  });
}

function lineOf(request: FastifyRequest, reply: FastifyReply): object {
  return {
    request: request.id,
    method: request.method,
    path: request.url.split('?', 1)[0],
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime * 10) / 10,
    client: request.identity?.name ?? request.ip,
  };
}
