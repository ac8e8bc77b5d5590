/** Servers of a cluster that are killed or restarted under a fleet at work: the ledger has three copies. */
import { expect, test } from 'vitest';
import type { Entry } from '../../../src/domain/events.ts';
import { verifyLedger } from '../../../src/index.ts';
import { recordLedger } from '../../support/ledger-record.ts';
import { withCluster } from '../../support/nats-cluster.ts';
import { moveLeaderFrom, servers, untilWhole } from './copies.ts';
import { expectEachOnce, isLong, keepWorking, leadersOf, withStage, type Scene } from './stage.ts';

const cluster = withCluster();
const stage = withStage('servers');
/** A fail-over of the broker's always takes longer than a ledger of one copy would be waited for. */
const settings = { appendTimeoutMs: 1_000, appendResignMs: 1_500, appendResignReplicatedMs: 25_000 };

/** `first` leads; it is connected to `one`. */
async function trio(): Promise<Scene> {
  const scene = await stage.scene(cluster().urls, settings);
  await scene.start({ id: 'first', priority: 3, replicas: 3, servers: cluster().urlOf('one') });
  await Promise.all(
    ['second', 'third'].map((id) => scene.start({ id, replicas: 3, servers: cluster().urls })),
  );
  return scene;
}

test('the server that leads the ledger is killed at work: writes go on, nothing is lost, and the same agent leads', async () => {
  const scene = await trio();
  const killed = await moveLeaderFrom('one', cluster(), scene.stream);
  const work = keepWorking(scene.client);
  await work.goesOn();
  await cluster().kill(killed);
  await work.goesOn();
  await cluster().restart(killed);
  await untilWhole(cluster(), scene.stream);
  const report = await expectEachOnce(scene, await work.stop(), cluster().urls);
  expect(leadersOf(report)).toEqual(['1 first']);
}, 90_000);

test('all servers are killed at once and started again: every entry is where it was, and the fleet goes on by itself', async () => {
  const scene = await trio();
  const work = keepWorking(scene.client);
  await work.goesOn();
  const record = await recordLedger(cluster().urls, scene.fleet);
  await work.goesOn();
  const delivered = [...record.entries];
  expect(delivered.length).toBeGreaterThan(20);
  await Promise.all(servers.map((name) => cluster().kill(name)));
  await Promise.all(servers.map((name) => cluster().restart(name)));
  await work.goesOn();
  await untilWhole(cluster(), scene.stream);
  await expectEachOnce(scene, await work.stop(), cluster().urls);
  expect(record.problems).toEqual([]);
  await record.close();
  const kept: Entry[] = [];
  await verifyLedger({ servers: cluster().urls, fleet: scene.fleet, onEntry: (entry) => kept.push(entry) });
  expect(kept.slice(0, delivered.length)).toEqual(delivered);
}, 90_000);

test.runIf(isLong)(
  'servers are restarted one after the other at work: nothing is lost, and the fleet goes on by itself',
  async () => {
    const scene = await trio();
    const work = keepWorking(scene.client);
    for (const name of servers) {
      await work.goesOn();
      await cluster().restart(name);
      await untilWhole(cluster(), scene.stream);
    }
    await work.goesOn();
    await expectEachOnce(scene, await work.stop(), cluster().urls);
  },
  90_000,
);
