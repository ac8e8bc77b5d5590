/** A hundred agents of which any could lead, and a leader whose health goes up and down. */
import { expect, test } from 'vitest';
import { charts } from '../../../actors/table.ts';
import { joinFleet, type Agent } from '../../../src/index.ts';
import { SimulatedFleet, SimulatedWorld } from '../../../src/simulation/index.ts';
import { Witness } from '../../simulation/witness.ts';
import { withServer } from '../../support/nats-server.ts';
import { until } from '../../support/until.ts';
import { expectEachOnce, keepWorking, leadersOf, withStage } from './stage.ts';

const server = withServer();
const stage = withStage('candidates');

/** In virtual time: so many processes are too much for a small machine. */
test('a leader dies before a hundred that could all lead: one new term, and everybody goes on', async () => {
  const world = new SimulatedWorld({ seed: 1 });
  const fleet = new SimulatedFleet(world, { settings: { standbysMax: 100, heartbeatIntervalMs: 5_000 } });
  const handlers = { work: () => Promise.resolve('done') };
  const hosts = Array.from({ length: 100 }, (_, i) => `agent_${i}`);
  fleet.join('first', { priority: 1, handlers });
  for (const host of hosts) fleet.join(host, { handlers });
  const ledger = new Witness(fleet, charts);
  world.runUntil(() => hosts.every((host) => fleet.nodes.get(host)?.contender?.isStandby === true), {
    withinMs: 60_000,
  });
  const client = fleet.client();
  const { term } = ledger.state;
  fleet.kill('first');
  const tasks = await world.settle(client.submitMany(Array.from({ length: 100 }, () => ({ type: 'work' }))));
  for (const task of tasks) expect(await world.settle(task.result())).toBe('done');
  world.runFor(5_000);
  ledger.inspect();
  expect(ledger.problems).toEqual([]);
  expect(ledger.state.term).toBe(term + 1);
}, 60_000);

test('a leader whose health goes up and down all the time leads on', async () => {
  const scene = await stage.scene(server().url);
  const settings = { heartbeatIntervalMs: 100 };
  const join = async (id: string): Promise<Agent> => {
    const agent = await joinFleet({
      servers: server().url,
      fleet: scene.fleet,
      id,
      handleSignals: false,
      settings,
      tasks: { echo: (task) => task.payload },
    });
    stage.ending({ stop: () => agent.leave() });
    return agent;
  };
  const ada = await join('ada');
  await join('bob');
  const work = keepWorking(scene.client);
  const seen = new Set<number>();
  for (let i = 0; i < 10; i++) {
    ada.health = i % 2;
    await until(async () => (await scene.client.agent('ada')).health === ada.health);
    seen.add(ada.health);
    await work.goesOn(5);
  }
  expect(seen.size).toBe(2);
  const report = await expectEachOnce(scene, await work.stop(), server().url);
  expect(leadersOf(report)).toEqual(['1 ada']);
});
