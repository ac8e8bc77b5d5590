/**
 * Appends that the network keeps back, or whose acknowledgements it loses: an entry lands in the slot that it was
 * written for, or nowhere. The leader's way to the broker goes through a proxy, that of the others does not.
 */
import { expect, test } from 'vitest';
import { startHoldingProxy } from '../../support/holding-proxy.ts';
import { withServer } from '../../support/nats-server.ts';
import { until } from '../../support/until.ts';
import {
  echoes,
  expectEachOnce,
  isAcknowledgement,
  isAppend,
  keepWorking,
  leadersOf,
  untilLeads,
  untilSame,
  withStage,
} from './stage.ts';

const server = withServer();
const stage = withStage('slots');
/** A silent leader is soon replaced, an append without an answer soon sent again. */
const settings = { leaderSilenceMs: 1_000, appendTimeoutMs: 300 };

async function trio() {
  const scene = await stage.scene(server().url, settings);
  const proxy = stage.ending(await startHoldingProxy(server()));
  const first = await scene.start({ id: 'first', priority: 3, servers: proxy.url });
  const [second, third] = await Promise.all([
    scene.start({ id: 'second', priority: 2 }),
    scene.start({ id: 'third', priority: 1 }),
  ]);
  return { scene, proxy, first, second, third };
}

async function timed(run: () => Promise<void>): Promise<number> {
  const from = performance.now();
  await run();
  return performance.now() - from;
}

test('an append that is let go when another term has its slot is refused, and nothing of it is begun or seen', async () => {
  const { scene, proxy, first, second, third } = await trio();
  const held = proxy.holdNext(isAppend);
  const submitted = echoes(scene.client, 20);
  await held.taken;
  first.signal('SIGSTOP');
  expect(await untilLeads(scene, (leader) => leader !== 'first')).toBe('second');
  const handles = [...(await submitted), ...(await echoes(scene.client, 20))];
  await Promise.all(handles.map((handle) => handle.outcome()));
  // 10071: wrong last sequence.
  expect(await held.release()).toContain('10071');
  first.signal('SIGCONT');
  handles.push(...(await echoes(scene.client, 20)));
  const report = await expectEachOnce(scene, handles, server().url);
  expect(leadersOf(report)).toEqual(['1 first', '2 second']);
  const copies = await untilSame([first, second, third]);
  expect(new Set(copies.map(({ hash }) => hash)).size).toBe(1);
});

test('an append that lands after its leader was killed, in a slot that is free, is part of what the next leader goes on from', async () => {
  const { scene, proxy, first, second, third } = await trio();
  const held = proxy.holdNext(isAppend);
  const submitted = echoes(scene.client, 20);
  await held.taken;
  // Nobody takes the slot meanwhile.
  for (const standby of [second, third]) standby.signal('SIGSTOP');
  first.signal('SIGKILL');
  await first.ended;
  const landed = Number(/"seq":\s*(\d+)/.exec(await held.release())?.[1]);
  for (const standby of [second, third]) standby.signal('SIGCONT');
  const handles = [...(await submitted), ...(await echoes(scene.client, 20))];
  const report = await expectEachOnce(scene, handles, server().url);
  expect(report.terms.map(({ term, sequence }) => [term, sequence > landed])).toEqual([
    [1, false],
    [2, true],
  ]);
});

test('an append that hangs is sent again into its slot, and the copy that comes late changes nothing', async () => {
  const { scene, proxy } = await trio();
  const held = proxy.holdNext(isAppend);
  const handles = await echoes(scene.client, 20);
  await held.taken;
  await Promise.all(handles.map((handle) => handle.outcome()));
  expect(await held.release()).toContain('10071');
  handles.push(...(await echoes(scene.client, 20)));
  const report = await expectEachOnce(scene, handles, server().url);
  expect(leadersOf(report)).toEqual(['1 first']);
});

test('of many acknowledgements one in five is lost: each task is there once, in one term, and then the fleet is as fast as before', async () => {
  const { scene, proxy } = await trio();
  const work = keepWorking(scene.client);
  // Processes are slow at first.
  await work.goesOn(100);
  const beforeMs = await timed(() => work.goesOn(300));
  let draw = 1;
  let lost = 0;
  proxy.swallow((frame) => {
    if (!isAcknowledgement(frame)) return false;
    // Numerical Recipes' generator: the same run every time.
    draw = (Math.imul(draw, 1_664_525) + 1_013_904_223) >>> 0;
    if (draw / 2 ** 32 >= 0.2) return false;
    lost += 1;
    return true;
  });
  await until(() => lost >= 10);
  proxy.swallow(null);
  await work.goesOn(100);
  // A third of its own pace at least, as soon as the machine lets it: a loss costs many times that.
  await until(async () => (await timed(() => work.goesOn(300))) < 3 * beforeMs);
  const report = await expectEachOnce(scene, await work.stop(), server().url);
  expect(leadersOf(report)).toEqual(['1 first']);
}, 90_000);
