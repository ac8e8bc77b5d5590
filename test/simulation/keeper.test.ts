/** When the ledger may be shortened, and how far: rule 7. */
import { expect, test } from 'vitest';
import { settingsFrom } from '../../src/domain/settings.ts';
import { defaultCharts } from '../../src/runtime/node.ts';
import { Stage } from './behaviours/stage.ts';
import { keeperOf } from './keepers.ts';

/** It begins when it is told to. */
const patient = settingsFrom({ snapshotEntries: 1_000, snapshotLookMs: 200 });
const often = { snapshotEntries: 20, snapshotLookMs: 200 };

async function worked(count: number, settings: object = {}): Promise<Stage> {
  const stage = new Stage(defaultCharts, 1, { settings });
  stage.join({ a: { priority: 9 }, b: { priority: 5 } });
  await stage.led('a');
  for (let i = 0; i < count; i += 1) {
    const task = await stage.ask(stage.client.submit({ type: 'work', payload: {} }));
    await stage.ask(task.result());
  }
  return stage;
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
  const stage = await worked(60, often);
  await stage.run(1_000);
  const { first, snapshots } = stage.world.ledger(stage.fleet.name);
  const [older, newer, ...more] = snapshots.complete.map(({ sequence }) => sequence);
  expect(more).toEqual([]);
  expect(newer).toBeGreaterThan(older ?? Infinity);
  expect(first).toBeGreaterThan(1);
  expect(first - 1).toBeLessThanOrEqual(older ?? 0);
});
