/** Status and agents over HTTP, and the probes. */
import { connect } from 'nats';
import { expect, test, vi } from 'vitest';
import { joinFleet } from '../../src/index.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { problemLike, root, withSites } from './site.ts';

const open = withSites();

async function greetingOf(servers: string): Promise<{ readonly version: string }> {
  const nc = await connect({ servers });
  const version = nc.info?.version ?? '';
  await nc.close();
  return { version };
}

const status = `${root}/status`;

test('an empty fleet is unhealthy, with a normal answer', async () => {
  const { call, fleet } = await open();
  expect(await call(status)).toMatchObject({
    status: 200,
    body: {
      fleet,
      health: 'unhealthy',
      reasons: expect.arrayContaining([expect.any(String)]),
      has_leader: false,
      leader: null,
      term: 0,
      agents: { total: 0, alive: 0 },
      tasks: { total: 0 },
      proposals: { total: 0 },
    },
  });
});

test('with agents it is healthy, and says who leads', async () => {
  const { call } = await open({ agents: [{ id: 'ada', priority: 2 }, { id: 'bob' }, { id: 'cy' }] });
  expect(await call(status)).toMatchObject({
    status: 200,
    body: { health: 'healthy', reasons: [], leader: 'ada', term: 1, agents: { total: 3, alive: 3 } },
  });
});

test('what an acknowledgement means is said as far as it is known, and by whom', async () => {
  const { call, another, servers } = await open({ agents: [{ id: 'ada' }] });
  const { version } = await greetingOf(servers);
  const seen = { version, replicas: 1, storage: 'file' };
  expect((await call(status)).body['durability']).toMatchObject({
    ...seen,
    word: 'unknown',
    reasons: [expect.stringContaining('not known')],
    fsync: 'unknown',
    fsync_source: null,
  });
  const told = await another({ fsync: 'always' });
  expect((await told.call(status)).body['durability']).toEqual({
    ...seen,
    word: 'durable',
    meaning: 'on the disk of one server, as is asserted',
    reasons: [],
    fsync: 'always',
    fsync_source: 'asserted',
  });
});

test('tasks are counted by status and by type', async () => {
  const { call } = await open({ agents: [{ id: 'ada', tasks: { echo: () => 1 } }] });
  const made = await call(`${root}/tasks`, { json: { task_type: 'echo' } });
  await call(`${root}/tasks`, { json: { task_type: 'scan' } });
  await vi.waitFor(async () =>
    expect((await call(`${root}/tasks/${String(made.body['task_id'])}`)).body['status']).toBe('completed'),
  );
  expect((await call(status)).body).toMatchObject({
    tasks: {
      total: 2,
      by_status: { completed: 1, pending: 1 },
      by_type: { echo: 1, scan: 1 },
      completed_per_minute: 1,
    },
  });
});

test('health is worse while a task waits that nobody could take, and bad while nobody is well', async () => {
  const { call, agents } = await open({ agents: [{ id: 'ada', tasks: { echo: () => 1 } }] });
  const json = { task_type: 'echo', required_capabilities: ['malware_analysis'] };
  const { body } = await call(`${root}/tasks`, { json });
  const seen = await call(status);
  expect(seen.body).toMatchObject({ health: 'degraded' });
  expect(String(seen.body['reasons'])).toContain('malware_analysis');
  await call(`${root}/tasks/${String(body['task_id'])}`, { method: 'DELETE' });
  expect((await call(status)).body).toMatchObject({ health: 'healthy' });
  for (const agent of agents) agent.health = 0.1;
  await vi.waitFor(async () => expect((await call(status)).body).toMatchObject({ health: 'unhealthy' }));
});

test('agents can be listed, filtered and looked at', async () => {
  const { call } = await open({
    agents: [
      { id: 'ada', priority: 2, capabilities: ['deep'], labels: { zoneName: 'eu-1' } },
      { id: 'bob', slots: 3 },
    ],
  });
  const all = await call(`${root}/agents`);
  expect(all).toMatchObject({ status: 200, body: { total: 2, as_of: expect.any(Object) } });
  expect(all.body.items.map((each) => each['agent_id'])).toEqual(['ada', 'bob']);
  expect((await call(`${root}/agents?capability=deep`)).body).toMatchObject({ total: 1 });
  expect((await call(`${root}/agents?state=dead`)).body).toMatchObject({ items: [] });
  expect(await call(`${root}/agents?state=idle`)).toMatchObject(problemLike(400, 'INVALID'));
  expect((await call(`${root}/agents/ada`)).body).toMatchObject({
    agent_id: 'ada',
    state: 'alive',
    is_leader: true,
    capabilities: ['deep'],
    labels: { zoneName: 'eu-1' },
  });
  expect(await call(`${root}/agents/nobody`)).toMatchObject(problemLike(404, 'NOT_FOUND'));
});

test('an agent can be taken out of work, and in again', async () => {
  const { call } = await open({ agents: [{ id: 'ada', priority: 2 }, { id: 'bob' }] });
  expect(await call(`${root}/agents/bob/drain`, { method: 'POST' })).toMatchObject({
    status: 200,
    body: { agent_id: 'bob', state: 'draining' },
  });
  expect(await call(`${root}/agents/bob/resume`, { method: 'POST' })).toMatchObject({
    status: 200,
    body: { agent_id: 'bob', state: 'alive' },
  });
  expect(await call(`${root}/agents/nobody/drain`, { method: 'POST' })).toMatchObject(
    problemLike(404, 'NOT_FOUND'),
  );
});

test('a server that was there before its fleet follows it', async () => {
  const { call, fleet, servers } = await open();
  const agent = await joinFleet({ servers, fleet, id: 'ada', handleSignals: false, log: silentLog });
  await vi.waitFor(
    async () => expect((await call(status)).body).toMatchObject({ leader: 'ada', health: 'healthy' }),
    { timeout: 10_000, interval: 50 },
  );
  expect((await call(`${root}/tasks`, { json: { task_type: 'scan' } })).status).toBe(201);
  await agent.leave();
});

test('the probes: the process lives, and the server is ready', async () => {
  const { call } = await open({ agents: [{ id: 'ada' }] });
  expect(await call('/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
  expect(await call('/readyz')).toMatchObject({ status: 200, body: { ready: true, reasons: [] } });
  const metrics = await call('/metrics');
  expect(metrics.status).toBe(200);
  expect(metrics.headers.get('Content-Type')).toContain('text/plain');
  expect(metrics.text).toContain('# TYPE conclave_');
});
