/** How the fleet stands, on one page. */
import type { FastifyInstance } from 'fastify';
import type { Backend } from '../backend.ts';
import { readHeaders } from '../header-schemas.ts';
import { answers, problems, ref } from '../openapi.ts';
import { queries } from '../pages.ts';
import { shapes } from '../schemas.ts';

export function addStatusRoutes(app: FastifyInstance, { reads, reader }: Backend): void {
  app.get(
    '/coordination/status',
    {
      preHandler: (request) => reads.prepare(request),
      schema: {
        operationId: 'getStatus',
        tags: ['status'],
        summary: 'Health with its reasons, leader, agents, tasks, proposals',
        headers: readHeaders,
        querystring: queries.one,
        response: { 200: answers('how the fleet stands', ref('Status')), ...problems() },
      },
    },
    (_request, reply) => reads.answer(reply, shapes.status.outward(reader.status()) as object),
  );
}
