/** What the simulated world can do to snapshots and to a purge: each trap once, then all at once. */
import { describe, expect, it } from 'vitest';
import type { LedgerConnection, SaveOutcome, StoredSnapshot } from '../../src/ports.ts';
import { SimulatedWorld, type FaultRates } from '../../src/simulation/index.ts';
import { noise } from '../conformance/patience.ts';
import { connect, setUp, words } from './ledger-writer.ts';

/** Seven chunks and their manifest. */
const SEVEN = 100_001;

function save(connection: LedgerConnection, sequence: number, length = SEVEN): SaveOutcome[] {
  const outcomes: SaveOutcome[] = [];
  connection.snapshots.saveSnapshot({ sequence, data: noise(length, sequence) }, (outcome) =>
    outcomes.push(outcome),
  );
  return outcomes;
}

function list(world: SimulatedWorld, connection: LedgerConnection): readonly StoredSnapshot[] {
  const lists: (readonly StoredSnapshot[])[] = [];
  connection.snapshots.listSnapshots((outcome) =>
    lists.push(outcome.kind === 'snapshots' ? outcome.snapshots : []),
  );
  world.runUntil(() => lists.length > 0, { withinMs: 3_000 });
  return lists[0] ?? [];
}

function loadKind(world: SimulatedWorld, connection: LedgerConnection, name: string): string {
  const kinds: string[] = [];
  connection.snapshots.loadSnapshot(name, ({ kind }) => kinds.push(kind));
  world.runUntil(() => kinds.length > 0, { withinMs: 120_000 });
  return kinds[0] ?? '';
}

describe('a snapshot', () => {
  it('whose writer crashes between two chunks is not visible, and is removed when it is old', () => {
    const { world, ledger, a, b } = setUp();
    const outcome = save(a.connection, 5);
    world.runUntil(() => ledger.snapshots.parts === 3, { withinMs: 1_000 });
    world.host('a').crash({ losesBytes: true });
    world.runFor(1_000);
    expect([outcome, ledger.snapshots.parts, list(world, b.connection)]).toEqual([[], 3, []]);
    save(b.connection, 4);
    world.runFor(1_000);
    expect(ledger.snapshots.names.filter((name) => name.startsWith('5-'))).toHaveLength(1);
    world.runFor(600_001);
    save(b.connection, 4);
    world.runFor(1_000);
    expect(ledger.snapshots.names.filter((name) => name.startsWith('5-'))).toEqual([]);
    expect(list(world, b.connection).map(({ sequence }) => sequence)).toEqual([4, 4]);
  });

  it.each(['appendLost', 'ackLost', 'notStored'] as const)(
    'of which a part is struck by %s is not saved, and leaves nothing',
    (fault) => {
      const { world, ledger, a } = setUp();
      const outcome = save(a.connection, 5);
      world.runUntil(() => ledger.snapshots.parts === 3, { withinMs: 1_000 });
      world.setFaults({ [fault]: 1 });
      world.runFor(5_000);
      world.setFaults({});
      expect(outcome.map(({ kind }) => kind)).toEqual(['unavailable']);
      expect([ledger.snapshots.parts, list(world, a.connection)]).toEqual([0, []]);
    },
  );

  it.each([
    ['a chunk', 3, { parts: 1, isListed: false }],
    ['the manifest', 7, { parts: 8, isListed: true }],
  ])('of which %s lands after its writer gave up is whole, or not visible', (_, stored, left) => {
    const { world, ledger, a } = setUp();
    const outcome = save(a.connection, 5);
    world.runUntil(() => ledger.snapshots.parts === stored, { withinMs: 1_000 });
    world.setFaults({ appendDelayed: 1 });
    world.runUntil(() => outcome.length > 0, { withinMs: 10_000 });
    world.setFaults({});
    world.runFor(60_000);
    expect(outcome.map(({ kind }) => kind)).toEqual(['unavailable']);
    const isListed = list(world, a.connection).length > 0;
    expect({ parts: ledger.snapshots.parts, isListed }).toEqual(left);
  });

  it('whose manifest was stored and not acknowledged stays', () => {
    const { world, ledger, a } = setUp();
    const outcome = save(a.connection, 5);
    world.runUntil(() => ledger.snapshots.parts === 7, { withinMs: 1_000 });
    ledger.snapshots.swallowNextAck('a');
    world.runUntil(() => ledger.snapshots.parts === 8, { withinMs: 1_000 });
    world.runFor(5_000);
    expect([outcome.map(({ kind }) => kind), ledger.snapshots.parts]).toEqual([['unavailable'], 8]);
    expect(list(world, a.connection)).toHaveLength(1);
  });

  it('is not there yet for a broker that lags', () => {
    const { world, a } = setUp();
    const outcome = save(a.connection, 5);
    world.runUntil(() => outcome.length > 0, { withinMs: 1_000 });
    world.setFaults({ readStale: 1 });
    expect(list(world, a.connection)).toEqual([]);
    world.setFaults({});
    expect(list(world, a.connection)).toHaveLength(1);
  });

  it('cannot be saved, listed or dropped while the broker has no leader', () => {
    const { world, ledger, a } = setUp();
    ledger.failOver(9_000);
    const outcome = save(a.connection, 5);
    const kinds: string[] = [];
    a.connection.snapshots.listSnapshots(({ kind }) => kinds.push(kind));
    a.connection.snapshots.loadSnapshot('1-x', ({ kind }) => kinds.push(kind));
    a.connection.snapshots.dropSnapshot('1-x', ({ kind }) => kinds.push(kind));
    world.runFor(5_000);
    expect([outcome.map(({ kind }) => kind), kinds]).toEqual([
      ['unavailable'],
      ['unavailable', 'unavailable', 'unavailable'],
    ]);
  });
});

describe('a purge', () => {
  it('under faults may be done or not, and asked again it is done', () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 30; seed += 1) {
      const world = new SimulatedWorld({ seed });
      const [ledger, a] = [world.ledger('f'), connect(world, 'a')];
      for (const [last, word] of ['one', 'two', 'three'].entries()) {
        const stored = a.append(word, last);
        world.runUntil(() => stored.length > 0, { withinMs: 100 });
      }
      world.setFaults({ readUnavailable: 1 });
      const outcomes: string[] = [];
      const purge = (): void =>
        a.connection.purge(2, (outcome) =>
          outcomes.push(outcome.kind === 'purged' ? `purged ${outcome.first}` : outcome.kind),
        );
      purge();
      world.runFor(3_000);
      seen.add(words(ledger).join(' '));
      world.setFaults({});
      purge();
      world.runFor(3_000);
      expect([outcomes, words(ledger)]).toEqual([['unavailable', 'purged 3'], ['three']]);
    }
    expect(seen).toEqual(new Set(['one two three', 'three']));
  });
});

describe('any seed', () => {
  const faults: Partial<FaultRates> = {
    appendLost: 0.01,
    appendDelayed: 0.01,
    ackLost: 0.01,
    notStored: 0.01,
    readUnavailable: 0.02,
    readStale: 0.1,
    bytesLinger: 0.5,
  };

  /** Three keepers save, list, and drop all but the newest two, while hosts crash. */
  const run = (seed: number): { readonly saves: number; readonly hash: string } => {
    const world = new SimulatedWorld({ seed });
    const { snapshots } = world.ledger('f');
    const random = world.random('keepers');
    const hosts = ['a', 'b', 'c'];
    let [sequence, saves] = [0, 0];
    // A keeper may see a snapshot, and drop it, before its writer hears that it is saved.
    const [said, dropped] = [new Set<string>(), new Set<string>()];
    const keep = (id: string): void => {
      const { clock, ledger } = world.host(id).ports('f');
      const again = (): unknown => clock.setTimeout(() => keep(id), 2_000);
      ledger.connect((opened) => {
        if (opened.kind !== 'opened') return again();
        const { connection } = opened;
        const mine = (sequence += 1);
        return connection.snapshots.saveSnapshot({ sequence: mine, data: noise(SEVEN, mine) }, (outcome) => {
          if (outcome.kind === 'saved') {
            saves += 1;
            said.add(outcome.name);
          }
          connection.snapshots.listSnapshots((listed) => {
            const old = listed.kind === 'snapshots' ? listed.snapshots.slice(0, -2) : [];
            for (const { name } of old) {
              dropped.add(name);
              connection.snapshots.dropSnapshot(name, () => undefined);
            }
            clock.setTimeout(() => connection.close(), 2_500);
            again();
          });
        });
      });
    };
    world.setFaults(faults);
    for (const id of hosts) keep(id);
    for (let round = 0; round < 10; round += 1) {
      world.runFor(random.within({ min: 1_000, max: 9_000 }));
      const id = hosts[random.below(hosts.length)] ?? 'a';
      world.host(id).restart();
      keep(id);
      expect(snapshots.bytes).toBeLessThan(40 * SEVEN);
    }
    world.heal();
    world.runFor(70_000);
    const reader = connect(world, 'reader').connection;
    for (const name of said) {
      if (!dropped.has(name)) expect(snapshots.isComplete(name), `seed ${seed}: ${name}`).toBe(true);
    }
    for (const { name } of list(world, reader)) expect(loadKind(world, reader, name)).toBe('snapshot');
    expect(snapshots.complete.length).toBeGreaterThan(1);
    return { saves, hash: world.trace.hash };
  };

  it('keeps what it said is saved until it is dropped, and lists nothing that is not whole', () => {
    let total = 0;
    for (let seed = 1; seed <= 20; seed += 1) total += run(seed).saves;
    expect(total).toBeGreaterThan(200);
  });

  it('does the same again', () => {
    expect(run(7)).toEqual(run(7));
  });
});
