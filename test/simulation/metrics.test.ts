/** A fleet's figures through the calls of the SDK, line by line of SPEC §6, and whole flows that end in them. */
import { expect, test } from 'vitest';
import { DoNotRetry, type Decision, type Fleet, type JoinOptions } from '../../src/index.ts';
import { simulateFleet, type Simulation } from '../../src/simulation/index.ts';

const tasks: NonNullable<JoinOptions['tasks']> = {
  echo: (task) => task.payload,
  fail: () => {
    throw new DoNotRetry('no');
  },
  flaky: (task) => {
    if (task.attempt < 3) throw new Error('not yet');
    return 'at last';
  },
};

async function fleetOf(ids: readonly string[]): Promise<Simulation & { readonly fleet: Fleet }> {
  const simulation = simulateFleet({ seed: 1 });
  const settings = { retryBackoffMs: 10 };
  for (const [i, id] of ids.entries()) {
    const priority = ids.length - i;
    await simulation.joinFleet({
      id,
      priority,
      tasks,
      settings,
      vote: ({ data }) => data.decision as Decision,
    });
  }
  return { ...simulation, fleet: await simulation.connectFleet() };
}

test('start: the first agent founds the fleet and leads it, and the next ones join it', async () => {
  const { fleet } = await fleetOf(['ada', 'bob']);
  const { agents, leadership } = await fleet.metrics();
  expect(agents).toMatchObject({ total: 2, alive: 2, suspect: 0, dead: 0 });
  expect(leadership).toEqual({ leader: 'ada', term: 1, elections: 1, leaderChanges: 1 });
});

test('start: a fleet whose machines were all off goes on where it was', async () => {
  const { fleet, hostOf, joinFleet } = await fleetOf(['ada']);
  await (await fleet.submit({ type: 'echo' })).result();
  hostOf('ada').crash();
  const waiting = fleet.submit({ type: 'echo', payload: 'after' });
  await joinFleet({ id: 'ada', tasks });
  expect(await (await waiting).result()).toBe('after');
  expect(await fleet.metrics()).toMatchObject({ leadership: { term: 2 }, tasks: { total: 2 } });
});

test('counts: agents by state, as they become suspect, die and leave', async () => {
  const { fleet, hostOf, joinFleet, pass } = await fleetOf(['ada', 'bob', 'eve']);
  const zoe = await joinFleet({ id: 'zoe' });
  await zoe.leave();
  hostOf('eve').pause();
  await pass(3_500);
  expect((await fleet.metrics()).agents).toMatchObject({ total: 3, alive: 2, suspect: 1, dead: 0, left: 1 });
  await pass(10_000);
  expect((await fleet.metrics()).agents).toMatchObject({ total: 3, alive: 2, suspect: 0, dead: 1 });
});

test('counts: tasks by status and by type, and their retries', async () => {
  const { fleet } = await fleetOf(['ada']);
  const given = await fleet.submitMany(
    ['echo', 'echo', 'fail', 'flaky', 'unknown'].map((type) => ({ type })),
  );
  await Promise.all(given.slice(0, 4).map((task) => task.outcome()));
  await given[4]?.cancel();
  await fleet.submit({ type: 'unknown' });
  const metrics = (await fleet.metrics()).tasks;
  expect(metrics).toMatchObject({
    total: 6,
    byStatus: { completed: 3, failed: 1, cancelled: 1, pending: 1 },
    byType: { echo: 2, fail: 1, flaky: 1, unknown: 2 },
    retries: 2,
  });
});

test('counts: throughput, waiting time, and how long the oldest has waited', async () => {
  const { fleet, pass } = await fleetOf(['ada']);
  expect((await fleet.metrics()).tasks).toMatchObject({
    completedPerMinute: 0,
    waitingMs: null,
    oldestWaitingMs: null,
  });
  const done = await fleet.submitMany([1, 2, 3].map((payload) => ({ type: 'echo', payload })));
  await Promise.all(done.map((task) => task.result()));
  await fleet.submit({ type: 'unknown' });
  await pass(5_000);
  const metrics = (await fleet.metrics()).tasks;
  expect(metrics.completedPerMinute).toBe(3);
  expect(metrics.waitingMs).toBeGreaterThanOrEqual(0);
  expect(metrics.oldestWaitingMs).toBeGreaterThanOrEqual(5_000);
  await pass(120_000);
  expect((await fleet.metrics()).tasks.completedPerMinute).toBe(0);
});

test('counts: proposals approved, rejected and expired', async () => {
  const { fleet } = await fleetOf(['ada', 'bob']);
  for (const decision of ['approve', 'approve', 'reject'])
    await fleet.propose({ type: 'policy', data: { decision } });
  await fleet.propose({
    type: 'policy',
    data: { decision: 'approve' },
    voters: ['x', 'y', 'z'],
    quorum: 1,
    timeoutMs: 2_000,
  });
  await fleet.openProposal({ type: 'policy', data: { decision: 'abstain' }, voters: ['x'] });
  expect((await fleet.metrics()).consensus).toEqual({
    total: 5,
    open: 1,
    withdrawn: 0,
    approved: 2,
    rejected: 1,
    expired: 1,
  });
});

test('counts: agents found dead, tasks given to others, elections because a leader was gone', async () => {
  const { fleet, hostOf, joinFleet, sleep } = await fleetOf(['ada', 'bob']);
  const asleep = { nap: () => sleep(1e9) };
  await joinFleet({ id: 'eve', electable: false, tasks: asleep });
  const task = await fleet.submit({ type: 'nap' });
  expect((await task.assigned()).agent).toBe('eve');
  await joinFleet({ id: 'zoe', electable: false, tasks: { nap: () => 'rested' } });
  hostOf('eve').crash();
  expect(await task.result()).toBe('rested');
  expect((await fleet.metrics()).recovery).toEqual({ deaths: 1, reassigned: 1, reElections: 0 });
  hostOf('ada').crash();
  await (await fleet.submit({ type: 'echo' })).result();
  const { recovery, leadership } = await fleet.metrics();
  expect(recovery.reElections).toBe(1);
  expect(leadership).toEqual({ leader: 'bob', term: 2, elections: 2, leaderChanges: 2 });
});

test('averages: health and load of those present', async () => {
  const { joinFleet, connectFleet, pass } = simulateFleet({ seed: 1 });
  const ada = await joinFleet({ id: 'ada' });
  const bob = await joinFleet({ id: 'bob' });
  [ada.health, ada.load, bob.health, bob.load] = [1, 0.2, 0.5, 0.6];
  await pass(1_000);
  const { agents } = await (await connectFleet()).metrics();
  expect(agents.averageHealth).toBeCloseTo(0.75, 9);
  expect(agents.averageLoad).toBeCloseTo(0.4, 9);
});

test('summary: one line, of what was seen last; the name alone before anything was', async () => {
  const { fleet, hostOf } = await fleetOf(['agent_001', 'agent_002']);
  expect(String(fleet)).toBe('Fleet(default)');
  await (await fleet.submit({ type: 'echo' })).result();
  await fleet.metrics();
  expect(String(fleet)).toBe('Fleet(default: 2 agents, 2 alive, leader agent_001, term 1, 1 tasks)');
  await fleet.elect();
  expect(String(fleet)).toBe('Fleet(default: 2 agents, 2 alive, leader agent_001, term 2, 1 tasks)');
  hostOf('agent_001').crash();
  await fleet.submit({ type: 'echo' });
  await fleet.election();
  expect(String(fleet)).toMatch(
    /^Fleet\(default: 2 agents, [12] alive, leader agent_002, term 3, 2 tasks\)$/,
  );
});

test('a whole flow: elected, worked, voted, led on after a death, and every figure adds up', async () => {
  const { fleet, hostOf } = await fleetOf(['ada', 'bob', 'eve']);
  await fleet.elect();
  const given = await fleet.submitMany(
    Array.from({ length: 50 }, (_, payload) => ({ type: 'echo', payload })),
  );
  const approved = await fleet.submit({ type: 'echo', payload: 'agreed', approval: { quorum: 0.1 } });
  hostOf('ada').crash();
  const results = await Promise.all(given.map((task) => task.result()));
  expect(results).toEqual(given.map((_, i) => i));
  // The votes find no decision in a task's data: everybody abstains, and the task is rejected.
  expect((await approved.outcome()).error).toMatchObject({ code: 'NOT_APPROVED' });
  const { tasks: counted, consensus, leadership } = await fleet.metrics();
  expect(counted).toMatchObject({ total: 51, byStatus: { completed: 50, failed: 1 } });
  expect(consensus).toMatchObject({ total: 1, rejected: 1 });
  expect(leadership).toMatchObject({ leader: 'bob', term: 3 });
});

test('a leader that leaves is no recovery, also where word of its end comes before its handover', async () => {
  const { joinFleet, connectFleet, world } = simulateFleet({ seed: 1 });
  const ada = await joinFleet({ id: 'ada', priority: 1 });
  await joinFleet({ id: 'bob', tasks });
  const fleet = await connectFleet();
  // Entries reach those who follow the ledger late.
  world.setFaults({ followerLate: 1 });
  await ada.leave();
  await (await fleet.submit({ type: 'echo' })).result();
  expect(await fleet.election()).toMatchObject({ leader: 'bob', cause: 'handover' });
  expect((await fleet.metrics()).recovery.reElections).toBe(0);
});
