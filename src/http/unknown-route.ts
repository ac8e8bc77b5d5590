/** Requests that no route takes: 404, or 405 with the methods that the address does take. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ConclaveError } from '../domain/errors.ts';
import { HttpError, sendProblem } from './problem.ts';

/** Call it before the routes are added. */
export function refuseUnknownRoutes(app: FastifyInstance): void {
  const methods = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }) => {
    const known = methods.get(url) ?? new Set();
    for (const each of [method].flat()) known.add(each);
    methods.set(url, known);
  });
  app.setNotFoundHandler((request, reply) => {
    const allowed = [...methods].find(([url]) => patternOf(url).test(pathOf(request)))?.[1];
    if (allowed === undefined) {
      return sendProblem(
        reply,
        request,
        new ConclaveError('NOT_FOUND', `there is no ${pathOf(request)}; see /docs`),
      );
    }
    const names = [...allowed].sort().join(', ');
    void reply.header('Allow', names);
    return sendProblem(
      reply,
      request,
      new HttpError('METHOD_NOT_ALLOWED', `${pathOf(request)} takes ${names}`),
    );
  });
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '';
}

/** `/a/:b` as a regular expression; addresses with wildcards are no API of ours. */
function patternOf(url: string): RegExp {
  return new RegExp(`^${url.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(/:\w+/g, '[^/]+')}$`);
}
