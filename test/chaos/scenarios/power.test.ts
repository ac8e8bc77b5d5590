/**
 * Servers that lose their power: what they had not synced is gone. With `sync_interval: always` nothing is lost that was
 * acknowledged; with NATS's default it is, and the fleet says so instead of going on.
 */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { verifyLedger, type HistoryReport } from '../../../src/index.ts';
import { startPrivateServer } from '../../../src/nats/private-server.ts';
import type { AgentProcess } from '../../support/agent-process.ts';
import { startCluster, type ServerName } from '../../support/nats-cluster.ts';
import { binary } from '../../support/nats-server.ts';
import { makePoweredDisk, whyNoPoweredDisk } from '../../support/powered-disk.ts';
import { untilWhole } from './copies.ts';
import { expectEachOnce, isLong, keepWorking, withStage, type Scene } from './stage.ts';

const why = whyNoPoweredDisk();
const stage = withStage('power');
/** A ledger that is too short is not waited for as long as several servers would need. */
const hasty = { appendTimeoutMs: 500, appendResignMs: 1_000, appendResignReplicatedMs: 3_000 };

async function pair(scene: Scene, replicas: 1 | 3): Promise<readonly AgentProcess[]> {
  const first = await scene.start({ id: 'first', priority: 3, replicas });
  return [first, await scene.start({ id: 'second', replicas })];
}

/** Every agent ends by itself and says why; what is there is as it was found. */
async function expectDetected(
  agents: readonly AgentProcess[],
  of: { readonly fleet: string; readonly servers: string; readonly found: HistoryReport },
): Promise<void> {
  await Promise.all(agents.map(({ ended }) => ended));
  for (const agent of agents) expect(agent.problem()).toMatchObject({ code: 'LEDGER_BROKEN' });
  const { lastSequence, terms } = await verifyLedger(of);
  expect({ lastSequence, terms }).toEqual({
    lastSequence: of.found.lastSequence,
    terms: of.found.terms,
  });
}

test('a server that syncs every write loses its power: nothing that was acknowledged is lost', async ({
  skip,
}) => {
  skip(why !== null, why ?? '');
  const disk = stage.ending(makePoweredDisk());
  const server = stage.ending(await startPrivateServer({ binary, storeDir: join(disk.folder, 'store') }));
  const scene = await stage.scene(server.url);
  await pair(scene, 1);
  const work = keepWorking(scene.client);
  await work.goesOn(50);
  await server.kill('SIGKILL');
  disk.cutPower();
  await server.restart();
  await work.goesOn();
  await expectEachOnce(scene, await work.stop(), server.url);
}, 60_000);

test('a server that syncs as NATS does by default loses its power: the agents notice, end, and write no more', async ({
  skip,
}) => {
  skip(why !== null, why ?? '');
  const disk = stage.ending(makePoweredDisk());
  const server = stage.ending(
    await startPrivateServer({ binary, storeDir: join(disk.folder, 'store'), syncAlways: false }),
  );
  const scene = await stage.scene(server.url, hasty);
  const agents = await pair(scene, 1);
  const work = keepWorking(scene.client);
  await work.goesOn();
  // So much is safe.
  disk.sync();
  const { lastSequence } = await verifyLedger({ servers: server.url, fleet: scene.fleet });
  await work.goesOn(40);
  for (const agent of agents) agent.signal('SIGSTOP');
  const before = await verifyLedger({ servers: server.url, fleet: scene.fleet });
  await server.kill('SIGKILL');
  disk.cutPower();
  await server.restart();
  const found = await verifyLedger({ servers: server.url, fleet: scene.fleet });
  expect(found.lastSequence).toBeLessThan(before.lastSequence);
  expect(lastSequence).toBeGreaterThan(0);
  for (const agent of agents) agent.signal('SIGCONT');
  await expectDetected(agents, { fleet: scene.fleet, servers: server.url, found });
}, 60_000);

test('a server comes back with an older copy of its store: the agents notice, end, and write no more', async () => {
  const server = stage.ending(await startPrivateServer({ binary }));
  const scene = await stage.scene(server.url, hasty);
  const agents = await pair(scene, 1);
  const work = keepWorking(scene.client);
  await work.goesOn();
  const [now, older] = [join(server.storeDir, 'jetstream'), join(server.storeDir, 'older')];
  await server.kill('SIGKILL');
  cpSync(now, older, { recursive: true });
  await server.restart();
  await work.goesOn();
  for (const agent of agents) agent.signal('SIGSTOP');
  await server.kill('SIGKILL');
  rmSync(now, { recursive: true });
  cpSync(older, now, { recursive: true });
  await server.restart();
  const found = await verifyLedger({ servers: server.url, fleet: scene.fleet });
  for (const agent of agents) agent.signal('SIGCONT');
  await expectDetected(agents, { fleet: scene.fleet, servers: server.url, found });
}, 60_000);

test.runIf(isLong)(
  'of three servers that sync every write one loses its power, then all: nothing that was acknowledged is lost',
  async ({ skip }) => {
    skip(why !== null, why ?? '');
    const disk = { one: makePoweredDisk(), two: makePoweredDisk(), three: makePoweredDisk() };
    for (const each of Object.values(disk)) stage.ending(each);
    const cluster = stage.ending(await startCluster({ storeOf: (name) => disk[name].folder }));
    const scene = await stage.scene(cluster.urls);
    await pair(scene, 3);
    const work = keepWorking(scene.client);
    const cut = async (names: readonly ServerName[]): Promise<void> => {
      await work.goesOn(50);
      await Promise.all(names.map((name) => cluster.kill(name)));
      for (const name of names) disk[name].cutPower();
      await Promise.all(names.map((name) => cluster.restart(name)));
      await work.goesOn();
      await untilWhole(cluster, scene.stream);
    };
    await cut(['two']);
    await cut(['one', 'two', 'three']);
    await expectEachOnce(scene, await work.stop(), cluster.urls);
  },
  120_000,
);
