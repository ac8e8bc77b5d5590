/** What a replica makes of a ledger that is not what it should be: rules 6 and 7. */
import { expect, test } from 'vitest';
import { charts } from '../../actors/table.ts';
import type { Entry } from '../../src/domain/events.ts';
import type { AgentId, Incarnation } from '../../src/domain/ids.ts';
import { snapshotOf } from '../../src/domain/snapshot.ts';
import { emptyState, type FleetState } from '../../src/domain/state.ts';
import type { LedgerConnection } from '../../src/ports.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { Replica } from '../../src/runtime/replica.ts';
import { loadNewest, restoredFrom, type Loaded } from '../../src/runtime/snapshot-loader.ts';
import { encode } from '../../src/wire/codec.ts';
import { encodeEntry, hashOf } from '../../src/wire/entry.ts';
import { connect } from './ledger-writer.ts';
import { bytes, portsOf, worldOf } from './talk.ts';

const first: Entry = {
  v: 1,
  genesis: 'g',
  term: 1,
  leader: 'a' as AgentId,
  incarnation: 'a-1' as Incarnation,
  at: 1_750_000_000_000,
  previous: '',
  events: [{ type: 'term.started', cause: 'start', candidates: [], durationMs: 0 }],
};

/** As the leader of the term would go on. */
function after(before: Entry, change: Partial<Entry> = {}): Entry {
  return { ...before, previous: hashOf(encodeEntry(before)), events: [], ...change };
}

function reader() {
  const world = worldOf();
  const broken: string[] = [];
  const replica = new Replica({
    ...portsOf(world, 'a'),
    charts,
    log: silentLog,
    lossPatienceMs: 12_000,
    onEntry: () => undefined,
    onAdopted: () => undefined,
    onBroken: ({ code, message }) => broken.push(`${code} ${message}`),
  });
  const receive = (sequence: number, entry: Entry): void => replica.receive(sequence, encodeEntry(entry));
  return { world, replica, receive, broken };
}

const wrongs: readonly (readonly [string, Uint8Array])[] = [
  ['a break in the chain of hashes', encodeEntry(after(first, { previous: 'another' }))],
  ['an entry of another ledger', encodeEntry(after(first, { genesis: 'another' }))],
  ['an entry of another term', encodeEntry(after(first, { term: 2 }))],
  ['a term that was left out', encodeEntry(after(first, { term: 3, events: first.events }))],
  [
    'an entry of somebody who does not lead',
    encodeEntry(after(first, { incarnation: 'b-1' as Incarnation })),
  ],
  ['what cannot be read', bytes('not an entry')],
];

test.each(wrongs)('%s stops it, for good', (_, wrong) => {
  const { replica, receive, broken } = reader();
  receive(1, first);
  replica.receive(2, wrong);
  expect(broken).toEqual([expect.stringMatching(/^LEDGER_BROKEN ledger entry 2 /)]);
  receive(2, after(first));
  expect({ isBroken: replica.isBroken, sequence: replica.state.sequence }).toEqual({
    isBroken: true,
    sequence: 1,
  });
});

test('an entry of another ledger is called that, whatever else is wrong with it', () => {
  const { receive, broken } = reader();
  receive(1, first);
  receive(2, after(first, { genesis: 'another', term: 7, previous: 'another' }));
  expect(broken).toEqual([expect.stringContaining('ledger entry 2 belongs to another ledger than g')]);
});

test('nothing stands behind the handover of a term but the next term', () => {
  const { replica, receive, broken } = reader();
  const handover = after(first, { events: [{ type: 'term.handedOver', reason: 'leave' }] });
  receive(1, first);
  receive(2, handover);
  receive(3, after(handover));
  expect(broken).toEqual([expect.stringContaining('stands after the handover of its term')]);
  expect(replica.state.sequence).toBe(2);
});

test('another ledger in place of the one that was followed is noticed, also after a replay from nothing', () => {
  const { replica, receive, broken } = reader();
  receive(1, first);
  replica.restart();
  receive(1, { ...first, genesis: 'another' });
  expect(broken).toEqual([expect.stringContaining('belongs to another ledger than g')]);
});

test('what was committed and is written anew is noticed, also after a replay from nothing', () => {
  const { replica, receive, broken } = reader();
  receive(1, first);
  replica.restart();
  receive(1, { ...first, at: first.at + 1 });
  expect(broken).toEqual([expect.stringContaining('is not what was committed there')]);
});

test('a ledger whose beginning is gone, and in no snapshot, stops it, and not before a snapshot had time to come', () => {
  const { world, replica, broken } = reader();
  const entries = [first];
  for (let last = first; entries.length < 4; entries.push(last)) last = after(last);
  const writer = connect(world, 'writer');
  for (const [expectedLast, entry] of entries.entries())
    writer.connection.append({ data: encodeEntry(entry), expectedLast, timeoutMs: 1_000 }, () => undefined);
  world.runFor(1_000);
  world.ledger('f').purgeBelow(3);
  replica.follow();
  world.runFor(1_000);
  expect(broken).toEqual([]);
  world.runFor(30_000);
  expect(broken).toEqual([
    expect.stringContaining('the ledger begins at 3, and no snapshot covers the entries before it'),
  ]);
});

function stateOf(genesis: string, sequence: number): FleetState {
  return { ...emptyState(), genesis, sequence };
}

function dataOf(genesis: string, sequence: number): Uint8Array {
  return encode(snapshotOf(stateOf(genesis, sequence), { lastHash: 'h' }), 'msgpack');
}

test('a snapshot of another entry than its name says is not used', () => {
  const stored = { name: '9-x', sequence: 9, bytes: 0, hash: '' };
  expect(restoredFrom(dataOf('g', 9), stored, silentLog)?.state.sequence).toBe(9);
  expect(restoredFrom(dataOf('g', 8), stored, silentLog)).toBeNull();
});

test('a snapshot of another ledger is passed over for an older one of this', () => {
  const world = worldOf();
  const { ledger } = portsOf(world, 'a');
  let saved = 0;
  const save = (connection: LedgerConnection, genesis: string, sequence: number): void =>
    connection.snapshots.saveSnapshot({ sequence, data: dataOf(genesis, sequence) }, () => (saved += 1));
  ledger.connect((outcome) => {
    if (outcome.kind !== 'opened') throw new Error(outcome.kind);
    save(outcome.connection, 'g', 5);
    save(outcome.connection, 'another', 9);
  });
  world.runUntil(() => saved === 2, { withinMs: 5_000 });
  let loaded: Loaded | null = null;
  loadNewest({ ledger, genesis: 'g', log: silentLog }, (found) => {
    loaded = found;
  });
  world.runUntil(() => loaded !== null, { withinMs: 5_000 });
  expect(loaded).toMatchObject({ kind: 'restored', restored: { state: { genesis: 'g', sequence: 5 } } });
});
