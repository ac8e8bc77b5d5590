/** Claims of those who have not read everything: rule 1. */
import { expect, test } from 'vitest';
import { defaultCharts } from '../../src/runtime/node.ts';
import { Stage } from './behaviours/stage.ts';

test('a claim that is behind reads what it has missed, and wins', async () => {
  const stage = new Stage(defaultCharts, 1);
  stage.join({ a: { priority: 9, handlers: {} }, b: { priority: 5, handlers: {} } });
  await stage.led('a');
  await stage.until('b could lead', () => stage.node('b').contender?.isStandby === true);
  await stage.run(3_000);
  // What is written from now on reaches b late.
  stage.world.setFaults({ followerLate: 1 });
  for (let i = 0; i < 5; i += 1) await stage.submit({});
  const { last } = stage.world.ledger(stage.fleet.name);
  expect(stage.node('b').contender?.replica.state.sequence).toBeLessThan(last);
  stage.fleet.kill('a');
  await stage.led('b', 1_500);
  expect(stage.ledger.fencingToken).toBe(last + 1);
  stage.over();
});
