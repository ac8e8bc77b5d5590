/** Agents: list, look at, take out of work or in again, and remove. */
import type { FastifyInstance } from 'fastify';
import { noAgent } from '../../domain/decide-members.ts';
import { ConclaveError } from '../../domain/errors.ts';
import type { AgentsQuery } from '../../wire/messages.ts';
import type { AgentView } from '../../wire/views.ts';
import type { Backend } from '../backend.ts';
import { readHeaders } from '../header-schemas.ts';
import { answers, problems, ref } from '../openapi.ts';
import { byId, pages, queries } from '../pages.ts';
import { asOf, shapes } from '../schemas.ts';

const path = '/coordination/agents';

const unseen = {
  title: 'an agent that this server has not read of yet',
  type: 'object',
  required: ['agent_id', 'as_of'],
  properties: { agent_id: { type: 'string', description: 'its id' }, as_of: asOf },
};

const gone = { ...unseen, title: 'an agent that was removed' };

interface ById {
  readonly Params: { readonly agent_id: string };
}

export function addAgentRoutes(app: FastifyInstance, backend: Backend): void {
  addLooks(app, backend);
  addOrder(app, backend, { verb: 'drain', summary: 'Give an agent no new task', done: 'takes no new task' });
  addOrder(app, backend, { verb: 'resume', summary: 'Give an agent tasks again', done: 'takes tasks again' });
  addRemoval(app, backend);
}

function addLooks(app: FastifyInstance, { reads, reader }: Backend): void {
  app.get<{ Querystring: AgentsQuery }>(
    path,
    {
      preHandler: (request) => reads.prepare(request),
      schema: {
        operationId: 'listAgents',
        tags: ['agents'],
        summary: 'List agents',
        headers: readHeaders,
        querystring: queries.agents,
        response: { 200: answers('a page of them', pages.agents), ...problems() },
      },
    },
    (request, reply) => {
      const { agents, total, next } = reader.agents(request.query);
      const items = agents.map((agent) => shapes.agent.outward(agent));
      return reads.answer(reply, { items, total, next_cursor: next });
    },
  );
  app.get<ById>(
    `${path}/:agent_id`,
    {
      preHandler: (request) => reads.prepare(request),
      schema: {
        operationId: 'getAgent',
        tags: ['agents'],
        summary: 'Look at an agent',
        headers: readHeaders,
        params: byId('agent_id'),
        querystring: queries.one,
        response: { 200: answers('the agent', ref('Agent')), ...problems(404) },
      },
    },
    (request, reply) => {
      const { agent_id: id } = request.params;
      const agent = shown(reader.agent(id));
      if (agent === null) throw new ConclaveError('NOT_FOUND', noAgent(id));
      return reads.answer(reply, agent);
    },
  );
}

function addOrder(
  app: FastifyInstance,
  { reads, writes, reader }: Backend,
  order: { readonly verb: 'drain' | 'resume'; readonly summary: string; readonly done: string },
): void {
  const { verb, summary, done } = order;
  app.post<ById>(
    `${path}/:agent_id/${verb}`,
    {
      config: { scope: 'admin' },
      schema: {
        operationId: `${verb}Agent`,
        tags: ['agents'],
        summary,
        params: byId('agent_id'),
        response: { 200: answers(done, { anyOf: [ref('Agent'), unseen] }), ...problems(404, 409, 413, 415) },
      },
    },
    async (request, reply) => {
      const { agent_id: id } = request.params;
      await writes.write({ request, reply }, verb, { id });
      return reads.answer(reply, shown(reader.agent(id)) ?? { agent_id: id });
    },
  );
}

function addRemoval(app: FastifyInstance, { reads, writes, freshKey }: Backend): void {
  app.delete<ById>(
    `${path}/:agent_id`,
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'removeAgent',
        tags: ['agents'],
        summary: 'Remove an agent: its tasks go to others, its process ends',
        params: byId('agent_id'),
        response: { 200: answers('it is removed', gone), ...problems(404, 409, 413, 415) },
      },
    },
    async (request, reply) => {
      const { agent_id: id } = request.params;
      await writes.write({ request, reply }, 'remove', { id, key: freshKey() });
      return reads.answer(reply, { agent_id: id });
    },
  );
}

function shown(agent: AgentView | null): object | null {
  return agent === null ? null : (shapes.agent.outward(agent) as object);
}
