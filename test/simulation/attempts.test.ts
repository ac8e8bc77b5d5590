/** Which attempts count, what keeps a slot, and what becomes of late ones, in whole simulated fleets: SPEC T6–T9. */
import { expect, test } from 'vitest';
import { defaultCharts } from '../../src/runtime/node.ts';
import { Stage } from './behaviours/stage.ts';

/** One that leads and has no handler, and `w`, which alone works. */
async function stageOf(): Promise<Stage> {
  const stage = new Stage(defaultCharts, 1, { settings: { leaveGraceMs: 200 } });
  stage.join({ a: { priority: 1, handlers: {} }, b: { handlers: {} } });
  await stage.led('a');
  stage.join({ w: { electable: false } });
  await stage.stand({ a: 'alive', b: 'alive', w: 'alive' });
  return stage;
}

const endsOf = (stage: Stage, id: string): (string | null)[] => stage.task(id).attempts.map(({ end }) => end);

test('a handler that ignores the abort keeps its slot until it returns', async () => {
  const stage = await stageOf();
  const deaf = await stage.submit({ ms: 3_000, isDeaf: true }, { runTimeoutMs: 500, maxRetries: 0 });
  await stage.becomes(deaf, 'failed', 2_000);
  const next = await stage.submit({});
  await stage.run(1_500);
  expect(stage.aborted).toEqual([`w ${deaf}/1`]);
  expect(stage.task(next).status).toBe('pending');
  expect((await stage.ask(stage.client.explain(next))).agents).toMatchObject([
    {
      id: 'w',
      obstacles: [{ kind: 'slots', text: expect.stringContaining('1 by handlers that go on') as string }],
    },
    { id: 'a' },
    { id: 'b' },
  ]);
  await stage.becomes(next, 'completed', 2_000);
  stage.over();
});

test('an attempt that never started does not count', async () => {
  const stage = await stageOf();
  stage.world.host('w').pause();
  const id = await stage.submit({}, { maxRetries: 0 });
  await stage.becomes(id, 'assigned');
  await stage.stand({ w: 'dead' });
  await stage.becomes(id, 'pending');
  stage.join({ v: { electable: false } });
  await stage.becomes(id, 'completed');
  expect(endsOf(stage, id)).toEqual(['lost', 'completed']);
  expect(stage.task(id).failures).toBe(0);
});

test('an attempt that a leaving agent hands back does not count', async () => {
  const stage = await stageOf();
  const id = await stage.submit({ ms: 60_000, isDeaf: true }, { maxRetries: 0 });
  await stage.becomes(id, 'running');
  stage.node('w').leave();
  await stage.becomes(id, 'pending');
  expect(endsOf(stage, id)).toEqual(['returned']);
  expect(stage.task(id).failures).toBe(0);
});

test('an attempt that was lost while it ran counts, and what a thawed agent says of it is refused: its handler is told to stop', async () => {
  const stage = await stageOf();
  const id = await stage.submit({ ms: 15_000 }, { maxRetries: 1 });
  await stage.becomes(id, 'running');
  stage.world.host('w').pause();
  await stage.stand({ w: 'dead' });
  stage.join({ v: { electable: false } });
  await stage.until('v runs it', () => stage.task(id).attempt === 2 && stage.task(id).status === 'running');
  expect(stage.task(id).failures).toBe(1);
  stage.world.host('w').resume();
  await stage.until('w is told to stop', () => stage.aborted.includes(`w ${id}/1`));
  await stage.becomes(id, 'completed', 20_000);
  expect(endsOf(stage, id)).toEqual(['lost', 'completed']);
  expect(stage.task(id).result).toBe('done by v');
  expect(stage.aborted).toEqual([`w ${id}/1`]);
  stage.over();
});

/** Throws whatever is done with it. */
const hostile: unknown = new Proxy(
  {},
  {
    getPrototypeOf: () => {
      throw new Error('not to be looked at');
    },
    get: () => {
      throw new Error('not to be read');
    },
  },
);

test.each([
  ['an error without a message', Object.assign(new Error(), { message: undefined })],
  ['an object that has no text', Object.create(null) as unknown],
  ['what cannot be looked at', hostile],
])('a handler that throws %s has failed, and its agent goes on', async (_, thrown) => {
  const stage = await stageOf();
  const handlers = {
    work: () => {
      throw thrown;
    },
    other: () => 'done',
  };
  stage.join({ v: { electable: false, capabilities: ['odd'], handlers } });
  await stage.stand({ v: 'alive' });
  const odd = await stage.submit({}, { requiredCapabilities: ['odd'], maxRetries: 0 });
  await stage.becomes(odd, 'failed');
  const next = await stage.ask(stage.client.submit({ type: 'other' }));
  await stage.becomes(next.id, 'completed');
  stage.over();
});
