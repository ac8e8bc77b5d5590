/** What stands in one entry, and what waits for it: rule 3 and the answers, in a whole fleet. */
import { expect, test } from 'vitest';
import type { Entry } from '../../src/domain/events.ts';
import type { Settings } from '../../src/domain/settings.ts';
import { defaultCharts } from '../../src/runtime/node.ts';
import { encode } from '../../src/wire/codec.ts';
import { decodeEntry } from '../../src/wire/entry.ts';
import { subjectsOf, type ApiVerb } from '../../src/wire/subjects.ts';
import { Stage } from './behaviours/stage.ts';

async function played(settings: Partial<Settings> = {}): Promise<Stage> {
  const stage = new Stage(defaultCharts, 1, { settings });
  stage.join({ a: { handlers: {} } });
  await stage.led('a');
  await stage.stand({ a: 'alive' });
  await stage.run(1_000);
  return stage;
}

function storedIn(stage: Stage): readonly { readonly entry: Entry; readonly bytes: number }[] {
  return stage.world.ledger(stage.fleet.name).entries.flatMap(({ data }) => {
    const entry = decodeEntry(data);
    return entry === null ? [] : [{ entry, bytes: data.length }];
  });
}

interface Asking {
  readonly ask: (verb: ApiVerb, body: object) => void;
  /** What came back, in order: `answered`, the code of a refusal, or how it failed. */
  readonly heard: readonly string[];
}

/** Asks whoever leads, once each. */
function asking(stage: Stage): Asking {
  const { bus } = stage.world.host('client').ports(stage.fleet.name);
  const subjects = subjectsOf(stage.fleet.name);
  const heard: string[] = [];
  const ask = (verb: ApiVerb, body: object): void => {
    const message = { subject: subjects.api(verb), data: encode(body, 'json'), timeoutMs: 60_000 };
    bus.request(message, (outcome) => {
      const refusal = outcome.kind === 'reply' ? outcome.headers['Nats-Service-Error-Code'] : outcome.kind;
      heard.push(refusal ?? 'answered');
    });
  };
  return { ask, heard };
}

test('what one decision does stands in one entry', async () => {
  const stage = await played();
  await stage.ask(stage.client.submitMany([1, 2, 3, 4, 5].map((payload) => ({ type: 'unknown', payload }))));
  const sizes = storedIn(stage).map(
    ({ entry }) => entry.events.filter(({ type }) => type === 'task.submitted').length,
  );
  expect(sizes.filter((size) => size > 0)).toEqual([5]);
  stage.over();
});

test('an entry is bounded by its bytes and by its events', async () => {
  const limits = { entryEventsMax: 10, payloadBytesMax: 1_000, entryBytesMax: 3_000 };
  const stage = await played(limits);
  const { ask, heard } = asking(stage);
  for (let i = 0; i < 40; i += 1) ask('submit', { type: 'small' });
  for (let i = 0; i < 20; i += 1) ask('submit', { type: 'large', payload: 'x'.repeat(900) });
  await stage.until('all were answered', () => heard.length === 60);
  expect(new Set(heard)).toEqual(new Set(['answered']));
  for (const { entry, bytes } of storedIn(stage)) {
    // What came last is decided on as a whole: a submit is two events.
    expect(entry.events.length).toBeLessThanOrEqual(limits.entryEventsMax + 2);
    expect(bytes).toBeLessThanOrEqual(limits.entryBytesMax + 1_000);
  }
  stage.over();
});

test('an entry is bounded also by the voters that its proposals name', async () => {
  const limits = { payloadBytesMax: 20_000, entryBytesMax: 60_000 };
  const stage = await played(limits);
  const { ask, heard } = asking(stage);
  const voters = Array.from({ length: 150 }, (_, i) => `${'v'.repeat(55)}_${i}`);
  for (let i = 0; i < 20; i += 1) ask('propose', { type: 'policy', voters });
  await stage.until('all were answered', () => heard.length === 20);
  expect(new Set(heard)).toEqual(new Set(['answered']));
  for (const { bytes } of storedIn(stage)) expect(bytes).toBeLessThanOrEqual(limits.entryBytesMax);
  stage.over();
});

test('a read shows nothing that is not in the ledger', async () => {
  const stage = await played();
  const { ask, heard } = asking(stage);
  const ledger = stage.world.ledger(stage.fleet.name);
  ledger.holdNextAppend();
  ask('submit', { type: 'unknown' });
  await stage.run(50);
  ask('tasks', {});
  ask('status', {});
  await stage.run(200);
  expect(heard).toEqual([]);
  ledger.releaseHeld();
  await stage.until('all were answered', () => heard.length === 3);
  stage.over();
});

test('too much that waits for the ledger is refused', async () => {
  const stage = await played({ entryEventsMax: 2 });
  const { ask, heard } = asking(stage);
  const ledger = stage.world.ledger(stage.fleet.name);
  ledger.holdNextAppend();
  for (let i = 0; i < 100; i += 1) ask('submit', { type: 'unknown' });
  await stage.run(200);
  const refused = heard.length;
  expect(new Set(heard)).toEqual(new Set(['429']));
  expect(refused).toBeGreaterThan(20);
  ledger.releaseHeld();
  await stage.until('all were answered', () => heard.length === 100);
  expect(heard.filter((each) => each === 'answered')).toHaveLength(100 - refused);
  stage.over();
});
