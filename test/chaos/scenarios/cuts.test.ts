/** A leader whose way to the broker is cut, in both directions or in one, while everybody else goes on. */
import { expect, test } from 'vitest';
import { startHoldingProxy } from '../../support/holding-proxy.ts';
import { withServer } from '../../support/nats-server.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';
import { echoes, expectEachOnce, isAppend, leadersOf, untilLeads, untilSame, withStage } from './stage.ts';

const server = withServer();
const stage = withStage('cuts');
const settings = { leaderSilenceMs: 1_000, appendTimeoutMs: 500, appendResignMs: 1_500 };

/** `first` leads, and comes through the proxy. */
async function trio<T extends { readonly url: string; stop(): Promise<void> }>(begun: Promise<T>) {
  const scene = await stage.scene(server().url, settings);
  const proxy = stage.ending(await begun);
  const first = await scene.start({ id: 'first', priority: 3, servers: proxy.url });
  const others = await Promise.all([
    scene.start({ id: 'second', priority: 2 }),
    scene.start({ id: 'third', priority: 1 }),
  ]);
  return { scene, proxy, first, all: [first, ...others] };
}

test.each(['cut', 'stall'] as const)(
  'a leader that nothing reaches any more (%s) stops leading by itself, and one new term begins',
  async (how) => {
    const { scene, proxy, first, all } = await trio(startTcpProxy(server()));
    const handles = await echoes(scene.client, 20);
    await Promise.all(handles.map((handle) => handle.outcome()));
    proxy[how]();
    expect(await untilLeads(scene, (leader) => leader !== 'first')).toBe('second');
    handles.push(...(await echoes(scene.client, 20)));
    // Nobody can have told it.
    await until(async () => (await first.copy())?.isLeader === false);
    proxy.heal();
    await untilSame(all);
    const report = await expectEachOnce(scene, handles, server().url);
    expect(leadersOf(report)).toEqual(['1 first', '2 second']);
  },
);

test('what a leader sends that hears nothing any more is in the ledger once, whoever answers for it', async () => {
  const { scene, proxy, first, all } = await trio(startHoldingProxy(server()));
  const held = proxy.holdNext(isAppend);
  const submitted = echoes(scene.client, 20);
  await held.taken;
  proxy.swallow(() => true);
  const stored = await held.release();
  const landed = Number(/"seq":\s*(\d+)/.exec(stored)?.[1]);
  const handles = [...(await submitted), ...(await echoes(scene.client, 20))];
  expect((await scene.client.status()).leader).toBe('second');
  await until(async () => (await first.copy())?.isLeader === false);
  proxy.swallow(null);
  const copies = await untilSame(all);
  expect(new Set(copies.map(({ hash }) => hash)).size).toBe(1);
  const report = await expectEachOnce(scene, handles, server().url);
  expect(leadersOf(report)).toEqual(['1 first', '2 second']);
  expect(report.terms[1]?.sequence).toBeGreaterThan(landed);
});
