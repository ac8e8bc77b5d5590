/**
 * Negative tests of the HTTP API, by the lines of the OWASP API Security Top Ten of 2023: who may do what, how much,
 * and how often. Its other lines are in `api-surface.test.ts`.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { BODY_BYTES_MAX, HEADER_BYTES_MAX, URL_LENGTH_MAX } from '../../src/http/limits.ts';
import { identify, tokensFrom, type Scope } from '../../src/http/tokens.ts';
import { openRaw } from './fuzz-raw.ts';
import { addressOf, keyed, made, root, upgradeStatus, withGuardedSite, type Called } from './guarded-site.ts';

const site = withGuardedSite();
/** Requests that stop half-way, begun before the tests since they take long to end. */
let unfinished: readonly Promise<string>[];

beforeAll(() => {
  const post = `POST ${root}/tasks HTTP/1.1\r\nHost: localhost\r\n`;
  const json = 'Content-Type: application/json\r\n';
  const begun = [
    '',
    'GET /coord',
    `${post}${json}Content-Length: 100\r\n\r\n{`,
    `${post}Content-Length: 9\r\n\r\n{`,
  ];
  unfinished = begun.map((text) => {
    const { socket, ended } = openRaw(site().open.url);
    socket.write(text);
    return ended;
  });
});

async function tasksTotal(): Promise<unknown> {
  return (await site().call(`${root}/tasks?consistent=true`, { as: 'all' })).body['total'];
}

describe('API1, object level', () => {
  const proposal = { proposal_type: 'who', voters: ['grace', 'linus'], quorum: 1, timeout_seconds: 600 };

  test('a token votes under its own name, and under no other', async () => {
    const { body } = await site().call(`${root}/consensus/propose`, { as: 'operate', json: proposal });
    const ballots = `${root}/consensus/proposals/${String(body['proposal_id'])}/ballots`;
    const forged = { voter: 'linus', decision: 'approve' };
    expect(await site().call(ballots, { as: 'operate', json: forged })).toMatchObject({ status: 403 });
    const own = await site().call(ballots, { as: 'operate', json: { decision: 'approve' } });
    expect(own).toMatchObject({ status: 201, body: { voter: 'grace' } });
  });

  test('nobody votes for an agent, whatever the scope', async () => {
    const { body } = await site().call(`${root}/consensus/propose`, { as: 'all', json: proposal });
    const ballots = `${root}/consensus/proposals/${String(body['proposal_id'])}/ballots`;
    const forged = { voter: 'ada', decision: 'approve' };
    expect(await site().call(ballots, { as: 'all', json: forged })).toMatchObject({
      status: 403,
      body: { code: 'NOT_A_VOTER' },
    });
  });

  test('a token proposes under its own name', async () => {
    const forged = { ...proposal, proposer: 'chief' };
    expect(await site().statusOf(`${root}/consensus/propose`, { as: 'operate', json: forged })).toBe(403);
    const { body } = await site().call(`${root}/consensus/propose`, { as: 'operate', json: proposal });
    expect(body['proposer']).toBe('grace');
  });
});

describe('API2, authentication', () => {
  const { token } = made.all;
  const refused: readonly [string, Readonly<Record<string, string>>][] = [
    ['no token', {}],
    ['an empty header', { Authorization: '' }],
    ['the scheme alone', { Authorization: 'Bearer' }],
    ['another scheme', { Authorization: `Basic ${Buffer.from(`linus:${token}`).toString('base64')}` }],
    ['no scheme', { Authorization: token }],
    ['two tokens', { Authorization: `Bearer ${token} ${token}` }],
    ['a token cut short', { Authorization: `Bearer ${token.slice(0, -1)}` }],
    ['a token with more behind it', { Authorization: `Bearer ${token}=` }],
    ['its digest', { Authorization: `Bearer ${made.all.entry.sha256}` }],
    ['a token in another header', { 'X-Api-Key': token, Cookie: `token=${token}` }],
  ];

  test.each(refused)('%s: 401, with the scheme to use', async (_, headers) => {
    const answer = await site().call(`${root}/status`, { headers });
    expect(answer).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
    expect(answer.headers.get('WWW-Authenticate')).toMatch(/^Bearer/);
  });

  test('a token in a URL opens nothing', async () => {
    for (const name of ['token', 'access_token', 'authorization', 'api_key'])
      expect(await site().statusOf(`${root}/status?${name}=${token}`, {})).toBe(401);
  });

  test('every operation but the probes asks for one', async () => {
    for (const operation of site().document.operations) {
      const isOpen = ['isAlive', 'isReady'].includes(operation.id);
      const status = await site().statusOf(addressOf(operation), { method: operation.method });
      expect([operation.id, status]).toEqual([operation.id, isOpen ? 200 : 401]);
    }
  });

  test('the event stream asks for one before the upgrade', async () => {
    expect(await upgradeStatus(site().guarded, {})).toBe(401);
    expect(await upgradeStatus(site().guarded, { Authorization: 'Bearer wrong' })).toBe(401);
    expect(await upgradeStatus(site().guarded, { Authorization: `Bearer ${made.operate.token}` })).toBe(403);
    expect(await upgradeStatus(site().guarded, { Authorization: `Bearer ${made.read.token}` })).toBe(101);
  });

  test('what is kept of a token is a digest, by which it is told', () => {
    const file = JSON.stringify({ tokens: [made.read.entry, made.all.entry] });
    expect(file).not.toContain(token);
    const entries = tokensFrom(file);
    expect(identify(entries, token)).toMatchObject({ name: 'linus' });
    for (const wrong of ['', token.toUpperCase(), `${token} `, made.admin.token, made.all.entry.sha256])
      expect(identify(entries, wrong)).toBeNull();
  });

  test('no token is in the log, nor in an answer', async () => {
    const { text } = await site().call(`${root}/status?token=${token}`, {
      headers: { Authorization: `Basic ${token}` },
    });
    await site().call(`${root}/status`, { as: 'all' });
    expect(site().logged.length).toBeGreaterThan(0);
    for (const secret of Object.values(made))
      expect(site().logged.join() + text).not.toContain(secret.token.slice(9));
  });
});

describe('API3, property level', () => {
  const ofTask =
    'status attempts attempt task_id id term agent result error submitted_at ended_at proposal key';
  const ofProposal = 'status ballots electorate tally proposal_id deadline_at opened_at task key approved';
  const cases: readonly [string, object, string][] = [
    ...ofTask.split(' ').map((each) => [`${root}/tasks`, { task_type: 'x' }, each] as const),
    ...ofProposal
      .split(' ')
      .map((each) => [`${root}/consensus/propose`, { proposal_type: 'x' }, each] as const),
    ...['weight', 'proposal', 'at'].map(
      (each) =>
        [`${root}/consensus/proposals/x/ballots`, { voter: 'linus', decision: 'approve' }, each] as const,
    ),
  ].map(([path, body, field]) => [path, body, field]);

  test('what only an answer has is refused in a body, by name, and nothing is stored', async () => {
    const before = await tasksTotal();
    for (const [path, body, field] of cases) {
      const answer = await site().call(path, { as: 'all', json: { ...body, [field]: 'x' } });
      const errors = [{ field, message: 'is unknown' }];
      expect([path, answer.status, answer.body['errors']]).toEqual([path, 400, errors]);
    }
    expect(await tasksTotal()).toBe(before);
  });

  test('a batch with one such task is refused whole', async () => {
    const before = await tasksTotal();
    const json = { tasks: [{ task_type: 'x' }, { task_type: 'x', status: 'completed' }] };
    expect(await site().statusOf(`${root}/tasks`, { as: 'all', json })).toBe(400);
    expect(await tasksTotal()).toBe(before);
  });

  test('an answer has nothing that the document does not name', async () => {
    await site().call(`${root}/tasks`, { as: 'all', json: { task_type: 'shout', max_retries: 0 } });
    for (const operation of site().document.operations.filter(({ method }) => method === 'GET')) {
      const { status, headers, text } = await site().call(addressOf(operation), { as: 'all' });
      const contentType = headers.get('Content-Type')?.split(';', 1)[0] ?? '';
      expect([operation.id, site().document.faultsOf(operation, { status, contentType, text })]).toEqual([
        operation.id,
        [],
      ]);
    }
  });
});

describe('API4, resources', () => {
  const post = (json: unknown): Promise<Called> => site().call(`${root}/tasks`, { as: 'all', json });
  const tooMuch: readonly [string, () => Promise<Called>, number, number][] = [
    ['a body', () => post(`"${'x'.repeat(BODY_BYTES_MAX)}"`), 413, BODY_BYTES_MAX],
    ['a payload', () => post({ task_type: 'x', payload: 'x'.repeat(262_144) }), 413, 262_144],
    ['a batch', () => post({ tasks: Array.from({ length: 1_001 }, () => ({ task_type: 'x' })) }), 413, 1_000],
    ['nesting', () => post(`${'['.repeat(50_000)}${']'.repeat(50_000)}`), 400, 32],
    ['a list', () => post({ task_type: 'x', required_capabilities: Array(257).fill('x') }), 400, 256],
    ['a text', () => post({ task_type: 'x', target: 'x'.repeat(1_025) }), 400, 1_024],
    ['a page', () => site().call(`${root}/tasks?limit=501`, { as: 'all' }), 400, 500],
    [
      'a URL',
      () => site().call(`${root}/tasks?text=${'x'.repeat(URL_LENGTH_MAX)}`, { as: 'all' }),
      414,
      URL_LENGTH_MAX,
    ],
    [
      'headers',
      () => site().call(`${root}/tasks`, { as: 'all', headers: { 'X-Much': 'x'.repeat(HEADER_BYTES_MAX) } }),
      431,
      HEADER_BYTES_MAX,
    ],
    ['a key', () => site().call(`${root}/tasks`, keyed('x'.repeat(256), { task_type: 'x' })), 400, 255],
  ];

  test.each(tooMuch)(
    '%s beyond its limit is refused, and the limit is named',
    async (_, ask, status, limit) => {
      const answer = await ask();
      expect(answer.status).toBe(status);
      expect(answer.headers.get('Content-Type')).toContain('application/problem+json');
      expect(String(answer.body['detail']).replaceAll(/[,_]/g, '')).toContain(String(limit));
    },
  );

  test('a client that asks too often is told to wait, and holds nobody else up', async () => {
    const tokens = [made.read.entry, made.all.entry];
    const slow = await site().start({ tokens, requestsPerSecond: 5 });
    const many = await Promise.all(
      Array.from({ length: 50 }, () => site().call(`${root}/status`, { as: 'read', on: slow })),
    );
    const refused = many.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(Number(refused[0]?.headers.get('Retry-After'))).toBeGreaterThan(0);
    expect(refused[0]?.body).toMatchObject({ code: 'LIMIT_REACHED' });
    expect(refused[0]?.body['detail']).toContain('5 requests');
    expect(await site().statusOf(`${root}/status`, { as: 'all', on: slow })).toBe(200);
  });

  test('a listener that talks too much is let go', async () => {
    const socket = new WebSocket(`${site().open.url.replace('http', 'ws')}${root}/events`);
    const code = await new Promise((resolve) => {
      socket.on('close', resolve);
      socket.on('open', () => {
        socket.send('x'.repeat(2_000));
      });
    });
    expect(code).toBe(1009);
  });

  test('a request that does not come is not waited for', async () => {
    // However it ends, nothing of it was taken.
    for (const each of unfinished) expect(await each).not.toMatch(/^HTTP\/1\.1 [23]/);
  });
});

describe('API5, function level', () => {
  const needs: Readonly<Record<string, Scope>> = {
    createTask: 'operate',
    cancelTask: 'operate',
    retryTask: 'operate',
    propose: 'operate',
    castBallot: 'operate',
    triggerElection: 'admin',
    drainAgent: 'admin',
    resumeAgent: 'admin',
    removeAgent: 'admin',
  };

  test.each(['read', 'operate', 'admin'] as const)(
    'a token of %s does that, and nothing else',
    async (as) => {
      for (const operation of site().document.operations) {
        const { id, method, body } = operation;
        if (['isAlive', 'isReady'].includes(id)) continue;
        expect([id, method]).toEqual([id, needs[id] === undefined ? 'GET' : method]);
        const json = body === null ? {} : { json: {} };
        const answer = await site().call(addressOf(operation), { as, method, ...json });
        const isAllowed = (needs[id] ?? 'read') === as;
        expect([id, answer.status === 403]).toEqual([id, !isAllowed]);
        expect(answer.status).not.toBe(401);
      }
    },
  );
});

describe('API6, flows: what is sent again happens once', () => {
  test('a task', async () => {
    const before = Number(await tasksTotal());
    const again = keyed('once only', { task_type: 'echo', payload: 1 });
    const answers = await Promise.all(Array.from({ length: 20 }, () => site().call(`${root}/tasks`, again)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ body }) => body['task_id'])).size).toBe(1);
    expect(await tasksTotal()).toBe(before + 1);
    const other = keyed('once only', { task_type: 'echo', payload: 2 });
    expect(await site().statusOf(`${root}/tasks`, other)).toBe(409);
  });

  test('a proposal, and a ballot', async () => {
    const again = keyed('one vote', {
      proposal_type: 'who',
      voters: ['linus'],
      timeout_seconds: 600,
      quorum: 1,
    });
    const [first, second] = [
      await site().call(`${root}/consensus/propose`, again),
      await site().call(`${root}/consensus/propose`, again),
    ];
    expect(second.body['proposal_id']).toBe(first.body['proposal_id']);
    const address = `${root}/consensus/proposals/${String(first.body['proposal_id'])}`;
    const ballot = { as: 'all', json: { decision: 'reject' } } as const;
    expect(await site().statusOf(`${address}/ballots`, ballot)).toBe(201);
    expect(await site().statusOf(`${address}/ballots`, ballot)).toBe(201);
    expect(await site().statusOf(`${address}/ballots`, { as: 'all', json: { decision: 'approve' } })).toBe(
      409,
    );
    const { body } = await site().call(address, { as: 'all', headers: { 'Min-Sequence': '0' } });
    const mine = (body['ballots'] as { voter: string }[]).filter(({ voter }) => voter === 'linus');
    expect(mine).toEqual([{ voter: 'linus', decision: 'reject', reason: null }]);
  });
});
