/** The SDK on a simulated world: what a user's own tests stand on. */
import { expect, test } from 'vitest';
import { ConclaveError, type Agent, type JoinOptions } from '../../src/index.ts';
import { simulateFleet, type Simulation } from '../../src/simulation/index.ts';

const worker = (id: string, more: Partial<JoinOptions> = {}): JoinOptions => ({
  id,
  tasks: { echo: async (task) => task.payload },
  vote: () => 'approve',
  ...more,
});

async function threeOf({ joinFleet }: Simulation): Promise<Agent[]> {
  return Promise.all([
    joinFleet(worker('ada', { priority: 3 })),
    joinFleet(worker('bob', { priority: 2 })),
    joinFleet(worker('eve', { priority: 1 })),
  ]);
}

test('agents join, work, vote, elect and leave with the calls that they use on NATS', async () => {
  const simulation = simulateFleet({ seed: 1 });
  const agents = await threeOf(simulation);
  const fleet = await simulation.connectFleet();
  const task = await fleet.submit({ type: 'echo', payload: 'hello' });
  expect(await task.result()).toBe('hello');
  expect(await fleet.propose({ type: 'policy', quorum: 1 })).toMatchObject({
    approved: true,
    approve: 3_000,
  });
  const { term } = await fleet.election();
  expect((await fleet.elect()).term).toBe(term + 1);
  const leader = agents.find((agent) => agent.isLeader);
  await leader?.leave();
  await (await fleet.submit({ type: 'echo' })).result();
  expect(await fleet.election()).toMatchObject({ hasLeader: true, cause: 'handover', term: term + 2 });
  expect((await fleet.metrics()).agents).toMatchObject({ total: 2, alive: 2, left: 1 });
});

test('a handler may wait in virtual time, and virtual time costs none', async () => {
  const simulation = simulateFleet({ seed: 1 });
  const nap = async (): Promise<string> => {
    await simulation.sleep(300_000);
    return 'rested';
  };
  const { fleet } = await simulation.joinFleet(worker('ada', { tasks: { nap } }));
  const task = await fleet.submit({ type: 'nap' });
  expect(await task.result()).toBe('rested');
  expect(simulation.world.now).toBeGreaterThan(300_000);
});

test('the work of an agent whose machine crashes is done by another, and the fleet knows who died', async () => {
  const simulation = simulateFleet({ seed: 1 });
  const agents = await threeOf(simulation);
  const fleet = await simulation.connectFleet();
  const stuck = (): Promise<void> => simulation.sleep(1e9);
  const victim = await simulation.joinFleet(
    worker('zoe', { electable: false, tasks: { echo: stuck, odd: stuck } }),
  );
  const task = await fleet.submit({ type: 'odd' });
  expect(await task.assigned()).toEqual({ agent: 'zoe', attempt: 1 });
  simulation.hostOf(victim.id).crash();
  await simulation.joinFleet(worker('yan', { tasks: { odd: () => 'done' } }));
  expect(await task.result()).toBe('done');
  expect((await fleet.metrics()).recovery).toMatchObject({ deaths: 1, reassigned: 1 });
  expect(agents.filter((agent) => agent.isLeader)).toHaveLength(1);
});

test('an id that is taken is refused, and free again after its agent has left', async () => {
  const simulation = simulateFleet({ seed: 1 });
  await simulation.joinFleet(worker('ada'));
  const bob = await simulation.joinFleet(worker('bob'));
  const refused = simulation.joinFleet(worker('bob'));
  await expect(refused).rejects.toMatchObject({ code: 'ID_TAKEN' });
  await bob.leave();
  const again = await simulation.joinFleet(worker('bob'));
  expect(again.state).toContain('active');
});

test('bad options are refused as they are on NATS', async () => {
  const { joinFleet, connectFleet } = simulateFleet({ seed: 1 });
  await expect(joinFleet(worker('ada', { slots: 0 }))).rejects.toMatchObject({
    fields: [{ field: 'slots' }],
  });
  await expect(joinFleet(worker('ada', { joinTimeoutMs: -1 }))).rejects.toMatchObject({
    fields: [{ field: 'joinTimeoutMs' }],
  });
  const settings = { quorum: 2 };
  await expect(connectFleet({ settings })).rejects.toBeInstanceOf(ConclaveError);
});

test('a call that nobody can answer fails after the patience of its caller, in virtual time', async () => {
  const { connectFleet } = simulateFleet({ seed: 1 });
  const fleet = await connectFleet({ timeoutMs: 20_000 });
  await expect(fleet.submit({ type: 'echo' })).rejects.toMatchObject({ code: 'NO_LEADER' });
});

test('what never comes ends with the seed in the message', async () => {
  const { joinFleet } = simulateFleet({ seed: 'never', patienceMs: 5_000 });
  const { fleet } = await joinFleet(worker('ada'));
  const task = await fleet.submit({ type: 'nobody_does_this' });
  await expect(task.result()).rejects.toThrow(/not reached within 5000 ms \(seed never/);
});

test('the same seed and the same calls tell the same story', async () => {
  const story = async (seed: number): Promise<string[]> => {
    const lines: string[] = [];
    const simulation = simulateFleet({ seed, trace: (line) => lines.push(line) });
    await threeOf(simulation);
    const fleet = await simulation.connectFleet();
    simulation.hostOf('ada').crash();
    const tasks = await fleet.submitMany([1, 2, 3].map((payload) => ({ type: 'echo', payload })));
    await Promise.all(tasks.map((task) => task.result()));
    return lines;
  };
  const first = await story(5);
  expect(await story(5)).toEqual(first);
  expect(first.length).toBeGreaterThan(100);
  expect(await story(6)).not.toEqual(first);
});

test("a client's settings go along with what it submits, unless the task says otherwise", async () => {
  const { joinFleet, connectFleet } = simulateFleet({ seed: 1 });
  await joinFleet(worker('ada'));
  const fleet = await connectFleet({ settings: { maxRetries: 7 } });
  const plain = await connectFleet();
  const retriesOf = async (by: typeof fleet, more: object = {}): Promise<number> =>
    (await by.task((await by.submit({ type: 'echo', ...more })).id)).maxRetries;
  expect([await retriesOf(fleet), await retriesOf(fleet, { maxRetries: 0 }), await retriesOf(plain)]).toEqual(
    [7, 0, 3],
  );
});

test('a leader whose connection is cut off for long is followed by another, and follows it when it is back', async () => {
  const simulation = simulateFleet({ seed: 1 });
  const [ada] = await threeOf(simulation);
  const fleet = await simulation.connectFleet();
  simulation.hostOf('ada').cut();
  await simulation.pass(60_000);
  expect(await fleet.election()).toMatchObject({ leader: 'bob' });
  simulation.hostOf('ada').heal();
  await simulation.pass(10_000);
  expect([ada?.isLeader, (await fleet.metrics()).agents.alive]).toEqual([false, 3]);
});

test('an agent knows the term, whether it leads, stands by, sleeps, or never could lead', async () => {
  const simulation = simulateFleet({ seed: 1 });
  const settings = { standbysMax: 1 };
  const agents = await Promise.all([
    simulation.joinFleet(worker('ada', { priority: 4, settings })),
    simulation.joinFleet(worker('bob', { priority: 3, settings })),
    simulation.joinFleet(worker('cyd', { priority: 2, settings })),
    simulation.joinFleet(worker('dan', { electable: false, settings })),
  ]);
  const fleet = await simulation.connectFleet();
  await simulation.pass(10_000);
  const { term } = await fleet.elect();
  await simulation.pass(1_000);
  expect(agents.map((agent) => agent.term)).toEqual([term, term, term, term]);
});

test('trouble strikes as the seed says, and leaves a whole fleet: whoever crashed runs again', async () => {
  const told = [];
  for (let time = 0; time < 2; time += 1) {
    const simulation = simulateFleet({ seed: 3 });
    await threeOf(simulation);
    const { connectFleet, trouble, pass, agentOf, report, world } = simulation;
    const strikes = await trouble({ forMs: 60_000 });
    await pass(10_000);
    const fleet = await connectFleet();
    const { health } = await fleet.status();
    const states = ['ada', 'bob', 'eve'].map((id) => agentOf(id).state);
    told.push({ strikes, health, states, trace: world.trace.hash, problems: report().problems });
  }
  expect(told[0]?.strikes.kill).toBeGreaterThan(0);
  expect(told[0]).toMatchObject({ health: 'healthy', problems: [] });
  expect(told[0]?.states.every((state) => state.startsWith('online.active'))).toBe(true);
  expect(told[1]).toEqual(told[0]);
});

test('trouble without anybody to strike is refused', async () => {
  await expect(simulateFleet({ seed: 3 }).trouble({ forMs: 1_000 })).rejects.toThrow(
    /no agent has joined the fleet default/,
  );
});
