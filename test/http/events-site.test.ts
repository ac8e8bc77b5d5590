/** The event stream and the metrics of the whole server, with its checks in front of them. */
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { Listener } from '../support/event-server.ts';
import { root, withSites, type Site } from './site.ts';

const site = withSites();
const secret = 'a-secret-for-tests';
const tokens = [
  {
    name: 'reader',
    sha256: createHash('sha256').update(secret).digest('hex'),
    scopes: ['read' as const],
  },
];

const addressOf = ({ http }: Site, query = ''): string =>
  `${http.url.replace(/^http/, 'ws')}${root}/events${query}`;

function refusalOf(url: string, headers: Record<string, string> = {}): Promise<number | undefined> {
  return new Promise((resolve) => {
    const { socket } = new Listener(url, { headers });
    socket.on('unexpected-response', (_, response) => {
      resolve(response.statusCode);
    });
    socket.on('open', () => {
      resolve(101);
    });
  });
}

test('a listener goes on at another server of the fleet, under the same ids', async () => {
  const here = await site({ agents: [{ id: 'ada', tasks: { scan: () => 'clean' } }] });
  const there = await here.another();
  const first = new Listener(addressOf(here, '?since=0'));
  await here.call(`${root}/tasks`, { method: 'POST', json: { task_type: 'scan', target: 'one' } });
  await first.untilKind('task.completed');
  first.drop();
  const last = first.ids.at(-1) ?? '';
  const second = new Listener(addressOf(there, `?since=${last}`));
  await there.call(`${root}/tasks`, { method: 'POST', json: { task_type: 'scan', target: 'two' } });
  await second.untilKind('task.completed');
  const whole = new Listener(addressOf(there, '?since=0'));
  await whole.untilKind('task.completed', 2);
  expect([...first.ids, ...second.ids]).toEqual(whole.ids);
  const targets = whole.heard
    .filter(({ kind }) => kind === 'task.submitted')
    .map(({ item }) => item?.['target']);
  expect(targets).toEqual(['one', 'two']);
});

test('with tokens, nobody listens or scrapes without one', async () => {
  const { http } = await site({ agents: [{ id: 'ada' }], http: { tokens } });
  const url = `${http.url.replace(/^http/, 'ws')}${root}/events`;
  expect(await refusalOf(url)).toBe(401);
  expect(await refusalOf(url, { authorization: 'Bearer wrong' })).toBe(401);
  expect(await refusalOf(url, { authorization: `Bearer ${secret}` })).toBe(101);
  expect((await fetch(`${http.url}/metrics`)).status).toBe(401);
});

test('without tokens, a foreign page and a foreign host are refused before the upgrade', async () => {
  const url = addressOf(await site({ agents: [{ id: 'ada' }] }));
  expect(await refusalOf(url, { origin: 'https://evil.example' })).toBe(403);
  expect(await refusalOf(url, { host: 'rebound.example' })).toBe(403);
  expect(await refusalOf(`${url}?kind=everything`)).toBe(400);
});

test('an upgrade that is refused, or that nothing answers to, leaves no connection behind', async () => {
  const here = await site({ agents: [{ id: 'ada' }] });
  const port = Number(new URL(here.http.url).port);
  const ended = ['/coordination/events?kind=x', '/healthz', '/no/such/place', '/coordination/tasks'].map(
    (path) =>
      new Promise<string>((resolve) => {
        const lines = [
          ...[`GET ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, 'Connection: Upgrade', 'Upgrade: websocket'],
          ...['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '', ''],
        ];
        const socket = connect({ host: '127.0.0.1', port });
        let answer = '';
        socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
        socket.on('close', () => {
          resolve(`${path} ${answer.slice(9, 12)}`);
        });
        socket.write(lines.join('\r\n'));
      }),
  );
  expect(await Promise.all(ended)).toEqual([
    '/coordination/events?kind=x 400',
    '/healthz 101',
    '/no/such/place 404',
    '/coordination/tasks 101',
  ]);
});

test('metrics count requests by route and class, and sockets that are open', async () => {
  const here = await site({ agents: [{ id: 'ada', tasks: { scan: () => 'clean' } }] });
  const listener = new Listener(addressOf(here));
  await listener.untilKind('hello');
  const created = await here.call(`${root}/tasks`, { method: 'POST', json: { task_type: 'scan' } });
  await here.call(`${root}/tasks/${String(created.body['task_id'])}`);
  await here.call(`${root}/tasks/nothing-of-that-name`);
  await here.call('/no/such/place');
  await listener.untilKind('task.completed');
  const { headers, text } = await here.call('/metrics');
  expect(headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const countOf = (name: string): string | undefined =>
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1);
  const requests = (labels: string): string => `conclave_http_request_seconds_count{${labels}}`;
  expect(countOf('conclave_http_event_sockets')).toBe('1');
  expect(countOf('conclave_tasks_completed_total')).toBe('1');
  const byId = `${root}/tasks/:task_id`;
  expect(countOf(requests(`method="POST",route="${root}/tasks",status="2xx"`))).toBe('1');
  expect(countOf(requests(`method="GET",route="${byId}",status="2xx"`))).toBe('1');
  expect(countOf(requests(`method="GET",route="${byId}",status="4xx"`))).toBe('1');
  expect(countOf(requests('method="GET",route="other",status="4xx"'))).toBe('1');
  expect(text).not.toMatch(/route="[^"]*nothing-of-that-name/);
});
