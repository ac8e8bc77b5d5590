/** What is refused, how it is said, and at which limits; request ids. */
import { connect as dial } from 'node:net';
import { connect } from 'nats';
import { expect, test } from 'vitest';
import { ConclaveError, errorKinds, type ErrorCode } from '../../src/domain/errors.ts';
import { BODY_BYTES_MAX, HEADER_BYTES_MAX, URL_LENGTH_MAX } from '../../src/http/limits.ts';
import { documentOf, HttpError, httpKinds, type HttpCode } from '../../src/http/problem.ts';
import { problemLike, root, withSites, type Site } from './site.ts';

const open = withSites();
const tasks = `${root}/tasks`;
/** What is answered, once the connection is ended from there. */
function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = dial(port, '127.0.0.1', () => socket.write(text));
    socket.on('data', (data) => (heard += data.toString()));
    socket.on('close', () => {
      resolve(heard);
    });
  });
}

const site = (): Promise<Site> => open({ agents: [{ id: 'ada' }] });

test('a problem document has all its parts, and no stack', async () => {
  const { call } = await site();
  const { body, headers } = await call(tasks, { json: { priority: 0 } });
  expect(body).toEqual({
    type: 'urn:conclave:problem:invalid',
    title: expect.any(String),
    status: 400,
    detail: 'task_type is required; priority must be >= 1',
    code: 'INVALID',
    errors: [
      { field: 'task_type', message: 'is required' },
      { field: 'priority', message: 'must be >= 1' },
    ],
    request_id: headers.get('X-Request-Id'),
  });
});

test('an address that is not there is 404, a method that it does not take 405 with those that it does', async () => {
  const { call } = await site();
  expect(await call('/coordination/nothing')).toMatchObject(problemLike(404, 'NOT_FOUND'));
  expect(await call('/')).toMatchObject(problemLike(404, 'NOT_FOUND'));
  const answer = await call(`${tasks}/x`, { method: 'PATCH' });
  expect(answer).toMatchObject(problemLike(405, 'METHOD_NOT_ALLOWED'));
  expect(answer.headers.get('Allow')).toBe('DELETE, GET, HEAD');
});

test('what is no JSON, or no good JSON, is refused', async () => {
  const { call } = await site();
  const json = { 'Content-Type': 'application/json' };
  const bad = [
    '{"task_type":',
    'nonsense',
    '{"__proto__":{"a":1},"task_type":"scan"}',
    `{"task_type":"scan","payload":${'['.repeat(40)}${']'.repeat(40)}}`,
    'null',
    '[]',
    '"scan"',
  ];
  for (const raw of bad) {
    expect(await call(tasks, { raw, headers: json }), raw).toMatchObject(problemLike(400, 'INVALID'));
  }
  const parameters = { 'Content-Type': 'application/json; charset=utf-8' };
  expect((await call(tasks, { raw: '{"task_type":"scan"}', headers: parameters })).status).toBe(201);
});

test('a body of another kind is refused with 415, and none at all is an empty one', async () => {
  const { call } = await site();
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/xml',
    'multipart/form-data',
  ]) {
    const answer = await call(tasks, { raw: '{"task_type":"scan"}', headers: { 'Content-Type': type } });
    expect(answer, type).toMatchObject(problemLike(415, 'UNSUPPORTED_MEDIA_TYPE'));
  }
  expect((await call(tasks, { method: 'POST' })).body['errors']).toEqual([
    { field: 'task_type', message: 'is required' },
  ]);
});

test('a bad query or address is refused, with the field', async () => {
  const { call } = await site();
  expect((await call(`${tasks}?unknown=1&limit=x`)).body['errors']).toMatchObject([
    { field: 'unknown', message: 'is unknown' },
    { field: 'limit' },
  ]);
  expect(await call(`${tasks}?limit=1&limit=2`)).toMatchObject(problemLike(400, 'INVALID'));
  expect(await call(`${tasks}/%zz`)).toMatchObject(problemLike(400, 'INVALID'));
  expect(await call(`${tasks}/${'x'.repeat(64)}`)).toMatchObject(problemLike(400, 'INVALID'));
});

test('a body over the limit is refused, naming it', async () => {
  const { call } = await site();
  const answer = await call(tasks, { json: { task_type: 'scan', payload: 'x'.repeat(BODY_BYTES_MAX) } });
  expect(answer).toMatchObject(problemLike(413, 'TOO_LARGE'));
  expect(answer.body['detail']).toContain(String(BODY_BYTES_MAX));
  const payload = await call(tasks, { json: { task_type: 'scan', payload: 'x'.repeat(300_000) } });
  expect(payload).toMatchObject(problemLike(413, 'TOO_LARGE'));
  expect(payload.body['detail']).toContain('262144');
});

test('a URL over the limit is refused, and headers over theirs', async () => {
  const { call } = await site();
  expect(await call(`${tasks}?type=${'x'.repeat(URL_LENGTH_MAX)}`)).toMatchObject(
    problemLike(414, 'URL_TOO_LONG'),
  );
  const headers = { 'X-Long': 'x'.repeat(HEADER_BYTES_MAX) };
  expect(await call(tasks, { headers })).toMatchObject(problemLike(431, 'HEADERS_TOO_LARGE'));
});

test('what is no HTTP is answered with a problem, and cut', async () => {
  const { http } = await site();
  expect(await exchange(http.port, 'hello\r\n\r\n')).toMatch(
    /^HTTP\/1\.1 400 .*\r\nContent-Type: application\/problem\+json\r\n/,
  );
});

test('a request that does not come in whole is ended, with a problem', { timeout: 60_000 }, async () => {
  const { http } = await site();
  const start = `POST ${tasks} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n`;
  const ended = await Promise.all([start, `${start}\r\n{`].map((text) => exchange(http.port, text)));
  for (const heard of ended) {
    expect(heard).toMatch(/^HTTP\/1\.1 400 .*\r\nContent-Type: application\/problem\+json/);
  }
});

test('who asks too often is told to wait, and the probes are not counted', async () => {
  const { call } = await open({ http: { requestsPerSecond: 5 } });
  const answers = await Promise.all(Array.from({ length: 30 }, () => call(tasks)));
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThan(10);
  expect(refused[0]).toMatchObject(problemLike(429, 'LIMIT_REACHED'));
  expect(Number(refused[0]?.headers.get('Retry-After'))).toBeGreaterThan(0);
  const probes = await Promise.all(Array.from({ length: 30 }, () => call('/healthz')));
  expect(probes.every(({ status }) => status === 200)).toBe(true);
});

test('a request has the id that its caller gave it, if that is a sane one', async () => {
  const { call } = await site();
  const idOf = async (given?: string): Promise<string | null> =>
    (await call(tasks, given === undefined ? {} : { headers: { 'X-Request-Id': given } })).headers.get(
      'X-Request-Id',
    );
  expect(await idOf('order-66_a')).toBe('order-66_a');
  for (const bad of [undefined, 'a b', 'x'.repeat(65), 'a"b']) {
    const made = await idOf(bad);
    expect(made).toMatch(/^[0-9a-f-]{36}$/);
    expect(made).not.toBe(bad);
  }
});

test('a port in use, an address that is not ours and a bad option are clear errors', async () => {
  const { http, another } = await site();
  await expect(another({ port: http.port })).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringContaining(`port ${http.port}`),
  });
  await expect(another({ host: '192.0.2.1', tokens: [] })).rejects.toMatchObject({ code: 'INVALID' });
  await expect(another({ host: '0.0.0.0' })).rejects.toMatchObject({
    code: 'INVALID',
    fields: [{ field: 'host', message: expect.stringContaining('conclave token') }],
  });
  await expect(another({ origins: ['*'] })).rejects.toMatchObject({ fields: [{ field: 'origins' }] });
  await expect(another({ port: 70_000 })).rejects.toMatchObject({ fields: [{ field: 'port' }] });
});

test('the id travels to the leader with what is asked of it', async () => {
  const { call, fleet, servers } = await site();
  const nc = await connect({ servers });
  const heard = nc.subscribe(`conclave.${fleet}.api.submit`, { max: 1 });
  await nc.flush();
  await call(tasks, { json: { task_type: 'scan' }, headers: { 'X-Request-Id': 'order-66' } });
  for await (const message of heard) expect(message.headers?.get('Conclave-Request-Id')).toBe('order-66');
  await nc.close();
});

test('every code has a status, a title and a type of its own', () => {
  const codes = [...Object.keys(errorKinds), ...Object.keys(httpKinds)] as HttpCode[];
  const documents = codes.map((code) =>
    documentOf(
      code in httpKinds
        ? new HttpError(code as keyof typeof httpKinds, 'why')
        : new ConclaveError(code as ErrorCode, 'why'),
      'id',
    ),
  );
  expect(documents.map(({ code }) => code)).toEqual(codes);
  expect(new Set(documents.map(({ type }) => type)).size).toBe(codes.length);
  for (const { code, status, title } of documents) {
    expect.soft(status, code).toBeGreaterThanOrEqual(400);
    expect.soft(title, code).not.toBe('Refused');
  }
  const statusOf = (code: HttpCode): number | undefined =>
    documents.find((each) => each.code === code)?.status;
  expect(
    ['TIMEOUT', 'LEDGER_BROKEN', 'NO_LEADER', 'NO_NATS', 'BEHIND'].map((code) => statusOf(code as HttpCode)),
  ).toEqual([503, 503, 503, 503, 503]);
});

test('what should not happen is not told, but logged', () => {
  const { status, detail, code } = documentOf(new TypeError('secret of the inside'), 'id');
  expect({ status, code }).toEqual({ status: 500, code: 'INTERNAL' });
  expect(detail).not.toContain('secret');
});
