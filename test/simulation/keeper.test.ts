/** When the ledger may be shortened, and how far: rule 7. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { settingsFrom } from '../../src/domain/settings.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { defaultCharts } from '../../src/runtime/node.ts';
import type { SnapshotShelf } from '../../src/simulation/snapshot-shelf.ts';
import { Stage } from './behaviours/stage.ts';
import { keeperOf } from './keepers.ts';
import { watchPurges, type AskedPurge } from './purges.ts';

/** It begins when it is told to. */
const patient = settingsFrom({ snapshotEntries: 1_000, snapshotLookMs: 200 });
const often = { snapshotEntries: 20, snapshotLookMs: 200 };

async function worked(count: number, settings: object = {}): Promise<Stage> {
  const stage = new Stage(defaultCharts, 1, { settings });
  await work(stage, count);
  return stage;
}

async function work(stage: Stage, count: number): Promise<void> {
  stage.join({ a: { priority: 9 }, b: { priority: 5 } });
  await stage.led('a');
  await finish(stage, count);
}

async function finish(stage: Stage, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const task = await stage.ask(stage.client.submit({ type: 'work', payload: {} }));
    await stage.ask(task.result());
  }
}

test('a state that has not settled is not saved', async () => {
  const stage = await worked(10);
  const { snapshots } = stage.world.ledger(stage.fleet.name);
  let isSettled = false;
  const keeper = keeperOf(stage, { settings: patient, isSettled: () => isSettled });
  keeper.urge();
  await stage.run(2_000);
  expect(snapshots.complete).toEqual([]);
  isSettled = true;
  keeper.urge();
  await stage.run(2_000);
  expect(snapshots.complete.length).toBeGreaterThan(0);
  keeper.close();
});

test('while nobody leads, whoever can shortens a ledger that is full, and no other', async () => {
  const stage = await worked(10);
  const ledger = stage.world.ledger(stage.fleet.name);
  const keeper = keeperOf(stage, { settings: patient, isVacant: () => true });
  // Nobody leads, and nobody else can do anything about it.
  stage.fleet.kill('a');
  stage.world.host('b').pause();
  keeper.start();
  await stage.run(3_000);
  expect(ledger.snapshots.complete).toEqual([]);
  ledger.limitBytes(Math.floor(ledger.bytes * 1.1));
  await stage.run(3_000);
  expect(ledger.first).toBeGreaterThan(1);
  keeper.close();
});

test('nothing is purged that the older of two snapshots does not cover', async () => {
  const stage = new Stage(defaultCharts, 1, { settings: often });
  const asked: AskedPurge[] = [];
  watchPurges(stage.world.ledger(stage.fleet.name), (each) => asked.push(each));
  await work(stage, 60);
  await stage.run(1_000);
  expect(asked.length).toBeGreaterThan(1);
  expect(asked.filter(({ upTo, covered }) => upTo > covered)).toEqual([]);
  const { first, snapshots } = stage.world.ledger(stage.fleet.name);
  const [older, newer, ...more] = snapshots.complete.map(({ sequence }) => sequence);
  // One more where both saved one entry at once.
  expect(more).toEqual(more.length === 0 ? [] : [newer]);
  expect(newer).toBeGreaterThan(older ?? Infinity);
  expect(first).toBeGreaterThan(1);
  expect(first - 1).toBeLessThanOrEqual(older ?? 0);
});

test.each([1, 2, 3, 4, 5])(
  'two keepers that save one entry at once leave two snapshots, one in a hurry or not: seed %i',
  async (seed) => {
    const stage = new Stage(defaultCharts, seed, { settings: patient });
    const ledger = stage.world.ledger(stage.fleet.name);
    const asked: AskedPurge[] = [];
    watchPurges(ledger, (each) => asked.push(each));
    await work(stage, 10);
    const calm = keeperOf(stage, { settings: settingsFrom(often) });
    const hurried = keeperOf(stage, {
      ...stage.world.host('hurried').ports(stage.fleet.name),
      settings: patient,
    });
    for (const round of [1, 2]) {
      calm.look();
      await stage.until('a snapshot', () => ledger.snapshots.complete.length === round);
      await stage.run(1_000);
      await finish(stage, 10);
    }
    calm.look();
    hurried.urge();
    await stage.until('a purge by each', () => asked.length >= 3);
    await stage.run(1_000);
    expect(asked.filter(({ upTo, covered }) => upTo > covered)).toEqual([]);
    expect(ledger.snapshots.complete.length).toBeGreaterThan(1);
    calm.close();
    hurried.close();
  },
);

/** What a store does to what it takes, and says nothing of. Each returns how to mend it. */
const breakages: readonly (readonly [string, (shelf: SnapshotShelf) => () => void])[] = [
  [
    'changes a byte',
    (shelf) => {
      const receive = shelf.receive.bind(shelf);
      shelf.receive = (request) => {
        const { part } = request;
        receive(part.kind === 'chunk' ? { ...request, part: { ...part, data: other(part.data) } } : request);
      };
      return () => (shelf.receive = receive);
    },
  ],
  [
    'loses a chunk',
    (shelf) => {
      const chunk = shelf.chunk.bind(shelf);
      shelf.chunk = () => null;
      return () => (shelf.chunk = chunk);
    },
  ],
  [
    'has other bytes, under a hash that is theirs',
    (shelf) => {
      const receive = shelf.receive.bind(shelf);
      const hash = createHash('sha256');
      shelf.receive = (request) => {
        const { part } = request;
        if (part.kind === 'chunk') {
          const data = other(part.data);
          hash.update(data);
          receive({ ...request, part: { ...part, data } });
        } else {
          const manifest = { ...part.manifest, hash: hash.copy().digest('hex') };
          receive({ ...request, part: { ...part, manifest } });
        }
      };
      return () => (shelf.receive = receive);
    },
  ],
];

/** Of the same length; its last byte is another. */
function other(data: Uint8Array): Uint8Array {
  return data.map((byte, i) => (i === data.length - 1 ? byte ^ 0xff : byte));
}

test.each(breakages)(
  'a store that %s: nothing is purged for such a snapshot, it is dropped, and taken again later',
  async (_, breakIt) => {
    const stage = await worked(40);
    const ledger = stage.world.ledger(stage.fleet.name);
    const mend = breakIt(ledger.snapshots);
    const reasons: unknown[] = [];
    const warn = (fields: object): void => void reasons.push((fields as { reason?: unknown }).reason);
    const keeper = keeperOf(stage, { settings: patient, log: { ...silentLog, warn } });
    keeper.start();
    keeper.urge();
    await stage.until('it says so twice', () => reasons.length >= 2);
    for (const reason of reasons) expect(reason).toContain('did not come back as it was saved');
    expect([ledger.first, ledger.snapshots.names]).toEqual([1, []]);
    mend();
    await stage.until('the purge', () => ledger.first > 1);
    expect(ledger.snapshots.complete).toHaveLength(2);
    keeper.close();
  },
);

test('a snapshot that is not found after it was saved is no reason to purge, nor to drop it', async () => {
  const stage = await worked(40);
  const ledger = stage.world.ledger(stage.fleet.name);
  const { snapshots: shelf } = ledger;
  const reasons: unknown[] = [];
  const warn = (fields: object): void => void reasons.push((fields as { reason?: unknown }).reason);
  const keeper = keeperOf(stage, { settings: patient, log: { ...silentLog, warn } });
  const manifest = shelf.manifest.bind(shelf);
  shelf.manifest = () => null;
  keeper.start();
  keeper.urge();
  await stage.until('it says so', () => reasons.length > 0);
  expect(String(reasons[0])).toContain('was saved, and is not found');
  expect(ledger.first).toBe(1);
  expect(shelf.complete).toHaveLength(1);
  shelf.manifest = manifest;
  await stage.until('the purge', () => ledger.first > 1);
  keeper.close();
});
