/** Disks that are full: of one server of three, then of all. The broker refuses writes there; nobody pretends otherwise. */
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connectFleet } from '../../../src/index.ts';
import { startCluster } from '../../support/nats-cluster.ts';
import { makePoweredDisk, whyNoPoweredDisk, type PoweredDisk } from '../../support/powered-disk.ts';
import { until } from '../../support/until.ts';
import { servers, untilWhole } from './copies.ts';
import { expectEachOnce, isLong, keepWorking, untilSame, withStage } from './stage.ts';

const why = whyNoPoweredDisk();
const stage = withStage('disk');

/** Not a byte is left for anybody else. */
function fill({ folder }: PoweredDisk): void {
  const { bfree, bsize } = statfsSync(folder);
  let bytes = bfree * bsize;
  for (let i = 0; bytes >= bsize; i++) {
    try {
      execFileSync('fallocate', ['--length', String(bytes), join(folder, `ballast_${i}`)], {
        stdio: 'ignore',
      });
    } catch {
      bytes = Math.floor(bytes / 2);
    }
  }
}

test.runIf(isLong)(
  'a full disk of one server of three stops nobody; full disks of all stop writing, and room brings the fleet back whole',
  async ({ skip }) => {
    skip(why !== null, why ?? '');
    const disk = { one: makePoweredDisk(), two: makePoweredDisk(), three: makePoweredDisk() };
    for (const each of Object.values(disk)) stage.ending(each);
    const cluster = stage.ending(await startCluster({ storeOf: (name) => disk[name].folder }));
    const settings = { appendTimeoutMs: 500, appendResignMs: 1_000, appendResignReplicatedMs: 3_000 };
    const scene = await stage.scene(cluster.urls, settings);
    const agents = await Promise.all(
      ['first', 'second', 'third'].map((id) => scene.start({ id, replicas: 3 })),
    );
    const work = keepWorking(scene.client);
    await work.goesOn();
    fill(disk.two);
    await work.goesOn(50);

    fill(disk.one);
    fill(disk.three);
    const hasty = await connectFleet({ servers: cluster.urls, fleet: scene.fleet, timeoutMs: 2_000 });
    const ask = (): Promise<unknown> =>
      hasty.submit({ type: 'echo', payload: 'x'.repeat(100_000) }).then(
        () => 'stored',
        (error: unknown) => (error as { code: string }).code,
      );
    // At first nobody knows what became of it; then nobody leads, and says so.
    await until(async () => (await ask()) === 'NO_LEADER');
    expect(await hasty.status()).toMatchObject({ health: 'unhealthy', leader: null });
    await hasty.close();

    for (const { folder } of Object.values(disk))
      for (const file of readdirSync(folder)) if (file.startsWith('ballast_')) rmSync(join(folder, file));
    // As its documentation has it, a server that could not write is started again.
    await Promise.all(servers.map((name) => cluster.restart(name)));
    await work.goesOn();
    await untilWhole(cluster, scene.stream);
    const handles = await work.stop();
    const { tasks } = await scene.client.tasks({ type: 'echo', limit: 500 });
    const asked = tasks.filter(({ id }) => !handles.some((handle) => handle.id === id));
    await expectEachOnce(
      scene,
      [...handles, ...asked.map(({ id }) => scene.client.handle(id))],
      cluster.urls,
    );
    const copies = await untilSame(agents);
    expect(new Set(copies.map(({ hash }) => hash)).size).toBe(1);
  },
  120_000,
);
