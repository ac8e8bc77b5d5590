/** Who may lead, who is asked, and what everybody can know of it: SPEC E1, E3, E5, E7. */
import { expect, test } from 'vitest';
import { defaultCharts } from '../../src/runtime/node.ts';
import { decode } from '../../src/wire/codec.ts';
import { subjectsOf } from '../../src/wire/subjects.ts';
import { Stage } from './behaviours/stage.ts';

const stageOf = (settings = {}): Stage => new Stage(defaultCharts, 1, { settings });

/** a has led and is gone; b finds that out, and cannot claim. */
async function stageWithoutLeader(): Promise<Stage> {
  const stage = stageOf();
  stage.join({ a: { priority: 3 }, b: { priority: 2 } });
  await stage.led('a');
  await stage.run(3_000);
  stage.world.setFaults({ readUnavailable: 1 });
  stage.fleet.kill('a');
  return stage;
}

test('health counts: the leader that feels ill loses the next election', async () => {
  const stage = stageOf();
  stage.join({ a: {}, b: {} });
  await stage.led('a');
  stage.node('a').condition.health = 0.4;
  await stage.stand({ a: 'alive', b: 'alive' });
  await stage.run(2_500);
  expect(await stage.ask(stage.client.elect())).toMatchObject({ leader: 'b', term: 2 });
  stage.over();
});

test('load counts: a leader with all its slots used loses the next election', async () => {
  const stage = stageOf();
  stage.join({ a: {}, b: { handlers: {} } });
  await stage.led('a');
  await stage.stand({ a: 'alive', b: 'alive' });
  await stage.becomes(await stage.submit({ ms: 20_000 }), 'running');
  await stage.run(2_500);
  expect(await stage.ask(stage.client.elect())).toMatchObject({ leader: 'b', term: 2 });
  stage.over();
});

test('who drains, or is not electable, does not stand, however good its score', async () => {
  const stage = stageOf();
  stage.join({ a: { priority: 1 }, b: {}, c: { priority: 99, electable: false }, d: { priority: 50 } });
  await stage.led('d');
  await stage.stand({ a: 'alive', b: 'alive', c: 'alive', d: 'alive' });
  await stage.ask(stage.client.drain('d'));
  await stage.run(2_500);
  expect(await stage.ask(stage.client.elect())).toMatchObject({ leader: 'a', term: 2 });
  stage.over();
});

test('a fleet of which nobody is electable has no leader; asked for one, it says so', async () => {
  const stage = stageOf();
  stage.join({ a: { electable: false }, b: { electable: false } });
  await stage.run(5_000);
  expect(stage.ledger.term).toBe(0);
  expect(await stage.refusalOf(stage.client.elect({ timeoutMs: 3_000 }))).toBe('NOBODY_ELECTABLE');
  expect(await stage.refusalOf(stage.client.status({ timeoutMs: 3_000 }))).toBe('NO_LEADER');
});

test('all dead: nobody leads; one that is started again leads', async () => {
  const stage = stageOf();
  stage.join({ a: {}, b: {} });
  await stage.led('a');
  for (const id of ['a', 'b']) stage.fleet.kill(id);
  await stage.run(1_000);
  expect(await stage.refusalOf(stage.client.elect({ timeoutMs: 3_000 }))).toBe('NOBODY_ELECTABLE');
  stage.fleet.revive('b');
  await stage.led('b', 15_000);
});

test('elections that are asked for at the same moment are one', async () => {
  const stage = stageOf();
  stage.join({ a: { priority: 1 }, b: {} });
  await stage.led('a');
  await stage.run(3_000);
  const clients = ['x', 'y', 'z'].map((id) => stage.fleet.client(id));
  const outcomes = await stage.ask(Promise.all(clients.map((client) => client.elect())));
  expect(outcomes).toEqual(outcomes.map(() => ({ leader: 'a', term: 2 })));
  await stage.run(3_000);
  expect(stage.ledger.term).toBe(2);
  stage.over();
});

test('an election that is asked for while nobody leads is granted by one that stands by, and held', async () => {
  const stage = await stageWithoutLeader();
  const { bus } = stage.world.host('x').ports(stage.fleet.name);
  const granted: unknown[] = [];
  const ask = (): void => {
    const wish = { subject: subjectsOf(stage.fleet.name).api('trigger'), data: new Uint8Array() };
    bus.request({ ...wish, timeoutMs: 100 }, (outcome) => {
      if (outcome.kind === 'reply' && outcome.headers['Nats-Service-Error'] === undefined)
        granted.push(decode(outcome.data));
      else ask();
    });
  };
  ask();
  await stage.until('it is granted', () => granted.length > 0);
  expect(granted).toEqual([{ term: 1 }]);
  expect(stage.fleet.leaders()).toEqual([]);
  stage.world.setFaults({});
  await stage.led('b');
});

test('everybody can know who leads, since when, in which term, who stood, and how many elections there were', async () => {
  const stage = stageOf();
  stage.join({ a: { priority: 3 }, b: { priority: 2 }, c: { priority: 1 } });
  await stage.led('a');
  await stage.run(3_000);
  await stage.ask(stage.client.elect());
  await stage.run(3_000);
  stage.fleet.kill('a');
  await stage.led('b');
  await stage.run(1_000);
  const { durationMs, sinceMs, ...election } = await stage.ask(stage.client.election());
  expect(election).toEqual({
    hasLeader: true,
    leader: 'b',
    term: 3,
    cause: 'leader.gone',
    candidates: [
      { id: 'b', score: 3 },
      { id: 'c', score: 2 },
    ],
    elections: 3,
    // From nobody to a, from a to b.
    leaderChanges: 2,
  });
  expect(durationMs).toBeGreaterThan(0);
  expect(durationMs).toBeLessThan(1_000);
  expect(sinceMs).toBeGreaterThanOrEqual(1_000);
  expect(sinceMs).toBeLessThan(2_000);
});

test('while nobody leads, those who stand by say so', async () => {
  const stage = await stageWithoutLeader();
  await stage.run(500);
  const status = await stage.ask(stage.client.election());
  expect(status).toMatchObject({ hasLeader: false, leader: null, sinceMs: null, term: 1, elections: 1 });
});
