/** Who may call: tokens and scopes, and, without tokens, this machine alone and no foreign page. */
import { request } from 'node:http';
import { expect, test } from 'vitest';
import { makeToken, type Scope } from '../../src/http/tokens.ts';
import { problemLike, root, withSites, type Called, type CallOptions, type Site } from './site.ts';

const open = withSites();
const tasks = `${root}/tasks`;

interface Guarded extends Site {
  /** Calls with the token of that name. */
  readonly as: (name: string, path: string, options?: CallOptions) => Promise<Called>;
}

async function guarded(): Promise<Guarded> {
  const people: Readonly<Record<string, readonly Scope[]>> = {
    reader: ['read'],
    grace: ['read', 'operate'],
    root: ['read', 'operate', 'admin'],
  };
  const made = Object.entries(people).map(([name, scopes]) => makeToken(name, scopes));
  const site = await open({
    agents: [{ id: 'ada', vote: () => 'approve' }],
    http: { tokens: made.map(({ entry }) => entry), host: '127.0.0.1' },
  });
  const secrets = new Map(made.map(({ token, entry }) => [entry.name, token]));
  return {
    ...site,
    as: (name, path, options = {}) =>
      site.call(path, {
        ...options,
        headers: { ...options.headers, Authorization: `Bearer ${secrets.get(name) ?? name}` },
      }),
  };
}

test('with tokens, nobody without a known one gets in, except to what is open', async () => {
  const { call, as } = await guarded();
  for (const answer of [
    await call(tasks),
    await as('wrong', tasks),
    await call('/metrics'),
    await call('/nothing'),
  ]) {
    expect(answer).toMatchObject(problemLike(401, 'UNAUTHENTICATED'));
    expect(answer.headers.get('WWW-Authenticate')).toBe('Bearer realm="conclave"');
  }
  for (const path of ['/healthz', '/readyz', '/docs', '/docs/static/swagger-ui.css', '/openapi.json']) {
    expect((await call(path)).status, path).toBe(200);
  }
});

test('a token may do what its scopes say, and nothing else', async () => {
  const { as } = await guarded();
  const json = { task_type: 'scan' };
  const post = { method: 'POST' };
  const expected: readonly (readonly [string, string, CallOptions, number])[] = [
    ['reader', tasks, {}, 200],
    ['reader', '/metrics', {}, 200],
    ['reader', tasks, { json }, 403],
    ['reader', `${tasks}/x`, { method: 'DELETE' }, 403],
    ['reader', `${root}/consensus/propose`, { json: { proposal_type: 'x' } }, 403],
    ['reader', `${root}/election/trigger`, post, 403],
    ['grace', tasks, { json }, 201],
    ['grace', `${root}/consensus/propose`, { json: { proposal_type: 'x' } }, 201],
    ['grace', `${root}/election/trigger`, post, 403],
    ['grace', `${root}/agents/ada/drain`, post, 403],
    ['root', `${root}/agents/ada/drain`, post, 200],
    ['root', `${root}/agents/ada/resume`, post, 200],
    ['grace', `${root}/agents/nobody`, { method: 'DELETE' }, 403],
    ['root', `${root}/agents/nobody`, { method: 'DELETE' }, 404],
    ['root', `${root}/election/trigger`, post, 200],
  ];
  for (const [who, path, options, status] of expected) {
    const answer = await as(who, path, options);
    expect.soft(answer.status, `${who} ${path}`).toBe(status);
    if (status === 403) expect.soft(answer).toMatchObject(problemLike(403, 'FORBIDDEN'));
  }
});

test('a token votes and proposes under its own name, an admin under any', async () => {
  const { as } = await guarded();
  const json = { proposal_type: 'x', voters: ['grace', 'hopper'], quorum: 1, timeout_seconds: 60 };
  const opened = await as('grace', `${root}/consensus/propose`, { json });
  expect(opened).toMatchObject({ status: 201, body: { proposer: 'grace' } });
  const ballots = `${root}/consensus/proposals/${String(opened.body['proposal_id'])}/ballots`;
  const decision = 'approve';
  expect(await as('grace', ballots, { json: { voter: 'hopper', decision } })).toMatchObject(
    problemLike(403, 'FORBIDDEN'),
  );
  expect(await as('grace', ballots, { json: { decision } })).toMatchObject({
    status: 201,
    body: { voter: 'grace' },
  });
  expect(await as('root', ballots, { json: { voter: 'hopper', decision } })).toMatchObject({ status: 201 });
  const posing = { ...json, proposer: 'root' };
  expect(await as('grace', `${root}/consensus/propose`, { json: posing })).toMatchObject(
    problemLike(403, 'FORBIDDEN'),
  );
});

/** With a Host header that fetch would not send. */
function statusWithHost(site: Site, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: site.http.port, path: tasks, headers: { host } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

test('without tokens a request that means another host is refused: a page may have lured a browser here', async () => {
  const site = await open();
  const { port } = site.http;
  for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, 'localhost', 'LOCALHOST.']) {
    expect.soft(await statusWithHost(site, host), host).toBe(200);
  }
  for (const host of [
    'evil.example',
    `localhost.evil.example:${port}`,
    '127.0.0.1.evil.example',
    '10.0.0.1',
  ]) {
    expect.soft(await statusWithHost(site, host), host).toBe(403);
  }
});

test('a page of another origin is refused, one of the own host is not', async () => {
  const site = await open();
  const from = (origin: string) => site.call(tasks, { headers: { Origin: origin } });
  expect((await from(site.http.url)).status).toBe(200);
  for (const origin of [
    'https://evil.example',
    'null',
    `http://127.0.0.1:${site.http.port + 1}`,
    'http://localhost',
  ]) {
    expect(await from(origin), origin).toMatchObject(problemLike(403, 'FORBIDDEN'));
  }
  const preflight = { Origin: 'https://evil.example', 'Access-Control-Request-Method': 'POST' };
  const asked = await site.call(tasks, { method: 'OPTIONS', headers: preflight });
  expect(asked.status).toBe(403);
  expect(asked.headers.get('Access-Control-Allow-Origin')).toBeNull();
});

test('an origin that is named may call, and is told so', async () => {
  const friend = 'https://ops.example.org';
  const site = await open({ agents: [{ id: 'ada' }], http: { origins: [friend] } });
  const asked = await site.call(tasks, {
    method: 'OPTIONS',
    headers: {
      Origin: friend,
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'content-type,idempotency-key',
    },
  });
  expect(asked.status).toBe(204);
  expect(asked.headers.get('Access-Control-Allow-Origin')).toBe(friend);
  const made = await site.call(tasks, { json: { task_type: 'scan' }, headers: { Origin: friend } });
  expect(made.status).toBe(201);
  expect(made.headers.get('Access-Control-Allow-Origin')).toBe(friend);
  expect(made.headers.get('Access-Control-Expose-Headers')).toContain('Conclave-Sequence');
  const other = await site.call(tasks, { headers: { Origin: 'https://evil.example' } });
  expect(other).toMatchObject(problemLike(403, 'FORBIDDEN'));
});

test('whoever guesses tokens is counted, and told to slow down; who has one goes on', async () => {
  const { token, entry } = makeToken('root', ['read']);
  const { call } = await open({ http: { tokens: [entry], requestsPerSecond: 20 } });
  const guesses = await Promise.all(
    Array.from({ length: 200 }, (_, i) => call(tasks, { headers: { Authorization: `Bearer guess-${i}` } })),
  );
  const told = guesses.filter(({ status }) => status === 429);
  expect(guesses.every(({ status }) => status === 401 || status === 429)).toBe(true);
  expect(told.length).toBeGreaterThan(0);
  expect(told[0]?.headers.get('Retry-After')).toMatch(/^\d+$/);
  expect((await call(tasks, { headers: { Authorization: `Bearer ${token}` } })).status).toBe(200);
});
