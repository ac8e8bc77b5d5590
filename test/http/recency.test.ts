/** How recent answers are: read your writes through any server, consistent reads, and what is refused as too old. */
import { connect } from 'nats';
import { expect, test, vi } from 'vitest';
import { joinFleet, startHttpServer } from '../../src/index.ts';
import { startPrivateServer } from '../../src/nats/private-server.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { binary } from '../support/nats-server.ts';
import { problemLike, root, withSites } from './site.ts';

const open = withSites();
const tasks = `${root}/tasks`;
const scan = { json: { task_type: 'scan' } };

test('a write can be read at once, through the server that took it', async () => {
  const { call } = await open({ agents: [{ id: 'ada' }] });
  for (let total = 1; total <= 20; total++) {
    await call(tasks, scan);
    expect((await call(tasks)).body['total']).toBe(total);
  }
});

test('a write can be read through any other server by sending its sequence back', async () => {
  const here = await open({ agents: [{ id: 'ada' }] });
  const there = await here.another();
  for (let i = 0; i < 20; i++) {
    const written = await here.call(tasks, scan);
    const sequence = written.headers.get('Conclave-Sequence') ?? '';
    const id = String(written.body['task_id']);
    const read = await there.call(`${tasks}/${id}`, { headers: { 'Min-Sequence': sequence } });
    expect(read).toMatchObject({ status: 200, body: { task_id: id } });
    const { as_of: asOf } = read.body as unknown as { as_of: { sequence: number } };
    expect(asOf.sequence).toBeGreaterThanOrEqual(Number(sequence));
    expect(read.headers.get('Conclave-Sequence')).toBe(String(asOf.sequence));
  }
});

test('a consistent read sees what any other server has committed before', async () => {
  const here = await open({ agents: [{ id: 'ada' }] });
  const there = await here.another();
  for (let total = 1; total <= 10; total++) {
    await here.call(tasks, scan);
    expect((await there.call(`${tasks}?consistent=true&limit=1`)).body['total']).toBe(total);
  }
});

test('a sequence that the ledger does not have is waited for, then refused with Retry-After', async () => {
  const { call } = await open({ agents: [{ id: 'ada' }] });
  const answer = await call(tasks, { headers: { 'Min-Sequence': '1000000' } });
  expect(answer).toMatchObject(problemLike(503, 'BEHIND'));
  expect(answer.headers.get('Retry-After')).toBe('1');
  const bad = await call(tasks, { headers: { 'Min-Sequence': 'latest' } });
  expect(bad).toMatchObject(problemLike(400, 'INVALID'));
  expect(bad.body['errors']).toMatchObject([{ field: 'Min-Sequence' }]);
});

test('while nobody leads, reads go on, writes and consistent reads are refused with Retry-After', async () => {
  const { call, agents } = await open({ agents: [{ id: 'ada' }] });
  await call(tasks, scan);
  await agents[0]?.leave();
  expect(await call(tasks)).toMatchObject({ status: 200, body: { total: 1 } });
  for (const refused of [
    await call(tasks, scan),
    await call(`${tasks}?consistent=true`),
    await call(`${root}/consensus/propose`, { json: { proposal_type: 'x' } }),
  ]) {
    expect(refused).toMatchObject(problemLike(503, 'NO_LEADER'));
    expect(refused.headers.get('Retry-After')).toBe('1');
  }
});

test('without NATS, reads go on, writes are refused, and the server is not ready', async () => {
  const nats = await startPrivateServer({ binary });
  const agent = await joinFleet({ servers: nats.url, id: 'ada', handleSignals: false, log: silentLog });
  const http = await startHttpServer({ servers: nats.url, port: 0, log: silentLog });
  try {
    await agent.leave();
    await nats.stop();
    await vi.waitFor(async () => expect((await fetch(`${http.url}/readyz`)).status).toBe(503), 10_000);
    expect((await fetch(`${http.url}${tasks}`)).status).toBe(200);
    expect((await fetch(`${http.url}/healthz`)).status).toBe(200);
    const refused = await fetch(`${http.url}/coordination/election/trigger`, { method: 'POST' });
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: 'NO_NATS' });
  } finally {
    await http.close();
  }
});

test('a ledger that was exchanged is said to be broken, on every read', async () => {
  const nats = await startPrivateServer({ binary });
  const join = (id: string) => joinFleet({ servers: nats.url, id, handleSignals: false, log: silentLog });
  const first = await join('ada');
  const http = await startHttpServer({ servers: nats.url, port: 0, log: silentLog });
  const nc = await connect({ servers: nats.url });
  try {
    await first.leave();
    await (await nc.jetstreamManager()).streams.delete('CONCLAVE_default');
    const second = await join('bob');
    // The new one has to reach where the old one was.
    for (let i = 0; i < 10; i++) await second.fleet.submit({ type: 'scan' });
    await vi.waitFor(
      async () => {
        const answer = await fetch(`${http.url}${tasks}`);
        expect(answer.status).toBe(503);
        expect(await answer.json()).toMatchObject({ code: 'LEDGER_BROKEN', status: 503 });
      },
      { timeout: 20_000, interval: 100 },
    );
    expect(await (await fetch(`${http.url}/readyz`)).json()).toMatchObject({
      ready: false,
      reasons: [expect.stringContaining('cannot be followed')],
    });
    await second.leave();
  } finally {
    await http.close();
    await nc.close();
    await nats.stop();
  }
});
