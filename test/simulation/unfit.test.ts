/** A leader that cannot append, and has nothing to append: rule 8. */
import { expect, test } from 'vitest';
import { defaultCharts } from '../../src/runtime/node.ts';
import { Stage } from './behaviours/stage.ts';

test('who leads and is cut off says soon that it does not lead, and leads no more when an append would be given up', async () => {
  const stage = new Stage(defaultCharts, 1);
  stage.join({ a: { handlers: {} } });
  await stage.led('a');
  await stage.run(3_000);
  const leads = (): boolean => stage.node('a').contender?.isLeading === true;
  const sits = (): boolean => stage.node('a').contender?.office !== null;
  const { last } = stage.world.ledger(stage.fleet.name);
  stage.world.host('a').cut();
  await stage.until('it says that it does not lead', () => !leads(), 6_000);
  expect(sits()).toBe(true);
  await stage.until('it leads no more', () => !sits(), 6_000);
  expect(stage.world.ledger(stage.fleet.name).last).toBe(last);
  stage.world.host('a').heal();
  await stage.led('a');
  stage.over();
});
