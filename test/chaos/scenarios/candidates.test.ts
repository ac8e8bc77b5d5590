/** A hundred agents of which any could lead, and a leader whose health goes up and down. */
import { connect } from 'nats';
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
  const { fleet, client } = scene;
  const join = async (id: string): Promise<Agent> => {
    const agent = await joinFleet({
      servers: server().url,
      fleet,
      id,
      handleSignals: false,
      settings: { heartbeatIntervalMs: 100 },
      tasks: {
        echo: ({ id: task, attempt, fencingToken, payload }) => {
          scene.starts.push({ agent: id, life: 1, task, attempt, fencingToken });
          return payload;
        },
      },
    });
    stage.ending({ stop: () => agent.leave() });
    return agent;
  };
  const ada = await join('ada');
  await join('bob');
  const nc = await connect({ servers: server().url });
  stage.ending({ stop: () => nc.close() });
  /** Of its latest beats, how many in a row said the same. */
  const said = { health: NaN, times: 0 };
  nc.subscribe(`conclave.${fleet}.agent.heartbeat.ada`, {
    callback: (_, message) => {
      const { health } = message.json<{ health: number }>();
      said.times = health === said.health ? said.times + 1 : 1;
      said.health = health;
    },
  });
  const work = keepWorking(client);
  for (const health of [0, 1, 0, 1, 0]) {
    ada.health = health;
    // Longer than a leader that may give way looks before it does.
    await until(() => said.health === health && said.times >= 10);
    await work.goesOn(5);
  }
  const report = await expectEachOnce(scene, await work.stop(), server().url);
  expect(leadersOf(report)).toEqual(['1 ada']);
});
