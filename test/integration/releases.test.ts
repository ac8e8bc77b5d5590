/**
 * The servers of a cluster are replaced by those of the next release, one after the other, under a fleet at work, and by
 * the older ones again. Needs a nats-server of another release than the installed one: see test/support/older-servers.ts.
 */
import { connect } from 'nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findNatsServer } from '../../src/nats/server-binary.ts';
import { startCluster, type NatsCluster } from '../support/nats-cluster.ts';
import { binary } from '../support/nats-server.ts';
import { olderServer } from '../support/older-servers.ts';
import { servers, untilWhole } from '../chaos/scenarios/copies.ts';
import { expectEachOnce, keepWorking, withStage, type Scene } from '../chaos/scenarios/stage.ts';

const older = olderServer('CONCLAVE_OLDER_NATS_SERVER');
const stage = withStage('releases');
const settings = { appendTimeoutMs: 1_000, appendResignMs: 1_500, appendResignReplicatedMs: 25_000 };

describe.skipIf(older === undefined)('servers of two releases', () => {
  let cluster: NatsCluster;
  beforeAll(async () => {
    cluster = await startCluster({ binary: older ?? '' });
  }, 60_000);
  afterAll(() => cluster.stop());

  async function trio(): Promise<Scene> {
    const scene = await stage.scene(cluster.urls, settings);
    await scene.start({ id: 'first', priority: 3, replicas: 3, servers: cluster.urlOf('one') });
    await Promise.all(
      ['second', 'third'].map((id) => scene.start({ id, replicas: 3, servers: cluster.urls })),
    );
    return scene;
  }

  const versions = (): Promise<string[]> =>
    Promise.all(servers.map((name) => versionOf(cluster.urlOf(name))));

  test('are upgraded one by one at work, and put back: nothing is lost, and the fleet goes on by itself', async () => {
    const newer = await findNatsServer({ binary });
    const before = await findNatsServer({ binary: older });
    expect(newer.version).not.toBe(before.version);
    const scene = await trio();
    const work = keepWorking(scene.client);
    for (const { path, version } of [newer, before]) {
      for (const name of servers) {
        await work.goesOn();
        await cluster.restart(name, path);
        await untilWhole(cluster, scene.stream);
      }
      await work.goesOn();
      expect(await versions()).toEqual([version, version, version]);
      process.stdout.write(`all three are ${version}; ${work.done()} tasks done\n`);
    }
    await expectEachOnce(scene, await work.stop(), cluster.urls);
  }, 180_000);
});

async function versionOf(url: string): Promise<string> {
  const nc = await connect({ servers: url });
  const version = nc.info?.version ?? '';
  await nc.close();
  return version;
}
