/**
 * For whoever runs the server: whether the process lives, and whether it is of use, open to all and not rated; and its
 * figures for Prometheus, which need `read` and are rated like any request.
 */
import type { FastifyInstance } from 'fastify';
import type { Observer } from '../../runtime/observer.ts';
import type { Metrics } from '../metrics.ts';
import { onlyProblems } from '../openapi.ts';
import type { JsonSchema } from '../naming.ts';

export interface Health {
  readonly observer: Observer;
  /** Whether the connection to NATS is up. */
  readonly isOnline: () => boolean;
  readonly metrics: Pick<Metrics, 'contentType' | 'text'>;
}

const liveness: JsonSchema = {
  type: 'object',
  required: ['status'],
  properties: { status: { type: 'string', description: 'ok' } },
};
const readiness: JsonSchema = {
  type: 'object',
  required: ['ready', 'reasons'],
  properties: {
    ready: { type: 'boolean', description: 'whether requests should come here' },
    reasons: { type: 'array', items: { type: 'string' }, description: 'why not' },
  },
};
const json = (description: string, schema: JsonSchema): object => ({
  description,
  content: { 'application/json': { schema } },
});

export function addProbes(app: FastifyInstance, health: Health): void {
  app.get(
    '/healthz',
    {
      config: { scope: 'open', rateLimit: false },
      schema: {
        operationId: 'isAlive',
        tags: ['probes'],
        summary: 'The process lives',
        security: [],
        response: { 200: json('it does', liveness), ...onlyProblems(400, 403, 414) },
      },
    },
    () => ({ status: 'ok' }),
  );
  app.get(
    '/readyz',
    {
      config: { scope: 'open', rateLimit: false },
      schema: {
        operationId: 'isReady',
        tags: ['probes'],
        summary: 'The server is connected, and has read the ledger',
        security: [],
        response: {
          200: json('ready', readiness),
          503: json('not ready', readiness),
          ...onlyProblems(400, 403, 414),
        },
      },
    },
    (_request, reply) => {
      const reasons = reasonsOf(health);
      return reply.code(reasons.length === 0 ? 200 : 503).send({ ready: reasons.length === 0, reasons });
    },
  );
  addMetrics(app, health);
}

function addMetrics(app: FastifyInstance, { metrics }: Health): void {
  app.get(
    '/metrics',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getMetrics',
        tags: ['probes'],
        summary: 'Figures for Prometheus',
        response: {
          200: { description: 'text', content: { 'text/plain': { schema: { type: 'string' } } } },
          ...onlyProblems(400, 401, 403, 414, 429),
        },
      },
      // A refusal is no text.
      serializerCompiler: () => (body) => (typeof body === 'string' ? body : JSON.stringify(body)),
    },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()),
  );
}

function reasonsOf({ observer, isOnline }: Health): string[] {
  const { brokenBy, isCaughtUp } = observer;
  return [
    ...(isOnline() ? [] : ['the connection to NATS is down']),
    ...(isCaughtUp ? [] : ['the ledger has not been read to its end yet']),
    ...(brokenBy === null ? [] : [`the ledger cannot be followed: ${brokenBy.message}`]),
  ];
}
