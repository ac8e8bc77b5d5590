/** The last entry of a term: rule 10. Whatever is asked of a leader that hands over, nothing follows it. */
import { expect, test } from 'vitest';
import { defaultCharts } from '../../src/runtime/node.ts';
import { Stage } from './behaviours/stage.ts';

test('nothing is appended in a term after its handover, whatever is asked while it is under way', async () => {
  const stage = new Stage(defaultCharts, 1);
  stage.join({ a: { priority: 2 }, b: { priority: 1 } });
  await stage.led('a');
  await stage.run(3_000);
  const office = stage.fleet.nodes.get('a')?.contender?.office;
  const ledger = stage.world.ledger(stage.fleet.name);
  const { last } = ledger;
  office?.resign('leave');
  // Stored, and its acknowledgement is on the way.
  stage.world.runUntil(() => ledger.last > last, { withinMs: 1_000 });
  expect(office?.isResigning).toBe(true);
  office?.verify();
  await stage.until('b leads', () => stage.ledger.term === 2 && stage.ledger.leader?.id === 'b');
  await stage.run(3_000);
  stage.witness.conclude();
  expect(stage.witness.problems).toEqual([]);
  expect(stage.fleet.leader()?.id).toBe('b');
});
