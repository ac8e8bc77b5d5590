/** The OpenAPI document: it is true of what is answered, its examples work, and its page is served as it should be. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { problemLike, root, withSites, type Site } from './site.ts';

const open = withSites();

interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly requestBody?: {
    readonly content: Record<string, { schema: Schema; example?: unknown; examples?: object }>;
  };
  readonly parameters?: readonly { readonly name: string; readonly description?: string }[];
  readonly responses: Readonly<Record<string, { readonly content?: Record<string, { schema: Schema }> }>>;
}
interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly description?: string;
  readonly [key: string]: unknown;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly securitySchemes: object;
  };
}

const site = (): Promise<Site> => open({ agents: [{ id: 'ada', tasks: { echo: (task) => task.payload } }] });

async function documentOf({ call }: Site): Promise<Document> {
  const { status, body } = await call('/openapi.json');
  expect(status).toBe(200);
  return body as unknown as Document;
}

function operationsOf(document: Document): (readonly [string, Operation])[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const,
    ),
  );
}

test('it is OpenAPI 3.1 and has every route, with an id, a tag and a summary', async () => {
  const document = await documentOf(await site());
  expect(document.openapi).toBe('3.1.0');
  const operations = operationsOf(document);
  expect(operations.map(([name]) => name).sort()).toEqual([
    'DELETE /coordination/agents/{agent_id}',
    'DELETE /coordination/tasks/{task_id}',
    'GET /coordination/agents',
    'GET /coordination/agents/{agent_id}',
    'GET /coordination/consensus/proposals',
    'GET /coordination/consensus/proposals/{proposal_id}',
    'GET /coordination/election',
    'GET /coordination/events',
    'GET /coordination/status',
    'GET /coordination/tasks',
    'GET /coordination/tasks/{task_id}',
    'GET /coordination/tasks/{task_id}/explanation',
    'GET /healthz',
    'GET /metrics',
    'GET /readyz',
    'POST /coordination/agents/{agent_id}/drain',
    'POST /coordination/agents/{agent_id}/resume',
    'POST /coordination/consensus/proposals/{proposal_id}/ballots',
    'POST /coordination/consensus/propose',
    'POST /coordination/election/trigger',
    'POST /coordination/tasks',
    'POST /coordination/tasks/{task_id}/retry',
  ]);
  for (const [name, { operationId, summary, tags }] of operations) {
    expect.soft({ operationId, summary, tags }, name).toEqual({
      operationId: expect.any(String),
      summary: expect.any(String),
      tags: [expect.any(String)],
    });
  }
  expect(new Set(operations.map(([, { operationId }]) => operationId)).size).toBe(operations.length);
  expect(document.components.securitySchemes).toMatchObject({ token: { type: 'http', scheme: 'bearer' } });
});

test('every field and every parameter has a description', async () => {
  const document = await documentOf(await site());
  const bare: string[] = [];
  const walk = (where: string, schema: Schema): void => {
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      if (property.description === undefined && property['$ref'] === undefined) bare.push(`${where}.${name}`);
      walk(`${where}.${name}`, property);
    }
    if (schema.items !== undefined) walk(`${where}[]`, schema.items);
    for (const each of schema.anyOf ?? []) walk(where, each);
  };
  for (const [name, schema] of Object.entries(document.components.schemas)) walk(name, schema);
  for (const [name, { requestBody, parameters = [] }] of operationsOf(document)) {
    for (const { schema } of Object.values(requestBody?.content ?? {})) walk(name, schema);
    for (const each of parameters) if (each.description === undefined) bare.push(`${name}?${each.name}`);
  }
  expect(bare).toEqual([]);
});

test('problems are documented for every route below /coordination', async () => {
  const document = await documentOf(await site());
  for (const [name, { responses, operationId }] of operationsOf(document)) {
    if (!name.includes('/coordination/') || operationId === 'followEvents') continue;
    for (const status of ['400', '401', '403', '429', '503']) {
      expect
        .soft(responses[status]?.content?.['application/problem+json']?.schema, `${name} ${status}`)
        .toEqual({ $ref: '#/components/schemas/Problem' });
    }
  }
});

/** Says whether a body is as the document has it. */
function validatorOf(
  document: Document,
): (path: string, method: string, status: number, body: unknown) => string[] {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  ajv.addSchema({ $id: 'doc', components: document.components });
  return (path, method, status, body) => {
    const content = document.paths[path]?.[method]?.responses[String(status)]?.content ?? {};
    const schema = Object.values(content)[0]?.schema;
    if (schema === undefined) return [`${method} ${path} has no ${status}`];
    const text = JSON.stringify(schema).replaceAll('"#/components', '"doc#/components');
    const check = ajv.compile(JSON.parse(text) as object);
    return check(body)
      ? []
      : (check.errors ?? []).map((each) => `${each.instancePath} ${each.message ?? ''}`);
  };
}

test('answers are as the document has them', async () => {
  const here = await site();
  const document = await documentOf(here);
  const check = validatorOf(document);
  const api = async (
    method: string,
    template: string,
    options: Parameters<Site['call']>[1] = {},
    id = 'x',
  ): Promise<Record<string, unknown>> => {
    const path = template.replace(/\{\w+\}/, id);
    const { status, body } = await here.call(path, { method: method.toUpperCase(), ...options });
    expect
      .soft(check(template.split('?')[0] ?? '', method, status, body), `${method} ${path} ${status}`)
      .toEqual([]);
    return body;
  };
  const json = { task_type: 'echo', payload: { a: 1 }, approval: { voters: ['grace'] } };
  const task = String((await api('post', `${root}/tasks`, { json: { task_type: 'echo' } }))['task_id']);
  await api('post', `${root}/tasks`, { json: { tasks: [json] } });
  await api('post', `${root}/tasks`, { json: { priority: 0 } });
  await api('get', `${root}/tasks`);
  await api('get', `${root}/tasks/{task_id}`, {}, task);
  await api('get', `${root}/tasks/{task_id}`);
  await api('delete', `${root}/tasks/{task_id}`);
  await api('get', `${root}/agents`);
  await api('get', `${root}/agents/{agent_id}`, {}, 'ada');
  await api('post', `${root}/agents/{agent_id}/drain`, {}, 'ada');
  await api('post', `${root}/agents/{agent_id}/resume`, {}, 'ada');
  await api('delete', `${root}/agents/{agent_id}`, {}, 'nobody');
  const proposal = { proposal_type: 'x', voters: ['grace'], quorum: 1, timeout_seconds: 60 };
  const id = String((await api('post', `${root}/consensus/propose`, { json: proposal }))['proposal_id']);
  await api('get', `${root}/consensus/proposals`);
  const ballot = { voter: 'grace', decision: 'approve' };
  await api('post', `${root}/consensus/proposals/{proposal_id}/ballots`, { json: ballot }, id);
  await api('get', `${root}/consensus/proposals/{proposal_id}`, {}, id);
  await api('post', `${root}/election/trigger`);
  await api('get', `${root}/election`);
  await api('get', `${root}/status`);
  await api('get', '/healthz');
  await api('get', '/readyz');
});

test('the examples of bodies work when they are posted', async () => {
  const here = await site();
  const document = await documentOf(here);
  let posted = 0;
  for (const [name, { requestBody }] of operationsOf(document)) {
    for (const { example, examples, schema } of Object.values(requestBody?.content ?? {})) {
      const shown = [
        ...(example === undefined ? [] : [example]),
        ...Object.values((examples ?? {}) as Record<string, { value: unknown }>).map(({ value }) => value),
        ...((schema['examples'] ?? []) as unknown[]),
      ];
      expect.soft(shown.length, name).toBeGreaterThan(0);
      for (const json of shown) {
        posted += 1;
        const path = await addressFor(here, name.replace('POST ', ''));
        expect.soft((await here.call(path, { json })).status, `${name} ${JSON.stringify(json)}`).toBe(201);
      }
    }
  }
  expect(posted).toBeGreaterThanOrEqual(4);
});

/** A ballot needs a proposal that waits for its voter. */
async function addressFor(here: Site, path: string): Promise<string> {
  if (!path.includes('{proposal_id}')) return path;
  const json = { proposal_type: 'x', voters: ['grace'], quorum: 1 };
  const { body } = await here.call(`${root}/consensus/propose`, { json });
  return path.replace('{proposal_id}', String(body['proposal_id']));
}

test('the page of it is served from here alone, under a policy that allows no foreign script', async () => {
  const here = await site();
  const page = await here.call('/docs');
  expect(page.status).toBe(200);
  const html = page.text;
  const policy = page.headers.get('Content-Security-Policy') ?? '';
  expect(policy).toContain("script-src 'self'");
  expect(policy).not.toContain('upgrade-insecure-requests');
  expect(html).not.toMatch(/<script(?![^>]*\bsrc=)[^>]*>\s*\S/);
  const sources = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source ?? '');
  expect(sources.length).toBeGreaterThan(3);
  for (const source of sources) {
    expect(source).toMatch(/^\//);
    expect((await here.call(source)).status, source).toBe(200);
  }
  expect(page.headers.get('X-Content-Type-Options')).toBe('nosniff');
});

const curls = [
  `curl -X POST localhost:8200/coordination/tasks -H 'Content-Type: application/json' -d '{"task_type":"scan","priority":9,"target":"192.168.1.100"}'`,
  `curl 'localhost:8200/coordination/tasks?status=pending'`,
  `curl -X POST localhost:8200/coordination/election/trigger`,
  `curl -X POST localhost:8200/coordination/consensus/propose -H 'Content-Type: application/json' -d '{"proposal_type":"policy_change","description":"Increase detection threshold","data":{"threshold":0.95}}'`,
];

test('the four commands work as they stand', async () => {
  const { http } = await site();
  const answers: unknown[] = [];
  for (const line of curls) {
    const { stdout } = await execa('sh', ['-c', `${line.replace('8200', String(http.port))} -sS`]);
    answers.push(JSON.parse(stdout));
  }
  expect(answers).toMatchObject([
    { task_type: 'scan', priority: 9, target: '192.168.1.100', status: 'pending' },
    { items: [{ task_type: 'scan' }], total: 1 },
    { has_leader: true, leader_id: 'ada', term: 2 },
    { proposal_type: 'policy_change', data: { threshold: 0.95 } },
  ]);
});

test('a plain GET of the event stream is told what it is', async () => {
  const { call } = await site();
  expect(await call(`${root}/events`)).toMatchObject(problemLike(400, 'INVALID'));
});
