/** Fleets of agents in this process, on a real nats-server, through the public API. */
import { StringCodec } from 'nats';
import { expect, test } from 'vitest';
import { connectFleet, DoNotRetry, verifyLedger, type JoinOptions } from '../../src/index.ts';
import { withFleets } from '../support/fleets.ts';
import { withServer } from '../support/nats-server.ts';

const server = withServer();
const text = StringCodec();
const { join, client, stranger, freshName } = withFleets(server);

const quick = { retryBackoffMs: 10, leaveGraceMs: 200 };

test('the first agent leads, and its fleet completes a task and decides a proposal', async () => {
  const fleet = freshName();
  const double: JoinOptions['tasks'] = { double: (task) => Number(task.payload) * 2 };
  const agent = await join({ fleet, id: 'ada', tasks: double, vote: () => 'approve' });
  expect(agent.isLeader).toBe(true);
  const caller = await client(fleet);
  const task = await caller.submit({ type: 'double', payload: 21 });
  expect(await task.assigned()).toEqual({ agent: 'ada', attempt: 1 });
  expect(await task.result()).toBe(42);
  const decision = await caller.propose({ type: 'policy_change', data: { newThreshold: 0.95 } });
  expect(decision).toMatchObject({ approved: true, approve: 1000, reject: 0, abstain: 0 });
  const metrics = await caller.metrics();
  expect(metrics).toMatchObject({
    agents: { total: 1, alive: 1 },
    tasks: { total: 1 },
    consensus: { total: 1 },
  });
  expect(String(caller)).toBe(`Fleet(${fleet}: 1 agents, 1 alive, leader ada, term 1, 1 tasks)`);
});

test('a handler is given the task id, the attempt and the fencing token', async () => {
  const fleet = freshName();
  const agent = await join({
    fleet,
    id: 'ada',
    settings: quick,
    tasks: {
      flaky: (task) => {
        if (task.attempt < 3) throw new Error('not yet');
        return { id: task.id, attempt: task.attempt, fencingToken: task.fencingToken };
      },
    },
  });
  const task = await agent.fleet.submit({ type: 'flaky' });
  expect(await task.result()).toEqual({ id: task.id, attempt: 3, fencingToken: 1 });
  const view = await agent.fleet.task(task.id);
  expect(view.attempts.map(({ end, error }) => [end, error?.message ?? null])).toEqual([
    ['failed', 'not yet'],
    ['failed', 'not yet'],
    ['completed', null],
  ]);
});

test('retries end, and a handler can end them at once', async () => {
  const fleet = freshName();
  const { fleet: caller } = await join({
    fleet,
    id: 'ada',
    settings: quick,
    tasks: {
      broken: () => {
        throw new Error('never');
      },
      hopeless: () => {
        throw new DoNotRetry('no use');
      },
    },
  });
  const broken = await caller.submit({ type: 'broken', maxRetries: 1 });
  const hopeless = await caller.submit({ type: 'hopeless' });
  expect(await broken.outcome()).toMatchObject({ status: 'failed', attempt: 2, error: { message: 'never' } });
  expect(await hopeless.outcome()).toMatchObject({
    status: 'failed',
    attempt: 1,
    error: { message: 'no use' },
  });
  await expect(broken.result()).rejects.toThrow(/is failed: never/);
});

test('tasks go to agents with the capabilities, and others are not held up', async () => {
  const fleet = freshName();
  const tasks = { scan: () => 'done' };
  await join({ fleet, id: 'plain', priority: 1, tasks });
  await join({ fleet, id: 'able', capabilities: ['malware_analysis'], tasks });
  const caller = await client(fleet);
  const impossible = await caller.submit({
    type: 'scan',
    priority: 10,
    requiredCapabilities: ['time_travel'],
  });
  const special = await caller.submit({ type: 'scan', requiredCapabilities: ['malware_analysis'] });
  expect(await special.assigned()).toMatchObject({ agent: 'able' });
  const plain = await caller.submit({ type: 'scan' });
  expect(await plain.result()).toBe('done');
  expect(await impossible.status()).toBe('pending');
  expect(await impossible.cancel()).toBe('cancelled');
  await expect(impossible.cancel()).rejects.toMatchObject({ code: 'ALREADY_ENDED' });
});

test('higher priority goes first, then age', async () => {
  const fleet = freshName();
  const order: unknown[] = [];
  let release: () => void = () => undefined;
  const { fleet: caller } = await join({
    fleet,
    id: 'ada',
    tasks: {
      hold: () => new Promise<void>((resolve) => (release = resolve)),
      note: (task) => order.push(task.payload),
    },
  });
  const held = await caller.submit({ type: 'hold' });
  await held.assigned();
  const notes = await caller.submitMany(
    [5, 10, 5, 1].map((priority, i) => ({ type: 'note', priority, payload: `${priority}.${i}` })),
  );
  release();
  await Promise.all(notes.map((note) => note.result()));
  expect(order).toEqual(['10.1', '5.0', '5.2', '1.3']);
});

test('a running task that is cancelled aborts its handler', async () => {
  const fleet = freshName();
  const { fleet: caller } = await join({
    fleet,
    id: 'ada',
    tasks: {
      wait: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reject(new Error('told to stop'));
          });
        }),
    },
  });
  const task = await caller.submit({ type: 'wait' });
  await task.assigned();
  expect(await task.cancel()).toBe('cancelling');
  expect(await task.outcome()).toMatchObject({ status: 'cancelled' });
});

test('a submit is all or nothing, and names every bad field', async () => {
  const fleet = freshName();
  const { fleet: caller } = await join({ fleet, id: 'ada', tasks: { echo: () => 1 } });
  const bad = caller.submitMany([{ type: 'echo' }, { type: 'not a name', priority: 11 }]);
  await expect(bad).rejects.toMatchObject({
    code: 'INVALID',
    fields: [
      { field: 'tasks.1.type', message: expect.stringContaining('A-Z') as string },
      { field: 'tasks.1.priority', message: expect.stringContaining('10') as string },
    ],
  });
  await expect(caller.submit({ type: 'echo', priority: 0 })).rejects.toMatchObject({
    fields: [{ field: 'priority' }],
  });
  expect((await caller.tasks()).total).toBe(0);
});

test('an idempotency key stands for one task', async () => {
  const fleet = freshName();
  const { fleet: caller } = await join({ fleet, id: 'ada', tasks: { echo: (task) => task.payload } });
  const first = await caller.submit({ type: 'echo', payload: 1, idempotencyKey: 'k' });
  const again = await caller.submit({ type: 'echo', payload: 1, idempotencyKey: 'k' });
  expect(again.id).toBe(first.id);
  const other = caller.submit({ type: 'echo', payload: 2, idempotencyKey: 'k' });
  await expect(other).rejects.toMatchObject({ code: 'CONFLICT' });
});

test('an id that a living agent holds is refused; one that left can be taken again', async () => {
  const fleet = freshName();
  const first = await join({ fleet, id: 'ada' });
  await join({ fleet, id: 'bob', priority: -1 });
  await expect(join({ fleet, id: 'ada' })).rejects.toMatchObject({ code: 'ID_TAKEN' });
  await first.leave();
  const second = await join({ fleet, id: 'ada' });
  expect(second.state).toContain('active');
});

test('a leader that leaves hands over, and its work goes on', async () => {
  const fleet = freshName();
  const tasks = { echo: (task: { payload: unknown }) => task.payload };
  const first = await join({ fleet, id: 'ada', priority: 1, tasks, settings: quick });
  await join({ fleet, id: 'bob', tasks, settings: quick });
  const caller = await client(fleet);
  expect((await caller.status()).leader).toBe('ada');
  await first.leave();
  const task = await caller.submit({ type: 'echo', payload: 'still here' });
  expect(await task.result()).toBe('still here');
  const status = await caller.status();
  expect(status).toMatchObject({ leader: 'bob', term: 2, agents: { alive: 1, left: 1, dead: 0 } });
  expect(status.election.cause).toBe('handover');
});

test('an election can be asked for, and raises the term whoever wins', async () => {
  const fleet = freshName();
  const agent = await join({ fleet, id: 'ada' });
  const before = agent.term;
  const outcome = await agent.fleet.elect();
  expect(outcome).toEqual({ leader: 'ada', term: before + 1 });
});

test('outside voters vote once, members through their handlers, strangers not at all', async () => {
  const fleet = freshName();
  const { fleet: caller } = await join({ fleet, id: 'ada', vote: () => 'reject' });
  const id = await caller.openProposal({ type: 'release', voters: ['alice', 'carol'], quorum: 1 });
  await caller.vote({ proposal: id, voter: 'alice', decision: 'approve' });
  await caller.vote({ proposal: id, voter: 'alice', decision: 'approve' });
  const other = caller.vote({ proposal: id, voter: 'alice', decision: 'reject' });
  await expect(other).rejects.toMatchObject({ code: 'ALREADY_VOTED' });
  const member = caller.vote({ proposal: id, voter: 'ada', decision: 'approve' });
  await expect(member).rejects.toMatchObject({ code: 'NOT_A_VOTER' });
  const nobody = caller.vote({ proposal: id, voter: 'mallory', decision: 'approve' });
  await expect(nobody).rejects.toMatchObject({ code: 'NOT_A_VOTER' });
  await caller.vote({ proposal: id, voter: 'carol', decision: 'approve' });
  expect(await caller.decision(id)).toMatchObject({
    status: 'approved',
    approve: 2000,
    reject: 1000,
    notVoted: 0,
  });
});

test('a task that needs approval runs only when the fleet approves', async () => {
  const fleet = freshName();
  const { fleet: caller } = await join({
    fleet,
    id: 'ada',
    tasks: { quarantine: () => 'moved' },
    vote: ({ data }) => ((data as { target: string }).target === 'good' ? 'approve' : 'reject'),
  });
  const good = await caller.submit({ type: 'quarantine', target: 'good', approval: {} });
  const bad = await caller.submit({ type: 'quarantine', target: 'bad', approval: {} });
  expect(await good.result()).toBe('moved');
  expect(await bad.outcome()).toMatchObject({
    status: 'failed',
    attempt: 0,
    error: { code: 'NOT_APPROVED' },
  });
});

test('the plain protocol serves anybody who speaks NATS and JSON', async () => {
  const fleet = freshName();
  await join({ fleet, id: 'ada', tasks: { scan: () => ({ findings: [] }) } });
  const nc = await stranger();
  const ended = nc.subscribe(`conclave.${fleet}.event.task.completed`, { max: 1 });
  const reply = await nc.request(`conclave.${fleet}.api.submit`, text.encode('{"type":"scan"}'));
  const { id } = JSON.parse(text.decode(reply.data)) as { id: string };
  for await (const message of ended) {
    const event = JSON.parse(text.decode(message.data)) as {
      kind: string;
      items: { id: string; result: unknown }[];
    };
    expect(event.kind).toBe('task.completed');
    expect(event.items).toMatchObject([{ id, status: 'completed', result: { findings: [] } }]);
  }
  const bad = await nc.request(
    `conclave.${fleet}.api.submit`,
    text.encode('{"type":"scan","priority":"high"}'),
  );
  expect(bad.headers?.get('Nats-Service-Error-Code')).toBe('400');
  expect(JSON.parse(text.decode(bad.data))).toMatchObject({
    code: 'INVALID',
    fields: [{ field: 'priority' }],
  });
});

test('the leader is a micro service', async () => {
  const fleet = freshName();
  await join({ fleet, id: 'ada' });
  const nc = await stranger();
  const found = [];
  for await (const service of await nc.services.client().info('conclave')) found.push(service);
  const mine = found.filter((service) => service.metadata?.['fleet'] === fleet);
  expect(mine).toHaveLength(1);
  expect(mine[0]?.endpoints.map(({ name }) => name)).toContain('submit');
});

test('bad options to join and connect name the field', async () => {
  const joining = (options: Partial<JoinOptions>) => join({ fleet: 'x', id: 'ada', ...options });
  await expect(joining({ id: 'no dots.please' })).rejects.toMatchObject({
    code: 'INVALID',
    fields: [{ field: 'id' }],
  });
  await expect(joining({ slots: 0 })).rejects.toMatchObject({ fields: [{ field: 'slots' }] });
  await expect(joining({ capabilities: ['a b'] })).rejects.toMatchObject({
    fields: [{ field: 'capabilities.0' }],
  });
  await expect(joining({ fleet: 'a.b' })).rejects.toMatchObject({ fields: [{ field: 'fleet' }] });
  await expect(joining({ settings: { quorum: 2 } })).rejects.toMatchObject({
    fields: [{ field: 'settings.quorum' }],
  });
  await expect(connectFleet({ servers: 'nats://127.0.0.1:1' })).rejects.toMatchObject({
    code: 'NO_NATS',
    message: expect.stringContaining('127.0.0.1:1') as string,
  });
});

test('what the ledger holds after all this is whole', async () => {
  const fleet = freshName();
  const { fleet: caller } = await join({
    fleet,
    id: 'ada',
    tasks: { echo: (task) => task.payload },
    vote: () => 'approve',
  });
  const handles = await caller.submitMany(
    Array.from({ length: 300 }, (_, i) => ({ type: 'echo', payload: i })),
  );
  await Promise.all(handles.map((handle) => handle.result()));
  await caller.propose({ type: 'done' });
  const report = await verifyLedger({ servers: server().url, fleet });
  expect(report).toMatchObject({
    ok: true,
    problems: [],
    doubleOutcomes: 0,
    tasks: { completed: 300 },
    proposals: { approved: 1 },
  });
});
