/** A ledger of three copies whose servers elect among themselves: nobody can append for a while, and nothing else is wrong. */
import { expect, test } from 'vitest';
import { defaultCharts } from '../../src/runtime/node.ts';
import { Stage } from './behaviours/stage.ts';

const seeds = Array.from({ length: 40 }, (_, i) => i + 1);

test.each(seeds)('the leader keeps its term meanwhile (seed %i)', async (seed) => {
  const stage = new Stage(defaultCharts, seed, { world: { ledgerReplicas: 3 } });
  stage.join({ ada: { priority: 2 }, bob: {}, cyd: {} });
  await stage.led('ada');
  await stage.stand({ ada: 'alive', bob: 'alive', cyd: 'alive' });
  const { term } = stage.ledger;
  // NATS's takes 4 to 10 s.
  stage.world.ledger(stage.fleet.name).failOver(4_000 + 150 * seed);
  const task = await stage.world.settle(stage.client.submit({ type: 'work', payload: {} }), {
    withinMs: 30_000,
  });
  await stage.becomes(task.id, 'completed');
  expect([stage.ledger.term, stage.ledger.leader?.id]).toEqual([term, 'ada']);
});
