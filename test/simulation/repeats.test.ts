/** Requests whose first answer is lost: their repeat is answered as the first was, not refused for what it did. */
import { expect, test } from 'vitest';
import { defaultCharts } from '../../src/runtime/node.ts';
import type { Reception } from '../../src/runtime/reception.ts';
import { Stage } from './behaviours/stage.ts';

async function led(): Promise<{ readonly stage: Stage; readonly reception: Reception }> {
  const stage = new Stage(defaultCharts, 1);
  stage.join({ a: { slots: 1 } });
  await stage.led('a');
  const reception = stage.fleet.nodes.get('a')?.contender?.office?.reception;
  if (reception === undefined) throw new Error('a does not lead');
  return { stage, reception };
}

/** The next answer of the leader never arrives. */
function loseNextAnswer(reception: Reception): void {
  const answer = reception.answer.bind(reception);
  reception.answer = () => {
    reception.answer = answer;
  };
}

test('a cancel whose answer is lost is told that it is cancelled', async () => {
  const { stage, reception } = await led();
  const id = await stage.submit({}, { delayMs: 100_000 });
  loseNextAnswer(reception);
  expect(await stage.ask(stage.client.cancel(id))).toBe('cancelled');
  await expect(stage.ask(stage.client.cancel(id))).rejects.toMatchObject({ code: 'ALREADY_ENDED' });
});

test('a retry whose answer is lost is not refused', async () => {
  const { stage, reception } = await led();
  const id = await stage.submit({ failures: 1 }, { maxRetries: 0 });
  await stage.becomes(id, 'failed');
  loseNextAnswer(reception);
  await stage.ask(stage.client.retry(id));
  await stage.becomes(id, 'completed');
});

test('a submit that is in the ledger is answered as such, also when the ledger is full by then', async () => {
  const { stage, reception } = await led();
  const ledger = stage.world.ledger(stage.fleet.name);
  const answer = reception.answer.bind(reception);
  reception.answer = () => undefined;
  const submitting = stage.client.submit({ type: 'work', payload: {} });
  await stage.run(1_000);
  reception.answer = answer;
  const readBounds = ledger.readBounds.bind(ledger);
  ledger.readBounds = () => {
    const bounds = readBounds();
    return bounds?.kind === 'bounds' ? { ...bounds, bytes: bounds.bytesMax } : bounds;
  };
  await stage.run(6_000);
  const { id } = await stage.ask(submitting);
  expect(stage.ledger.tasks.size).toBe(1);
  expect([...stage.ledger.tasks.keys()]).toEqual([id]);
  await expect(stage.ask(stage.client.submit({ type: 'work' }), 60_000)).rejects.toMatchObject({
    code: 'LIMIT_REACHED',
  });
});

test('a submit whose body has its keys in another order is the same one; with another value it is a conflict', async () => {
  const { stage } = await led();
  const of = (payload: object) =>
    stage.ask(stage.client.submit({ type: 'work', payload, idempotencyKey: 'once' }));
  const { id } = await of({ a: 1, b: { c: [{ d: 1, e: 2 }], f: null } });
  expect((await of({ b: { f: null, c: [{ e: 2, d: 1 }] }, a: 1 })).id).toBe(id);
  await expect(of({ a: 1, b: { c: [{ d: 1, e: 3 }], f: null } })).rejects.toMatchObject({ code: 'CONFLICT' });
});
