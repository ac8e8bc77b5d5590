/** Votes: propose, list, look at, and cast the ballot of an outside voter. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { noProposal } from '../../domain/decide-proposals.ts';
import { ConclaveError } from '../../domain/errors.ts';
import type { BallotMessage, ProposalsQuery, ProposeMessage } from '../../wire/messages.ts';
import type { ProposalView } from '../../wire/views.ts';
import { actorOf } from '../auth.ts';
import type { Backend } from '../backend.ts';
import { inputHeaders, readHeaders } from '../header-schemas.ts';
import { DECISION_GRACE_MS, DECISION_WAIT_MS } from '../limits.ts';
import { answers, problems, ref } from '../openapi.ts';
import { byId, pages, queries } from '../pages.ts';
import { fieldPath } from '../naming.ts';
import { asOf, examples, shapes } from '../schemas.ts';
import { keysOf } from '../writes.ts';

const path = '/coordination/consensus';
const waitQuery = {
  type: 'object',
  properties: {
    wait: {
      type: 'boolean',
      description: `answers when it is decided, or after ${DECISION_WAIT_MS / 1_000} s, as it is then`,
    },
  },
  additionalProperties: false,
};
const unseen = {
  title: 'a proposal that this server has not read yet',
  type: 'object',
  required: ['proposal_id', 'as_of'],
  properties: { proposal_id: { type: 'string', description: 'its id' }, as_of: asOf },
};

interface ById {
  readonly Params: { readonly proposal_id: string };
}

export function addConsensusRoutes(app: FastifyInstance, backend: Backend): void {
  addPropose(app, backend);
  addLooks(app, backend);
  addBallots(app, backend);
}

function addPropose(app: FastifyInstance, backend: Backend): void {
  app.post<{ Body: object; Querystring: { readonly wait?: boolean } }>(
    `${path}/propose`,
    {
      config: { scope: 'operate' },
      schema: {
        operationId: 'propose',
        tags: ['consensus'],
        summary: 'Open a proposal',
        description:
          'The electorate is fixed when it opens: the agents alive then, and the voters that it names.',
        headers: inputHeaders,
        querystring: waitQuery,
        body: { ...shapes.proposalInput.schema, examples: [examples.proposal] },
        response: {
          201: answers(
            'opened; with wait, decided',
            { anyOf: [ref('Proposal'), unseen] },
            { Location: 'address of the proposal' },
          ),
          ...problems(409, 413, 415),
        },
      },
    },
    async (request, reply) => {
      const id = await opened(backend, request, reply);
      void reply.code(201).header('Location', `${path}/proposals/${id}`);
      if (request.query.wait === true) await decided(backend, request, id);
      return backend.reads.answer(reply, shown(backend.reader.proposal(id)) ?? { proposal_id: id });
    },
  );
}

async function opened(
  { writes, freshKey }: Backend,
  request: FastifyRequest<{ Body: object }>,
  reply: FastifyReply,
): Promise<string> {
  const body = shapes.proposalInput.inward(request.body) as ProposeMessage;
  const proposer = actorOf(request, 'proposer', body.proposer, 'http');
  const message = { ...body, proposer, ...keysOf(request, freshKey) };
  const fieldOf = (field: string): string => fieldPath(shapes.proposalInput, field);
  return (await writes.write<{ id: string }>({ request, reply }, 'propose', message, fieldOf)).id;
}

/** Waits until the own copy says so, for a bounded time. */
async function decided({ reader, until }: Backend, request: FastifyRequest, id: string): Promise<void> {
  const view = reader.proposal(id);
  if (view === null) return;
  const timeoutMs = Math.min(DECISION_WAIT_MS, view.deadlineAt - view.openedAt + DECISION_GRACE_MS);
  await until(request, timeoutMs, () => (reader.proposal(id)?.status === 'open' ? undefined : true));
}

function addLooks(app: FastifyInstance, { reads, reader }: Backend): void {
  app.get<{ Querystring: ProposalsQuery }>(
    `${path}/proposals`,
    {
      preHandler: (request) => reads.prepare(request),
      schema: {
        operationId: 'listProposals',
        tags: ['consensus'],
        summary: 'List proposals',
        headers: readHeaders,
        querystring: queries.proposals,
        response: {
          200: answers('a page of them', pages.proposals),
          ...problems(),
        },
      },
    },
    (request, reply) => {
      const { proposals, total, next, byStatus } = reader.proposals(request.query);
      const items = proposals.map((each) => shapes.proposal.outward(each));
      return reads.answer(reply, { items, total, next_cursor: next, statistics: { by_status: byStatus } });
    },
  );
  app.get<ById>(
    `${path}/proposals/:proposal_id`,
    {
      preHandler: (request) => reads.prepare(request),
      schema: {
        operationId: 'getProposal',
        tags: ['consensus'],
        summary: 'Look at a proposal, with its tally and ballots',
        headers: readHeaders,
        params: byId('proposal_id'),
        querystring: queries.one,
        response: { 200: answers('the proposal', ref('Proposal')), ...problems(404) },
      },
    },
    (request, reply) => {
      const { proposal_id: id } = request.params;
      const proposal = shown(reader.proposal(id));
      if (proposal === null) throw new ConclaveError('NOT_FOUND', noProposal(id));
      return reads.answer(reply, proposal);
    },
  );
}

const cast = {
  type: 'object',
  required: ['proposal_id', 'voter', 'decision', 'reason', 'as_of'],
  properties: {
    proposal_id: { type: 'string', description: 'what was voted on' },
    voter: { type: 'string', description: 'who' },
    decision: { type: 'string', description: 'what' },
    reason: { anyOf: [{ type: 'string' }, { type: 'null' }], description: 'why' },
    as_of: asOf,
  },
  additionalProperties: false,
};

function addBallots(app: FastifyInstance, { reads, writes, hasTokens }: Backend): void {
  const { required = [], ...ballot } = shapes.ballotInput.schema;
  app.post<ById & { Body: Omit<BallotMessage, 'proposal'> & { readonly voter?: string } }>(
    `${path}/proposals/:proposal_id/ballots`,
    {
      config: { scope: 'operate' },
      schema: {
        operationId: 'castBallot',
        tags: ['consensus'],
        summary: 'Vote, as somebody whom the proposal names',
        description: 'The same ballot again is answered like the first time; another one is refused.',
        params: byId('proposal_id'),
        body: {
          ...ballot,
          // A token votes under its own name.
          required: required.filter((field) => field !== 'voter' || !hasTokens),
          examples: [examples.ballot],
        },
        response: { 201: answers('counted', cast), ...problems(404, 409, 413, 415) },
      },
    },
    async (request, reply) => {
      const { proposal_id: proposal } = request.params;
      const { decision, reason } = request.body;
      const voter = actorOf(request, 'voter', request.body.voter);
      const message = { proposal, voter, decision, ...(reason === undefined ? {} : { reason }) };
      await writes.write({ request, reply }, 'vote', message);
      void reply.code(201);
      return reads.answer(reply, { proposal_id: proposal, voter, decision, reason: reason ?? null });
    },
  );
}

function shown(proposal: ProposalView | null): object | null {
  return proposal === null ? null : (shapes.proposal.outward(proposal) as object);
}
