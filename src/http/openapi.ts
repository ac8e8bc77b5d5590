/**
 * The OpenAPI 3.1 document, made from what the routes are checked with, and the page that shows it. Owns the parts
 * that all routes share: names of schemas, the problems that each may answer with, the security scheme.
 */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { VERSION } from '../sdk/version.ts';
import { SEQUENCE_HEADER } from './headers.ts';
import type { JsonSchema } from './naming.ts';
import { PROBLEM_TYPE } from './problem.ts';
import { asOf, shapes } from './schemas.ts';

const problemSchema: JsonSchema = {
  type: 'object',
  description: 'what went wrong: RFC 9457',
  required: ['type', 'title', 'status', 'detail', 'code', 'errors', 'request_id'],
  properties: {
    type: { type: 'string', description: 'a URN that names the kind of problem' },
    title: { type: 'string', description: 'the kind in words' },
    status: { type: 'integer', description: 'the status of the answer' },
    detail: { type: 'string', description: 'what is wrong this time, and what to do' },
    code: { type: 'string', description: 'stable, for programs' },
    errors: {
      type: 'array',
      description: 'every bad field',
      items: {
        type: 'object',
        required: ['field', 'message'],
        properties: {
          field: { type: 'string', description: 'where it is, as you named it' },
          message: { type: 'string', description: 'what is wrong with it' },
        },
        additionalProperties: false,
      },
    },
    request_id: { type: 'string', description: 'stands in the log of the server' },
  },
  additionalProperties: false,
};

/** Answers of one thing: its fields, and how recent they are. */
function dated(schema: JsonSchema): JsonSchema {
  return {
    ...schema,
    required: [...(schema.required ?? []), 'as_of'],
    properties: { ...schema.properties, as_of: asOf },
  };
}

const components: Readonly<Record<string, JsonSchema>> = {
  Task: dated(shapes.task.schema),
  Explanation: dated(shapes.explanation.schema),
  Proposal: dated(shapes.proposal.schema),
  Agent: dated(shapes.agent.schema),
  Status: dated(shapes.status.schema),
  Problem: problemSchema,
};

export type ComponentName = 'Task' | 'Explanation' | 'Proposal' | 'Agent' | 'Status' | 'Problem';

export function ref(name: ComponentName): JsonSchema {
  return { $ref: `${name}#` };
}

const meanings: Readonly<Record<number, string>> = {
  400: 'not valid; every bad field is listed',
  401: 'a token is needed',
  403: 'not allowed',
  404: 'not found',
  409: 'does not go together with what is there',
  413: 'too large',
  414: 'the URL is too long',
  415: 'not JSON',
  429: 'at a limit; see Retry-After',
  503: 'not now: nobody leads, no answer in time, or this server is behind; see Retry-After',
};

/** What any route may answer with; a route adds its own. */
const always = [400, 401, 403, 414, 429, 503];

export type Responses = Readonly<Record<number, object>>;

/** Problem documents of any route and these, by status. */
export function problems(...own: readonly number[]): Responses {
  return onlyProblems(...new Set([...always, ...own]));
}

/** Problem documents of these statuses. */
export function onlyProblems(...own: readonly number[]): Responses {
  const content = { [PROBLEM_TYPE]: { schema: ref('Problem') } };
  const all = [...own].sort((a, b) => a - b);
  return Object.fromEntries(all.map((status) => [status, { description: meanings[status] ?? '', content }]));
}

/** An answer in JSON. */
export function answers(
  description: string,
  schema: JsonSchema,
  headers: Readonly<Record<string, string>> = {},
): object {
  const all = {
    [SEQUENCE_HEADER]: 'a sequence of the ledger that the answer takes into account',
    ...headers,
  };
  return {
    description,
    headers: Object.fromEntries(
      Object.entries(all).map(([name, text]) => [name, { type: 'string', description: text }]),
    ),
    content: { 'application/json': { schema } },
  };
}

const about = `Tasks, elections, votes and agents of one fleet. Reads come from this server's own copy of the ledger and
ask nobody; \`as_of\` says how recent they are. Writes go to the fleet's leader, and are answered when the ledger has
them. Send the \`Conclave-Sequence\` of an answer back as \`Min-Sequence\`, to any server, to see what it told of.`;

/** Before the routes. */
export async function describeApi(app: FastifyInstance, of: { readonly hasTokens: boolean }): Promise<void> {
  for (const [$id, schema] of Object.entries(components)) app.addSchema({ $id, ...schema });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Conclave', version: VERSION, description: about, license: { name: 'Apache-2.0' } },
      tags: [
        { name: 'tasks', description: 'what agents do' },
        { name: 'election', description: 'who leads' },
        { name: 'consensus', description: 'what the fleet decides by vote' },
        { name: 'agents', description: 'who is there' },
        { name: 'status', description: 'how the fleet stands' },
        { name: 'events', description: 'what happens, as it is committed' },
        { name: 'probes', description: 'for those who operate the server' },
      ],
      components: {
        securitySchemes: {
          token: {
            type: 'http',
            scheme: 'bearer',
            description:
              'of `conclave token`; scopes are read, operate and admin. Not needed on a server without tokens.',
          },
        },
      },
      ...(of.hasTokens ? { security: [{ token: [] }] } : {}),
    },
    refResolver: {
      buildLocalReference: (json, _base, _fragment, i) =>
        typeof json['$id'] === 'string' ? json['$id'] : `schema-${i}`,
    },
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    uiConfig: { docExpansion: 'list', deepLinking: true },
  });
  app.get('/openapi.json', { schema: { hide: true }, config: { scope: 'open' } }, () => app.swagger());
}
