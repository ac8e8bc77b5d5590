/** Leadership: who leads, how the last election went, and a new one on request. */
import type { FastifyInstance } from 'fastify';
import { ConclaveError } from '../../domain/errors.ts';
import type { StatusView } from '../../wire/views.ts';
import type { Backend } from '../backend.ts';
import { readHeaders } from '../header-schemas.ts';
import { ELECTION_WAIT_MS } from '../limits.ts';
import type { JsonSchema } from '../naming.ts';
import { answers, problems } from '../openapi.ts';
import { queries } from '../pages.ts';
import { asOf, shapes } from '../schemas.ts';

const path = '/coordination/election';
const { properties: status = {} } = shapes.status.schema;
const { properties: election = {} } = shapes.election.schema;

const properties: Readonly<Record<string, JsonSchema>> = {
  has_leader: status['has_leader'] ?? {},
  leader_id: status['leader'] ?? {},
  term: status['term'] ?? {},
  since_ms: status['since_ms'] ?? {},
  last_duration_ms: election['duration_ms'] ?? {},
  candidates: election['candidates'] ?? {},
  total_elections: election['elections'] ?? {},
  leader_changes: election['leader_changes'] ?? {},
  cause: election['cause'] ?? {},
  as_of: asOf,
};
const electionSchema: JsonSchema = {
  type: 'object',
  required: Object.keys(properties),
  properties,
  additionalProperties: false,
};

export function addElectionRoutes(app: FastifyInstance, backend: Backend): void {
  const { reads, reader } = backend;
  app.get(
    path,
    {
      preHandler: (request) => reads.prepare(request),
      schema: {
        operationId: 'getElection',
        tags: ['election'],
        summary: 'Who leads, and how the last election went',
        headers: readHeaders,
        querystring: queries.one,
        response: { 200: answers('the last election', electionSchema), ...problems() },
      },
    },
    (_request, reply) => reads.answer(reply, electionOf(reader.status())),
  );
  addTrigger(app, backend);
}

function addTrigger(app: FastifyInstance, { reads, writes, reader, until }: Backend): void {
  app.post(
    `${path}/trigger`,
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'triggerElection',
        tags: ['election'],
        summary: 'Hold an election now',
        description:
          'Answers with its outcome: a higher term, whoever wins. Triggers at the same moment share one.',
        response: { 200: answers('somebody leads', electionSchema), ...problems(409, 413, 415) },
      },
    },
    async (request, reply) => {
      const { term } = await writes.write<{ term: number }>({ request, reply }, 'trigger', {});
      const won = await until(request, ELECTION_WAIT_MS, () => {
        const seen = reader.status();
        return seen.term > term && seen.hasLeader ? seen : undefined;
      });
      if (won === undefined)
        throw new ConclaveError('NO_LEADER', `nobody has won an election after term ${term} yet`);
      return reads.answer(reply, electionOf(won));
    },
  );
}

function electionOf({ hasLeader, leader, term, sinceMs, election: last }: StatusView): object {
  const { durationMs, candidates, elections, leaderChanges, cause } = last;
  return {
    has_leader: hasLeader,
    leader_id: leader,
    term,
    since_ms: sinceMs,
    last_duration_ms: durationMs,
    candidates: candidates.map(({ id, score }) => ({ agent_id: id, score })),
    total_elections: elections,
    leader_changes: leaderChanges,
    cause,
  };
}
