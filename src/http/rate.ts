/** How many requests a client may send: per second, by the name of its token, or by its address where it has none. */
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import { ConclaveError } from '../domain/errors.ts';
import { RATED_CLIENTS_MAX } from './limits.ts';

/** Before the routes. */
export async function limitRate(app: FastifyInstance, perSecond: number): Promise<void> {
  await app.register(rateLimit, {
    max: perSecond,
    timeWindow: 1_000,
    cache: RATED_CLIENTS_MAX,
    keyGenerator: ({ identity, ip }) => (identity === null ? `at ${ip}` : `of ${identity.name}`),
    errorResponseBuilder: () =>
      new ConclaveError('LIMIT_REACHED', `at most ${perSecond} requests per second are taken of one client`),
  });
}
