/**
 * A leader on the side of a NATS cluster that is in the minority. Each server reaches each other one through a proxy of
 * that pair, and by no other way, so that a test can part them.
 */
import { afterAll, expect, test } from 'vitest';
import { connectFleet, startHttpServer } from '../../../src/index.ts';
import { withCluster, type ServerName } from '../../support/nats-cluster.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';
import { echoes, expectEachOnce, isLong, leadersOf, untilLeads, untilSame, withStage } from './stage.ts';

interface Link {
  readonly ends: readonly ServerName[];
  readonly proxy: TcpProxy;
}

const links: Link[] = [];
const cluster = withCluster({
  routeBetween: async (from, to, port) => {
    const proxy = await startTcpProxy({ port });
    links.push({ ends: [from, to], proxy });
    return Number(new URL(proxy.url).port);
  },
});
const stage = withStage('minority');
const settings = { leaderSilenceMs: 1_000, appendTimeoutMs: 1_000, appendResignMs: 2_000 };

afterAll(async () => {
  await Promise.all(links.map(({ proxy }) => proxy.stop()));
});

test.runIf(isLong)(
  'a leader that is left with the minority of the servers gets nothing acknowledged, says so, and the others elect',
  async () => {
    const alone = cluster().urlOf('one');
    const others = [cluster().urlOf('two'), cluster().urlOf('three')];
    const scene = await stage.scene(others, { ...settings, appendResignReplicatedMs: 4_000 });
    const first = await scene.start({ id: 'first', priority: 3, replicas: 3, servers: alone });
    const rest = await Promise.all(
      ['second', 'third'].map((id, i) => scene.start({ id, priority: 2 - i, replicas: 3, servers: others })),
    );
    const http = await startHttpServer({ servers: alone, fleet: scene.fleet, port: 0, timeoutMs: 1_000 });
    const lonely = await connectFleet({ servers: alone, fleet: scene.fleet, timeoutMs: 3_000 });
    const handles = await echoes(scene.client, 20);
    await Promise.all(handles.map((handle) => handle.outcome()));
    const asOf = async (): Promise<{ sequence: number; leader: string | null; status: number }> => {
      const answer = await fetch(`${http.url}/coordination/status`);
      const page = (await answer.json()) as { leader: string | null; as_of: { sequence: number } };
      return { status: answer.status, leader: page.leader, sequence: page.as_of.sequence };
    };

    for (const { ends, proxy } of links) if (ends.includes('one')) proxy.stall();
    const refused = expect(lonely.submit({ type: 'echo', payload: 'lost' })).rejects.toMatchObject({
      isRetryable: true,
    });
    expect(await untilLeads(scene, (leader) => leader !== 'first')).toBe('second');
    handles.push(...(await echoes(scene.client, 20)));
    await Promise.all(handles.map((handle) => handle.outcome()));
    await refused;
    await until(async () => (await first.copy())?.isLeader === false);
    const { sequence } = await scene.client.status();
    // What is read there is old, and says so.
    await until(async () => (await asOf()).leader === null);
    expect((await asOf()).sequence).toBeLessThan(sequence);
    expect((await fetch(`${http.url}/coordination/tasks?consistent=true`)).status).toBe(503);

    for (const { proxy } of links) proxy.heal();
    const copies = await untilSame([first, ...rest]);
    expect(new Set(copies.map(({ hash }) => hash)).size).toBe(1);
    await until(async () => (await asOf()).sequence >= sequence);
    await Promise.all([http.close(), lonely.close()]);
    const report = await expectEachOnce(scene, handles, others);
    expect(leadersOf(report).slice(0, 2)).toEqual(['1 first', '2 second']);
  },
  90_000,
);
