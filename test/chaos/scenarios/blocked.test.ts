/** A standby whose process stands still while far more is written than it could keep in mind. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openLedgerGauge } from '../../../bench/gauge.ts';
import type { Fleet } from '../../../src/index.ts';
import { withServer } from '../../support/nats-server.ts';
import { until } from '../../support/until.ts';
import { untilSame, withStage } from './stage.ts';

const server = withServer();
const stage = withStage('blocked');
/** What ended is soon forgotten, so that what a process keeps is small. */
const settings = { endedTasksMax: 20, snapshotEntries: 60, snapshotLookMs: 100 };
const payload = 'x'.repeat(200_000);
const MiB = 1024 ** 2;

/** The most that a process has had in memory so far. */
function peakBytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

async function flood(client: Fleet, bytes: number): Promise<void> {
  let sent = 0;
  const loop = async (): Promise<void> => {
    while (sent < bytes) {
      sent += payload.length;
      const handle = await client.submit({ type: 'slow', payload: { ms: 0, payload } });
      await handle.outcome();
    }
  };
  await Promise.all(Array.from({ length: 8 }, loop));
}

test('a standby that stands still through a flood has, once it goes on, what the others have, and kept little of it in memory', async () => {
  const scene = await stage.scene(server().url, settings);
  const first = await scene.start({ id: 'first', priority: 3 });
  const [second, third] = await Promise.all([
    scene.start({ id: 'second', handles: [] }),
    scene.start({ id: 'third', handles: [] }),
  ]);
  await flood(scene.client, 20 * MiB);
  await untilSame([first, second, third]);
  const read = (await second.copy())?.sequence ?? 0;
  const peak = peakBytes(second.pid);
  second.signal('SIGSTOP');
  await flood(scene.client, 100 * MiB);
  const gauge = await openLedgerGauge(server().url, scene.fleet);
  // What it would read next is not there any more.
  await until(async () => (await gauge.read()).first > read + 1);
  await gauge.close();
  second.signal('SIGCONT');
  const copies = await untilSame([first, second, third]);
  expect(new Set(copies.map(({ hash }) => hash)).size).toBe(1);
  expect(peakBytes(second.pid) - peak).toBeLessThan(100 * MiB);
}, 90_000);
