/**
 * What was captured, and is sent once more: by the same agent, by another, or in the name of one whose login was taken away
 * and who was removed. Real messages of real agents, on a server with permissions.
 */
import { connect, headers, StringCodec, type MsgHdrs, type NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { connectFleet, joinFleet, verifyLedger, type Agent, type Fleet } from '../../src/index.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { decode } from '../../src/wire/codec.ts';
import { startPermittedServer, type PermittedServer } from '../support/permitted-server.ts';

const fleet = 'guarded';
const text = StringCodec();
const agents: Agent[] = [];
const connections: NatsConnection[] = [];
let server: PermittedServer;
let operator: Fleet;
let root: NatsConnection;

interface Captured {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: MsgHdrs | undefined;
}
const captured: Captured[] = [];

beforeAll(async () => {
  server = await startPermittedServer(fleet, {
    'electable-agent': ['ada'],
    agent: ['cas', 'dot', 'eve'],
    operator: ['olga'],
  });
  root = await connectAs('root');
  root.subscribe(`conclave.${fleet}.agent.*.*`, {
    callback: (_, { subject, data, headers: with_ }) =>
      captured.push({ subject, data: data.slice(), headers: with_ }),
  });
  await root.flush();
  for (const id of ['ada', 'cas', 'dot']) await join(id);
  const inboxPrefix = `_INBOX_client.${fleet}.olga`;
  operator = await connectFleet({ ...server.login('olga'), fleet, inboxPrefix, log: silentLog });
});

afterAll(async () => {
  await operator.close();
  await Promise.all(agents.map((agent) => agent.leave().catch(() => undefined)));
  await Promise.all(connections.map((nc) => nc.close()));
  await server.stop();
});

async function join(id: string): Promise<Agent> {
  const agent = await joinFleet({
    ...server.login(id),
    fleet,
    id,
    electable: id === 'ada',
    capabilities: [`of_${id}`],
    arePrefixesPinned: true,
    settings: { heartbeatIntervalMs: 200, leaveGraceMs: 100, retryBackoffMs: 1 },
    slots: 4,
    // Who thinks for ever has not voted.
    vote: ({ type }) => (type === 'hold' ? new Promise(() => undefined) : 'approve'),
    tasks: {
      echo: ({ payload }) => payload,
      // Fails once, and then goes on until it is told to stop.
      stay: ({ attempt, payload }, { signal }) =>
        new Promise((_resolve, reject) => {
          if (attempt === 1 && payload === 'fails') reject(new Error('the first try'));
          signal.addEventListener('abort', () => {
            reject(new Error('told to stop'));
          });
        }),
    },
    handleSignals: false,
    log: silentLog,
  });
  agents.push(agent);
  return agent;
}

/** Everything that the leader was told before has been looked at. */
async function barrier(): Promise<void> {
  await root.request(`conclave.${fleet}.api.barrier`, undefined, { timeout: 10_000 });
}

async function connectAs(name: string): Promise<NatsConnection> {
  const inboxPrefix = `_INBOX_agent.${fleet}.${name}`;
  const nc = await connect({ ...server.login(name), inboxPrefix, reconnect: false });
  connections.push(nc);
  return nc;
}

/** What is said to an agent when its message is sent once more; `as`: on whose subject. */
async function answerTo(nc: NatsConnection, message: Captured, as: string): Promise<Record<string, unknown>> {
  const subject = message.subject.replace(/[^.]+$/, as);
  const reply = `_INBOX_agent.${fleet}.${as}.${String(performance.now()).replace('.', '')}`;
  const answer = nc.subscribe(reply, { max: 1, timeout: 10_000 });
  nc.publish(subject, message.data, {
    reply,
    ...(message.headers === undefined ? {} : { headers: message.headers }),
  });
  for await (const { data } of answer) return decode(data) as Record<string, unknown>;
  throw new Error('no answer');
}

/** Of an agent's messages of one kind, those with these words in them. */
function of(verb: string, id: string, words = ''): Captured[] {
  return captured.filter(
    ({ subject, data }) =>
      subject === `conclave.${fleet}.agent.${verb}.${id}` && Buffer.from(data).includes(words),
  );
}

function one(verb: string, id: string, words = ''): Captured {
  const [found] = of(verb, id, words);
  if (found === undefined) throw new Error(`${id} sent no ${verb} with ${words}`);
  return found;
}

async function expectSoundLedger(): Promise<void> {
  const { ok, problems } = await verifyLedger({ ...server.login('root'), fleet, log: silentLog });
  expect({ ok, problems }).toEqual({ ok: true, problems: [] });
}

test('a ballot: counted once, for the one who cast it, whoever sends it again', async () => {
  // Open until the outsider has voted.
  const proposal = await operator.openProposal({ type: 'policy_change', voters: ['olga'], quorum: 1 });
  await vi.waitFor(async () =>
    expect((await operator.proposal(proposal)).ballots.map(({ voter }) => voter).sort()).toEqual([
      'ada',
      'cas',
      'dot',
    ]),
  );
  const before = await operator.proposal(proposal);
  const ballot = one('ballot', 'cas', proposal);
  const [cas, dot] = [await connectAs('cas'), await connectAs('dot')];
  // The same again: answered as before. Of another: its own vote, which it has cast.
  for (const [nc, as] of [
    [cas, 'cas'],
    [dot, 'dot'],
  ] as const)
    expect(await answerTo(nc, ballot, as)).not.toHaveProperty('code');
  const changed = { ...ballot, data: text.encode(text.decode(ballot.data).replace('approve', 'reject')) };
  expect(text.decode(changed.data)).toContain('reject');
  for (const [nc, as] of [
    [cas, 'cas'],
    [dot, 'dot'],
  ] as const)
    expect(await answerTo(nc, changed, as)).toMatchObject({ code: 'ALREADY_VOTED' });
  dot.publish(ballot.subject, ballot.data, { reply: `_INBOX_agent.${fleet}.dot.x` });
  await dot.flush();
  await vi.waitFor(() => expect(server.refused()).toContain(`dot: Publish ${ballot.subject}`));
  const after = await operator.proposal(proposal);
  expect([after.tally, after.ballots]).toEqual([before.tally, before.ballots]);
  await operator.vote({ proposal, voter: 'olga', decision: 'approve' });
  await vi.waitFor(async () => expect((await operator.proposal(proposal)).status).toBe('approved'));
  expect(await answerTo(cas, changed, 'cas')).toHaveProperty('code');
  const next = await operator.openProposal({ type: 'hold', voters: ['olga'], quorum: 1 });
  await answerTo(cas, ballot, 'cas');
  expect((await operator.proposal(next)).ballots).toEqual([]);
  await operator.vote({ proposal: next, voter: 'olga', decision: 'reject' });
});

test('a report: of an attempt that is over it ends no later one, and of another agent none at all', async () => {
  const task = await operator.submit({
    type: 'stay',
    payload: 'fails',
    requiredCapabilities: ['of_cas'],
  });
  await vi.waitFor(async () =>
    expect(await operator.task(task.id)).toMatchObject({ status: 'running', attempt: 2 }),
  );
  const failure = one('report', 'cas', 'the first try');
  const [cas, dot] = [await connectAs('cas'), await connectAs('dot')];
  // What is recorded is recorded; what it says of that attempt now is too late.
  expect(await answerTo(cas, failure, 'cas')).toMatchObject({ answers: ['recorded'] });
  const { incarnation } = decode(failure.data) as { incarnation: string };
  const reports = [{ kind: 'completed', id: task.id, attempt: 1, result: 'after all' }];
  const changed = {
    ...failure,
    data: text.encode(JSON.stringify({ incarnation, reports })),
    headers: undefined,
  };
  expect(await answerTo(cas, changed, 'cas')).toMatchObject({ answers: ['stale'] });
  expect(await answerTo(dot, failure, 'dot')).toMatchObject({ code: 'NOT_A_MEMBER' });
  expect(await operator.task(task.id)).toMatchObject({ status: 'running', attempt: 2 });
  const done = await operator.submit({ type: 'echo', payload: 'said', requiredCapabilities: ['of_cas'] });
  expect(await done.result()).toBe('said');
  const { tasks } = await operator.metrics();
  await answerTo(cas, one('report', 'cas', done.id), 'cas');
  expect((await operator.metrics()).tasks).toMatchObject({ byStatus: tasks.byStatus });
  await task.cancel();
  expect(await task.outcome()).toMatchObject({ status: 'cancelled' });
  await expectSoundLedger();
});

test('election messages of terms that are over move nobody', async () => {
  await operator.elect();
  const { term } = await operator.election();
  const said = of('election', 'ada');
  expect(said.length).toBeGreaterThan(0);
  const ada = await connectAs('ada');
  for (const { subject, data } of said) ada.publish(subject, data);
  await ada.flush();
  // Heard in order, by the same agent.
  await barrier();
  expect(await operator.election()).toMatchObject({ leader: 'ada', term });
});

test('of an agent whose login was taken away and who was removed, nothing that is under way counts', async () => {
  await join('eve');
  const proposal = await operator.openProposal({ type: 'hold', voters: ['olga'], quorum: 1 });
  const task = await operator.submit({ type: 'stay', requiredCapabilities: ['of_eve'], maxRetries: 0 });
  await vi.waitFor(async () => expect(await operator.task(task.id)).toMatchObject({ status: 'running' }));
  await vi.waitFor(() => expect(of('heartbeat', 'eve', task.id).length).toBeGreaterThan(0));
  const beat = one('heartbeat', 'eve', task.id);
  const { incarnation } = decode(beat.data) as { incarnation: string };
  const message = (verb: string, body: object): Captured => ({
    subject: `conclave.${fleet}.agent.${verb}.eve`,
    data: text.encode(JSON.stringify(body)),
    headers: undefined,
  });
  await server.revoke('eve');
  await expect(connect(server.login('eve'))).rejects.toMatchObject({ code: 'AUTHORIZATION_VIOLATION' });
  await operator.remove('eve');
  // The broker let them pass before: they reach the leader after it has removed the agent.
  const late = await connectAs('root');
  const completed = { kind: 'completed', id: task.id, attempt: 1, result: 'of somebody who is gone' };
  expect(await answerTo(late, message('report', { incarnation, reports: [completed] }), 'eve')).toMatchObject(
    {
      code: 'NOT_A_MEMBER',
    },
  );
  const ballot = { proposal, decision: 'approve' };
  expect(await answerTo(late, message('ballot', ballot), 'eve')).toMatchObject({ code: 'NOT_A_MEMBER' });
  expect(await answerTo(late, one('join', 'eve'), 'eve')).toMatchObject({ code: 'REMOVED' });
  late.publish(beat.subject, beat.data);
  await late.flush();
  await barrier();
  expect((await operator.agents()).map(({ id }) => id)).not.toContain('eve');
  expect((await operator.proposal(proposal)).ballots.map(({ voter }) => voter)).not.toContain('eve');
  expect((await operator.task(task.id)).status).not.toBe('completed');
  await operator.vote({ proposal, voter: 'olga', decision: 'reject' });
  await expectSoundLedger();
});

test('headers of JetStream do nothing to the ledger, even from those who may append to it', async () => {
  const ada = await connectAs('ada');
  const { sequence } = await operator.status();
  const all: readonly (readonly [string, string])[] = [
    ['Nats-Rollup', 'all'],
    ['Nats-Rollup', 'sub'],
    ['Nats-TTL', '1s'],
    ['Nats-Batch-Id', 'x'],
    ['Nats-Schedule', '@at 2000-01-01T00:00:00Z'],
    ['Nats-Incr', '1'],
  ];
  for (const [name, value] of all) {
    const given = headers();
    given.append(name, value);
    if (name === 'Nats-Batch-Id') given.append('Nats-Batch-Sequence', '1');
    if (name === 'Nats-Schedule') given.append('Nats-Schedule-Target', `_conclave.${fleet}.ledger`);
    const { data } = await ada.request(`_conclave.${fleet}.ledger`, text.encode('{}'), {
      headers: given,
      timeout: 5_000,
    });
    expect([name, JSON.parse(text.decode(data))]).toEqual([
      name,
      expect.objectContaining({ error: expect.anything() }),
    ]);
  }
  await barrier();
  expect((await operator.status()).sequence).toBeLessThanOrEqual(sequence + 1);
  await expectSoundLedger();
});
