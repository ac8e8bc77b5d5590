/**
 * A whole fleet on a nats-server with the permissions of infra/nats/permissions, each process logged in as what it is:
 * everything works, and the broker refuses nothing.
 */
import { connect } from 'nats';
import { WebSocket } from 'ws';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import {
  connectFleet,
  joinFleet,
  startHttpServer,
  type Agent,
  type Fleet,
  type HttpServer,
  type JoinOptions,
} from '../../src/index.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { endAgents, startAgent } from '../support/agent-process.ts';
import { conclave } from '../support/command.ts';
import { startPermittedServer, type PermittedServer } from '../support/permitted-server.ts';

const fleet = 'guarded';
const settings = { heartbeatIntervalMs: 200, standbysMax: 1, snapshotEntries: 40, snapshotLookMs: 100 };
const agents: Agent[] = [];
let server: PermittedServer;
let client: Fleet;
let http: HttpServer | undefined;

const prefixOf = (name: string): string => `_INBOX_client.${fleet}.${name}`;

beforeAll(async () => {
  server = await startPermittedServer(fleet, {
    'electable-agent': ['ada', 'bob', 'eve', 'max'],
    agent: ['cas'],
    client: ['shop'],
    'http-server': ['web'],
    operator: ['olga'],
    viewer: ['vic'],
  });
  for (const id of ['ada', 'bob', 'eve']) await join(id, {});
  await join('cas', { electable: false });
  client = await connectFleet({
    ...server.login('shop'),
    fleet,
    inboxPrefix: prefixOf('shop'),
    log: silentLog,
  });
});

afterEach(endAgents);

afterAll(async () => {
  await http?.close();
  await client.close();
  await Promise.all(agents.map((agent) => agent.leave().catch(() => undefined)));
  await server.stop();
});

async function join(id: string, more: Partial<JoinOptions>): Promise<Agent> {
  const agent = await joinFleet({
    ...server.login(id),
    fleet,
    id,
    slots: 4,
    settings: { ...settings, leaveGraceMs: 200 },
    arePrefixesPinned: true,
    handleSignals: false,
    log: silentLog,
    vote: () => 'approve',
    tasks: {
      double: ({ payload }) => Number(payload) * 2,
      wait: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reject(new Error('told to stop'));
          });
        }),
    },
    ...more,
  });
  agents.push(agent);
  return agent;
}

/** The command, as the operator. */
async function command(...words: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const env = {
    NATS_URL: server.url,
    NATS_USER: 'olga',
    NATS_PASSWORD: server.login('olga').pass,
    CONCLAVE_NATS_INBOX_PREFIX: prefixOf('olga'),
    CONCLAVE_FLEET: fleet,
  };
  return conclave(words, { env });
}

async function firstOf(stream: string): Promise<number> {
  const { servers, ...login } = server.login('root');
  const nc = await connect({ servers, ...login });
  try {
    return (await (await nc.jetstreamManager()).streams.info(stream)).state.first_seq;
  } finally {
    await nc.close();
  }
}

test('tasks, votes, cancels and changes of an agent', async () => {
  const done = await client.submitMany([1, 2, 3].map((payload) => ({ type: 'double', payload })));
  expect(await Promise.all(done.map((task) => task.result()))).toEqual([2, 4, 6]);
  const waiting = await client.submit({ type: 'wait' });
  await waiting.assigned();
  await waiting.cancel();
  expect(await waiting.outcome()).toMatchObject({ status: 'cancelled' });
  const decided = await client.propose({ type: 'policy_change', voters: ['shop'] });
  expect(decided).toMatchObject({ approved: true });
  const approved = await client.submit({ type: 'double', payload: 4, approval: {} });
  expect(await approved.result()).toBe(8);
  expect(server.refused()).toEqual([]);
});

test('elections, a standby that sleeps and wakes, and a leader that is killed', async () => {
  const { term } = await client.status();
  expect(await command('elect')).toMatchObject({ exitCode: 0 });
  expect((await client.status()).term).toBeGreaterThan(term);
  const max = await startAgent({
    servers: server.urlOf('max'),
    fleet,
    id: 'max',
    priority: 50,
    settings,
  });
  expect(await command('elect')).toMatchObject({ exitCode: 0 });
  await vi.waitFor(async () => expect((await client.status()).leader).toBe('max'), 20_000);
  const standing = async (): Promise<number> =>
    (await client.agents({ state: 'alive' })).filter(({ isStandby }) => isStandby).length;
  // One more than the leader itself: the others sleep.
  await vi.waitFor(async () => expect(await standing()).toBeLessThanOrEqual(2), 20_000);
  max.signal('SIGKILL');
  await vi.waitFor(async () => {
    const { leader, hasLeader } = await client.election();
    expect([hasLeader, ['ada', 'bob', 'eve'].includes(leader ?? '')]).toEqual([true, true]);
  }, 20_000);
  const task = await client.submit({ type: 'double', payload: 21 });
  expect(await task.result()).toBe(42);
  expect(server.refused()).toEqual([]);
}, 60_000);

test('a ledger that is shortened, and an HTTP server that goes on from a snapshot, with its events', async () => {
  for (let done = 0; (await firstOf(`CONCLAVE_${fleet}`)) < 50; done += 1) {
    const task = await client.submit({ type: 'double', payload: done });
    await task.result();
  }
  http = await startHttpServer({
    ...server.login('web'),
    inboxPrefix: prefixOf('web'),
    fleet,
    port: 0,
    log: silentLog,
  });
  const socket = new WebSocket(`${http.url.replace('http', 'ws')}/coordination/events`);
  const heard = new Promise<string>((resolve) => {
    socket.on('message', (data: Buffer) => {
      const text = data.toString();
      if (text.includes('task.completed')) resolve(text);
    });
  });
  await new Promise((resolve) => socket.once('open', resolve));
  const created = await fetch(`${http.url}/coordination/tasks`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{"task_type":"double","payload":1}',
  });
  expect(created.status).toBe(201);
  const { task_id: id } = (await created.json()) as { task_id: string };
  expect(await heard).toContain(id);
  socket.close();
  for (const path of ['status', 'agents', 'election', 'tasks', 'consensus/proposals'])
    expect((await fetch(`${http.url}/coordination/${path}`)).status).toBe(200);
  expect((await fetch(`${http.url}/metrics`)).status).toBe(200);
  const election = await fetch(`${http.url}/coordination/election/trigger`, { method: 'POST' });
  expect(election.status).toBe(200);
  expect(server.refused()).toEqual([]);
}, 60_000);

test('every command of an operator, the doctor among them', async () => {
  const submitted = await command('submit', 'double', '--payload', '4', '--wait');
  expect(submitted).toMatchObject({ exitCode: 0 });
  const { stdout } = await command('submit', 'nobody_does_this', '--json');
  const id = /[0-9A-Z_a-z-]{16,}/.exec(stdout)?.[0] ?? '';
  const commands = [
    ['status'],
    ['tasks'],
    ['task', id],
    ['explain', id],
    ['cancel', id],
    ['propose', 'policy_change', '--wait'],
    ['proposals'],
    ['agents'],
    ['drain', 'cas'],
    ['resume', 'cas'],
    ['elect'],
    ['verify'],
    ['replay'],
    ['replay', '--task', id],
  ];
  for (const words of commands) {
    const ended = await command(...words);
    expect([words[0], ended.exitCode, ended.stderr]).toEqual([words[0], 0, ended.stderr]);
  }
  const doctor = await command('doctor', '--json');
  const { findings } = JSON.parse(doctor.stdout) as {
    findings: readonly { check: string; verdict: string }[];
  };
  expect(findings.filter(({ check }) => check === 'permissions')).toMatchObject([{ verdict: 'ok' }]);
  expect(findings.filter(({ verdict }) => verdict === 'error')).toEqual([]);
  expect(server.refused()).toEqual([]);
}, 90_000);

test('an operator watches live statecharts, a viewer sees everything that is said', async () => {
  const [viewer, operator] = await Promise.all(
    ['vic', 'olga'].map((name) => connect({ ...server.login(name), inboxPrefix: prefixOf(name) })),
  );
  const seen = new Set<string>();
  viewer?.subscribe(`conclave.${fleet}.>`, {
    callback: (_, { subject }) => seen.add(subject.split('.')[2] ?? ''),
  });
  await viewer?.flush();
  operator?.publish(`conclave.${fleet}.inspect`, '{}');
  await (await client.submit({ type: 'double', payload: 1 })).result();
  await vi.waitFor(() => expect([...seen].sort()).toEqual(['agent', 'api', 'event', 'inspect']), 10_000);
  await viewer?.close();
  await operator?.close();
  expect(server.refused()).toEqual([]);
});
