/**
 * What somebody who is logged in as an agent or a client can do to a fleet by sending what it may send: forged reply
 * subjects, names in bodies, headers of JetStream, repeats of what was said, a login that was taken away, and floods.
 */
import { connect, headers, nuid, StringCodec, type MsgHdrs, type NatsConnection } from 'nats';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { connectFleet, joinFleet, verifyLedger, type Agent, type Fleet } from '../../src/index.ts';
import type { Handler } from '../../src/runtime/attempts.ts';
import { silentLog, type Log } from '../../src/runtime/log.ts';
import { decode } from '../../src/wire/codec.ts';
import { apiVerbs, type ApiVerb } from '../../src/wire/subjects.ts';
import { startPermittedServer, type PermittedServer } from '../support/permitted-server.ts';

const fleet = 'guarded';
const text = StringCodec();
let server: PermittedServer;
let client: Fleet;
const agents: Agent[] = [];
const connections: NatsConnection[] = [];
/** What the leader's log said of messages that it refused. */
const refusals: { readonly atMs: number; readonly total: number }[] = [];

beforeEach(async () => {
  server = await startPermittedServer(fleet, {
    'electable-agent': ['ada'],
    agent: ['cas', 'dot'],
    client: ['shop', 'mal'],
    viewer: ['vic'],
  });
  refusals.length = 0;
  await join('ada', {
    ...silentLog,
    warn: (fields, message) => {
      const { total } = fields as { total?: number };
      if (message === 'message refused') refusals.push({ atMs: performance.now(), total: total ?? 0 });
    },
  });
  await join('cas');
  const inboxPrefix = `_INBOX_client.${fleet}.shop`;
  client = await connectFleet({ ...server.login('shop'), fleet, inboxPrefix, log: silentLog });
});

afterEach(async () => {
  await Promise.all(connections.splice(0).map((nc) => nc.close()));
  await client.close();
  await Promise.all(agents.splice(0).map((agent) => agent.leave().catch(() => undefined)));
  await server.stop();
});

async function join(id: string, log: Log = silentLog): Promise<Agent> {
  const agent = await joinFleet({
    ...server.login(id),
    fleet,
    id,
    electable: id === 'ada',
    arePrefixesPinned: true,
    settings: { heartbeatIntervalMs: 200, leaveGraceMs: 100 },
    slots: 4,
    tasks: id === 'ada' ? {} : { echo: ({ payload }) => payload, stay },
    handleSignals: false,
    log,
  });
  agents.push(agent);
  return agent;
}

const stay: Handler = (_, { signal }) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(new Error('told to stop'));
    });
  });

async function connectAs(name: string): Promise<NatsConnection> {
  const nc = await connect({ ...server.login(name), inboxPrefix: prefixOf(name), reconnect: false });
  connections.push(nc);
  return nc;
}

function prefixOf(name: string): string {
  return ['cas', 'dot', 'ada'].includes(name)
    ? `_INBOX_agent.${fleet}.${name}`
    : `_INBOX_client.${fleet}.${name}`;
}

async function works(): Promise<void> {
  const payload = nuid.next();
  expect(await (await client.submit({ type: 'echo', payload })).result()).toBe(payload);
}

async function expectSoundLedger(): Promise<void> {
  const { ok, problems } = await verifyLedger({ ...server.login('root'), fleet, log: silentLog });
  expect({ ok, problems }).toEqual({ ok: true, problems: [] });
}

/** An answer that says everything of what came of a request. */
async function answerTo(
  nc: NatsConnection,
  subject: string,
  body: string | Uint8Array,
  more?: MsgHdrs,
): Promise<Record<string, unknown>> {
  const data = typeof body === 'string' ? text.encode(body) : body;
  const options = { timeout: 5_000, ...(more === undefined ? {} : { headers: more }) };
  const answer = await nc.request(`conclave.${fleet}.${subject}`, data, options);
  return decode(answer.data) as Record<string, unknown>;
}

const isForClients = (verb: ApiVerb): boolean => !['drain', 'resume', 'remove', 'trigger'].includes(verb);

test('a forged reply subject leads nowhere, whoever asks whatever it may ask', async () => {
  const targets = [
    `_conclave.${fleet}.ledger`,
    `_conclave.${fleet}.inbox.dot`,
    `conclave.${fleet}.agent.heartbeat.dot`,
    `conclave.${fleet}.agent.election.ada`,
    `_INBOX_agent.${fleet}.dot.x`,
    '_INBOX.x',
    '$JS.API.STREAM.DELETE.CONCLAVE_guarded',
  ];
  const root = await connectAs('root');
  const heard: string[] = [];
  for (const target of targets) root.subscribe(target, { callback: (_, { subject }) => heard.push(subject) });
  await root.flush();
  const { sequence, term } = await client.status();
  const attempts: readonly (readonly [string, readonly string[]])[] = [
    ['cas', ['join', 'report', 'ballot'].map((verb) => `conclave.${fleet}.agent.${verb}.cas`)],
    ['mal', apiVerbs.filter(isForClients).map((verb) => `conclave.${fleet}.api.${verb}`)],
  ];
  for (const [name, subjects] of attempts) {
    const nc = await connectAs(name);
    for (const target of targets) {
      // A client's answers may go to any reply subject that is nobody's secret: to one of an agent they are noise.
      if (name === 'mal' && target.startsWith('_INBOX')) continue;
      for (const subject of subjects)
        for (const body of ['{}', 'no message', ''])
          nc.publish(subject, text.encode(body), { reply: target });
    }
    // Heard in order, so all of the above has been looked at.
    if (name === 'mal') await answerTo(nc, 'api.status', '{}');
    else await answerTo(nc, 'agent.ballot.cas', '{}');
  }
  await root.flush();
  expect(heard).toEqual([]);
  const after = await client.status();
  expect([after.sequence, after.term]).toEqual([sequence, term]);
  await works();
  await expectSoundLedger();
  expect(refusals.length).toBeGreaterThan(0);
});

test('who sends is what the subject says: a name in a body is refused, or means nothing', async () => {
  const cas = await connectAs('cas');
  const profile = { capabilities: [], priority: 0, slots: 1, electable: true, labels: {}, handles: [] };
  const claims: readonly (readonly [string, object])[] = [
    ['join', { kind: 'join', incarnation: 'x', profile, id: 'dot' }],
    ['join', { kind: 'leave', incarnation: 'x', agent: 'ada' }],
    ['report', { incarnation: 'x', reports: [], agent: 'ada' }],
    ['ballot', { proposal: 'p', decision: 'approve', voter: 'ada' }],
  ];
  for (const [verb, body] of claims)
    expect(await answerTo(cas, `agent.${verb}.cas`, JSON.stringify(body))).toMatchObject({ code: 'INVALID' });
  // Of a client: an agent's ballot, in its name.
  const proposal = await client.openProposal({ type: 'policy_change', voters: ['shop'] });
  const mal = await connectAs('mal');
  const body = JSON.stringify({ proposal, voter: 'ada', decision: 'approve' });
  expect(await answerTo(mal, 'api.vote', body)).toMatchObject({ code: 'NOT_A_VOTER' });
  await expectSoundLedger();
});

test('headers of JetStream and of tracing do nothing to the ledger', async () => {
  const cas = await connectAs('cas');
  const { sequence } = await client.status();
  const all = headers();
  for (const [name, value] of [
    ['Nats-Rollup', 'all'],
    ['Nats-Expected-Last-Sequence', '1'],
    ['Nats-TTL', '1s'],
    ['Nats-Batch-Id', 'x'],
    ['Nats-Batch-Commit', '1'],
    ['Nats-Schedule', '@at 2000-01-01T00:00:00Z'],
    ['Nats-Schedule-Target', `_conclave.${fleet}.ledger`],
    ['Nats-Trace-Dest', `_conclave.${fleet}.ledger`],
  ] as const)
    all.append(name, value);
  const root = await connectAs('root');
  const heard: string[] = [];
  root.subscribe(`_conclave.${fleet}.ledger`, { callback: (_, { subject }) => heard.push(subject) });
  await root.flush();
  for (const verb of ['heartbeat', 'join', 'report', 'ballot'])
    cas.publish(`conclave.${fleet}.agent.${verb}.cas`, text.encode('{}'), { headers: all });
  const only = headers();
  only.append('Nats-Trace-Dest', `_conclave.${fleet}.ledger`);
  only.append('Nats-Trace-Only', 'true');
  cas.publish(`conclave.${fleet}.agent.ballot.cas`, text.encode('{}'), { headers: only });
  await answerTo(cas, 'agent.ballot.cas', '{}');
  await root.flush();
  expect(heard).toEqual([]);
  expect((await client.status()).sequence).toBe(sequence);
  await expectSoundLedger();
});

test('what was said once, said again by somebody who may, changes nothing', async () => {
  const root = await connectAs('root');
  const said: { subject: string; data: Uint8Array; headers: MsgHdrs | undefined }[] = [];
  for (const verb of ['report', 'ballot', 'join'])
    root.subscribe(`conclave.${fleet}.agent.${verb}.*`, {
      callback: (_, { subject, data, headers: with_ }) =>
        said.push({ subject, data: data.slice(), headers: with_ }),
    });
  await root.flush();
  await works();
  const failed = await client.submit({ type: 'echo', payload: 1 });
  await failed.result();
  const before = await client.metrics();
  await vi.waitFor(() => expect(said.some(({ subject }) => subject.endsWith('report.cas'))).toBe(true));
  const cas = await connectAs('cas');
  for (const { subject, data, headers: with_ } of said.filter(({ subject }) => subject.endsWith('.cas')))
    await answerTo(cas, subject.slice(`conclave.${fleet}.`.length), data, with_);
  expect((await client.metrics()).tasks).toMatchObject({ byStatus: before.tasks.byStatus });
  await expectSoundLedger();
});

test('a login that is taken away: cut, not let in again, and its work goes to another', async () => {
  await join('dot');
  const tasks = await client.submitMany([{ type: 'stay' }, { type: 'stay' }]);
  await Promise.all(tasks.map((task) => task.assigned()));
  const doing = async (): Promise<string[]> =>
    (await client.tasks({ type: 'stay' })).tasks.map(({ agent, status }) => `${String(agent)} ${status}`);
  expect(await doing()).toContain('cas running');
  await server.revoke('cas');
  await expect(connect(server.login('cas'))).rejects.toMatchObject({ code: 'AUTHORIZATION_VIOLATION' });
  await vi.waitFor(async () => {
    const [cas] = (await client.agents()).filter(({ id }) => id === 'cas');
    expect(cas?.state ?? 'forgotten').toMatch(/dead|forgotten/);
  }, 20_000);
  await vi.waitFor(async () => expect(await doing()).toEqual(['dot running', 'dot running']), 20_000);
  await works();
  await expectSoundLedger();
}, 60_000);

test('floods of what an agent and a client may send: the fleet works, within its memory, and says so once a second', async () => {
  const startMs = performance.now();
  const [cas, mal] = await Promise.all([connectAs('cas'), connectAs('mal')]);
  const before = heapUsed();
  const garbage = text.encode('{"kind":"join","profile":['.padEnd(2_000, 'x'));
  const beat = text.encode('{"incarnation":"x"}');
  const submit = text.encode('not a task'.padEnd(5_000, ' '));
  let sent = 0;
  for (let round = 0; round < 40; round += 1) {
    for (let i = 0; i < 250; i += 1) {
      cas.publish(`conclave.${fleet}.agent.join.cas`, garbage, { reply: `${prefixOf('cas')}.x` });
      cas.publish(`conclave.${fleet}.agent.heartbeat.cas`, beat);
      mal.publish(`conclave.${fleet}.api.submit`, submit, { reply: `${prefixOf('mal')}.x` });
      sent += 3;
    }
    await Promise.all([cas.flush(), mal.flush()]);
    if (round % 10 === 0) await works();
  }
  await works();
  // The last of them has been dealt with. Who sent too much within a second is not answered in it.
  await vi.waitFor(() => answerTo(cas, 'agent.join.cas', '{}'), 20_000);
  await vi.waitFor(() => answerTo(mal, 'api.submit', '{}'), 20_000);
  const { hasLeader, term } = await client.election();
  expect([hasLeader, term]).toEqual([true, 1]);
  expect(heapUsed() - before).toBeLessThan(64 * 1024 * 1024);
  expect(refusals.length).toBeGreaterThan(0);
  expect(refusals.length).toBeLessThanOrEqual(Math.ceil((performance.now() - startMs) / 1_000) + 1);
  await vi.waitFor(async () => {
    await answerTo(cas, 'agent.join.cas', '{}');
    expect(refusals.at(-1)?.total).toBeGreaterThanOrEqual(sent);
  }, 10_000);
  await expectSoundLedger();
}, 90_000);

function heapUsed(): number {
  setFlagsFromString('--expose_gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}
