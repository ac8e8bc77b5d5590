/** How a client asks whoever leads, when more than one process thinks that it does. */
import { expect, test } from 'vitest';
import type { Incoming } from '../../src/ports.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { Rejections } from '../../src/runtime/rejections.ts';
import { answer, refuse } from '../../src/runtime/respond.ts';
import { Caller } from '../../src/sdk/caller.ts';
import { SimulatedFleet, SimulatedWorld } from '../../src/simulation/index.ts';
import { encode } from '../../src/wire/codec.ts';
import { subjectsOf } from '../../src/wire/subjects.ts';
import { heardBy } from './talk.ts';

const subjects = subjectsOf('red');
const json = { 'Content-Type': 'application/json' };

interface Played {
  readonly world: SimulatedWorld;
  readonly caller: Caller;
  /** Answers every `barrier` of the client with what comes of it. */
  serve(handle: (message: Incoming) => void): { close(): void };
  /** What a call came to. */
  asked(timeoutMs?: number): Promise<unknown>;
}

function play(): Played {
  const world = new SimulatedWorld({ seed: 1 });
  const ports = world.host('client').ports('red');
  const { bus } = world.host('leader').ports('red');
  const rejections = new Rejections(ports.clock, silentLog);
  const caller = new Caller({ ports, subjects, rejections, timeoutMs: 5_000 });
  return {
    world,
    caller,
    serve: (handle) => bus.subscribe(subjects.api('barrier'), handle),
    asked: (timeoutMs = 5_000) =>
      world.settle(
        caller.ask('barrier', {}, { timeoutMs }).catch((error: unknown) => error),
        { withinMs: 10_000 },
      ),
  };
}

test('an answer says in which term it was given, and up to which sequence it can be seen', async () => {
  const played = play();
  played.serve((message) => answer(message, { who: 'b' }, { term: 3, sequence: 12 }));
  expect(await played.asked()).toEqual({ value: { who: 'b' }, term: 3, sequence: 12 });
});

test('after an answer of a newer term, one of an older term counts as none', async () => {
  const played = play();
  const newer = played.serve((message) => answer(message, { who: 'b' }, { term: 2, sequence: 9 }));
  expect(await played.asked()).toMatchObject({ value: { who: 'b' } });
  newer.close();
  const older = played.serve((message) => answer(message, { who: 'a' }, { term: 1, sequence: 5 }));
  expect(await played.asked(1_000)).toMatchObject({ code: 'TIMEOUT' });
  older.close();
  played.serve((message) => refuse(message, { code: 'CONFLICT', message: 'no' }, { term: 1, sequence: 5 }));
  expect(await played.asked(1_000)).toMatchObject({ code: 'TIMEOUT' });
});

test('word of an election is a reason to ask anew, and no proof: anybody can spread it', async () => {
  const played = play();
  played.serve((message) => answer(message, { who: 'a' }, { term: 1, sequence: 5 }));
  played.world.runFor(100);
  const { bus } = played.world.host('leader').ports('red');
  bus.publish({
    subject: subjects.event('leader.elected'),
    data: encode({ kind: 'leader.elected', sequence: 6, term: 9_000, at: 0, items: [] }, 'json'),
    headers: json,
  });
  played.world.runFor(100);
  expect(await played.asked(1_000)).toMatchObject({ value: { who: 'a' } });
});

test('where a watcher hears every request, nobody is told that nobody is there: a request is asked again all the same', async () => {
  const played = play();
  const heard = heardBy(played.world.host('watcher').ports('red').bus, 'conclave.>');
  const answered = played.asked();
  played.world.after(3_000, () => {
    played.serve((message) => answer(message, { who: 'a' }, { term: 1, sequence: 5 }));
  });
  expect(await answered).toMatchObject({ value: { who: 'a' } });
  expect(heard.length).toBeGreaterThan(1);
});

test('a ledger that was made anew begins with term 1: that is believed once the old one is silent for long', async () => {
  const played = play();
  const old = played.serve((message) => answer(message, { who: 'b' }, { term: 7, sequence: 900 }));
  expect(await played.asked()).toMatchObject({ term: 7 });
  old.close();
  played.serve((message) => answer(message, { who: 'a' }, { term: 1, sequence: 2 }));
  expect(await played.asked(1_000)).toMatchObject({ code: 'TIMEOUT' });
  played.world.runFor(30_000);
  expect(await played.asked()).toMatchObject({ term: 1, value: { who: 'a' } });
});

test('a wish for an election that nobody can hear ends as nobody electable', async () => {
  const { world, caller } = play();
  const wish = caller.ask('trigger', {}, { timeoutMs: 1_000 });
  const outcome = world.settle(wish, { withinMs: 5_000 });
  await expect(outcome).rejects.toMatchObject({ code: 'NOBODY_ELECTABLE', isRetryable: false });
});

test('task types that are words of JavaScript can be submitted, and nobody is kept from reading what there is', async () => {
  const world = new SimulatedWorld({ seed: 1 });
  const fleet = new SimulatedFleet(world);
  fleet.join('ada');
  const client = fleet.client();
  for (const type of ['constructor', '__proto__', 'prototype', 'toString'])
    await world.settle(client.submit({ type }));
  const { tasks, byType } = await world.settle(client.tasks());
  expect(tasks.map(({ type }) => type)).toEqual(['constructor', '__proto__', 'prototype', 'toString']);
  expect(Object.values(byType)).toEqual([1, 1, 1, 1]);
  expect((await world.settle(client.status())).tasks.total).toBe(4);
  expect((await world.settle(client.metrics())).tasks.total).toBe(4);
});

test.each([
  [
    'a call with a key is not repeated when the fleet may have forgotten it, however patient it is',
    { key: 'k' },
    'TIMEOUT',
  ],
  ['a call without a key is', {}, 'done'],
])('%s', async (_, body, what) => {
  const played = play();
  const deaf = played.serve(() => undefined);
  const asked = played.caller.ask('barrier', body, { timeoutMs: 600_000 }).then(
    () => 'done',
    (error: unknown) => (error as { code: string }).code,
  );
  played.world.runFor(5_000);
  deaf.close();
  played.world.runFor(120_000);
  played.serve((message) => answer(message, { who: 'b' }, { term: 2, sequence: 9 }));
  expect(await played.world.settle(asked, { withinMs: 600_000 })).toBe(what);
});

test('a call with a key is not repeated after its machine was suspended for long', async () => {
  const played = play();
  const deaf = played.serve(() => undefined);
  const asked = played.caller.ask('status', { key: 'k' }, { timeoutMs: 60_000 }).then(
    () => 'done',
    (error: unknown) => (error as { code: string }).code,
  );
  played.world.runFor(500);
  // Monotonic time stood still meanwhile.
  played.world.host('client').skewWall(3_600_000);
  deaf.close();
  played.serve((message) => answer(message, { who: 'b' }, { term: 2, sequence: 9 }));
  expect(await played.world.settle(asked, { withinMs: 60_000 })).toBe('TIMEOUT');
});
