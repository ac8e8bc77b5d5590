/** Claims of those who have not read everything: rule 1. */
import { expect, test } from 'vitest';
import type { Entry } from '../../src/domain/events.ts';
import type { AgentId, Incarnation } from '../../src/domain/ids.ts';
import { defaultCharts } from '../../src/runtime/node.ts';
import { decodeEntry, encodeEntry } from '../../src/wire/entry.ts';
import { Stage } from './behaviours/stage.ts';
import { connect } from './ledger-writer.ts';

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

/** Everything in the ledger. */
function entriesOf({ world, fleet }: Stage): Entry[] {
  return world.ledger(fleet.name).entries.flatMap(({ data }) => decodeEntry(data) ?? []);
}

test('whoever reads its own id in a term-start that another process wrote does not lead that term', async () => {
  const stage = new Stage(defaultCharts, 1);
  const ledger = stage.world.ledger(stage.fleet.name);
  const theirs: Entry = {
    v: 1,
    genesis: 'theirs',
    term: 1,
    leader: 'a' as AgentId,
    incarnation: 'another' as Incarnation,
    at: stage.world.host('x').ports(stage.fleet.name).clock.wallNow(),
    previous: '',
    events: [{ type: 'term.started', cause: 'start', candidates: [], durationMs: 0 }],
  };
  ledger.holdNextAppend('a');
  stage.join({ a: { handlers: {} } });
  await stage.until('a claims', () => ledger.held === 1);
  const x = connect(stage.world, 'x', stage.fleet.name);
  x.connection.append({ data: encodeEntry(theirs), expectedLast: 0, timeoutMs: 1_000 }, () => undefined);
  await stage.run(500);
  expect(stage.fleet.leaders()).toEqual([]);
  ledger.releaseHeld();
  await stage.until('a leads', () => stage.fleet.leaders().length === 1);
  expect(entriesOf(stage).map(({ term }) => term)).toEqual([1, 2]);
  expect(stage.fleet.leaders()).toMatchObject([{ id: 'a', term: 2 }]);
});

test('a ledger that is made anew begins under another name', async () => {
  const stage = new Stage(defaultCharts, 1);
  const ledger = stage.world.ledger(stage.fleet.name);
  stage.join({ a: { handlers: {} } });
  await stage.led('a');
  const names = new Set(entriesOf(stage).map(({ genesis }) => genesis));
  expect(names.size).toBe(1);
  stage.fleet.kill('a');
  ledger.recreate();
  stage.fleet.revive('a');
  await stage.until('it begins anew', () => ledger.last > 0);
  for (const { genesis } of entriesOf(stage)) expect(names).not.toContain(genesis);
});
