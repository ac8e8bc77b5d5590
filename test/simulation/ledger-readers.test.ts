/** What the simulated ledger can do to connections, reads and followers. */
import { describe, expect, it } from 'vitest';
import type { OpenOutcome } from '../../src/ports.ts';
import { SimulatedWorld } from '../../src/simulation/index.ts';
import { connect, setUp, slot, words, type Writer } from './ledger-writer.ts';
import { text } from './talk.ts';

describe('a ledger connection', () => {
  it('holds its bytes through a short cut, and they land after the heal', () => {
    const { world, ledger, a } = setUp();
    world.host('a').cut();
    const outcome = a.append('held', 0, 500);
    world.runFor(1_000);
    expect([outcome, words(ledger)]).toEqual([['unknown'], []]);
    world.host('a').heal();
    world.runFor(10);
    expect(words(ledger)).toEqual(['held']);
    expect(a.connection.isClosed).toBe(false);
  });

  it.each([
    ['a long cut', (world: SimulatedWorld) => world.host('a').cut()],
    ['a restart of the broker', (world: SimulatedWorld) => world.broker.restart(100)],
    ['a lame duck', (world: SimulatedWorld) => world.broker.lameDuck(1_000)],
  ])('closes by %s for good, and what waits ends as unknown', (_, strike) => {
    const { world, a } = setUp({ appendLost: 1 });
    const outcome = a.append('x', 0, 60_000);
    let closed = 0;
    a.connection.onClosed(() => (closed += 1));
    strike(world);
    world.runFor(5_000);
    world.heal();
    world.runFor(5_000);
    expect([outcome, closed, a.connection.isClosed]).toEqual([['unknown'], 1, true]);
  });

  it('of a dead process sends nothing, though code of that process may still run', () => {
    const { world, ledger, a } = setUp();
    world.host('a').crash();
    const outcome = a.append('zombie', 0);
    world.runFor(5_000);
    expect([outcome, words(ledger)]).toEqual([[], []]);
  });

  it('that is given up while cut leaves no bytes behind, unless they linger', () => {
    for (const bytesLinger of [0, 1]) {
      const { world, ledger, a } = setUp({ bytesLinger });
      world.host('a').cut();
      a.append('ghost', 0);
      world.runFor(100);
      a.connection.close();
      world.host('a').heal();
      world.runFor(100);
      expect(words(ledger)).toEqual(bytesLinger === 1 ? ['ghost'] : []);
    }
  });

  it('says why it cannot open: now, or ever', () => {
    const { world, ledger } = setUp();
    const open = (): OpenOutcome['kind'] => {
      const said: OpenOutcome['kind'][] = [];
      world
        .host('c')
        .ports('f')
        .ledger.connect(({ kind }) => said.push(kind));
      expect(said).toEqual([]);
      world.runUntil(() => said.length > 0, { withinMs: 2_100 });
      return said[0] ?? 'unavailable';
    };
    expect(open()).toBe('opened');
    ledger.misconfigure('max_age');
    expect(open()).toBe('broken');
    ledger.repair();
    world.setFaults({ connectUnavailable: 1 });
    expect(open()).toBe('unavailable');
    world.setFaults({});
    world.host('c').cut();
    expect(open()).toBe('unavailable');
  });
});

describe('a read', () => {
  it('can be unavailable, at once or by silence', () => {
    const { world, a } = setUp({ readUnavailable: 1 });
    const took = Array.from({ length: 20 }, () => {
      const startedAt = world.now;
      expect(slot(world, a, 1)).toEqual(['unavailable']);
      return world.now - startedAt;
    });
    expect(Math.min(...took)).toBeLessThan(5);
    expect(Math.max(...took)).toBe(2_000);
  });

  it('can be answered by a former leader that lacks the newest entries', () => {
    const { world, a } = setUp();
    a.append('one', 0);
    world.runFor(10);
    a.append('two', 1);
    world.runFor(10);
    world.setFaults({ readStale: 1 });
    expect(slot(world, a, 2)).toEqual(['absent']);
    world.setFaults({});
    expect([slot(world, a, 2), slot(world, a, 1)]).toEqual([['two'], ['one']]);
  });
});

describe('a follower', () => {
  const follow = (world: SimulatedWorld, id: string, from = 1): { heard: string[]; stopped: string[] } => {
    const [heard, stopped]: [string[], string[]] = [[], []];
    world
      .host(id)
      .ports('f')
      .ledger.follow(from, {
        entry: (sequence, data) => heard.push(`${sequence} ${text(data)}`),
        stopped: (reason) => stopped.push(reason),
      });
    return { heard, stopped };
  };
  const fill = (world: SimulatedWorld, a: Writer, from: number, until: number): void => {
    for (let n = from; n < until; n += 1) {
      const outcome = a.append(`${n}`, n);
      world.runUntil(() => outcome.length > 0, { withinMs: 100 });
    }
  };

  it('can stop at some entry, and another one goes on from there', () => {
    const { world, a } = setUp();
    const first = follow(world, 'b');
    fill(world, a, 0, 3);
    world.runFor(10);
    world.setFaults({ followerStops: 1 });
    fill(world, a, 3, 4);
    world.runFor(10);
    expect(first.heard).toEqual(['1 0', '2 1', '3 2']);
    expect(first.stopped).toHaveLength(1);
    world.setFaults({});
    expect(follow(world, 'b', 4).heard).toEqual([]);
    const second = follow(world, 'b', 4);
    world.runFor(10);
    expect(second.heard).toEqual(['4 3']);
  });

  it('can hear late, and then in order', () => {
    const { world, a } = setUp({ followerLate: 0.3 });
    const { heard } = follow(world, 'b');
    fill(world, a, 0, 30);
    expect(heard.length).toBeLessThan(20);
    world.runFor(6_000);
    expect(heard).toEqual(Array.from({ length: 30 }, (_, n) => `${n + 1} ${n}`));
  });

  it('hears nothing once it is closed, not even what was on its way', () => {
    const { world, a } = setUp();
    const heard: number[] = [];
    const following = world
      .host('b')
      .ports('f')
      .ledger.follow(1, {
        entry: (sequence) => heard.push(sequence),
        stopped: () => expect.fail('closed, not stopped'),
      });
    fill(world, a, 0, 1);
    const stored = a.append('1', 1);
    world.runUntil(() => world.ledger('f').last === 2, { withinMs: 100 });
    following.close();
    world.runFor(10);
    expect([stored, heard.includes(2)]).toEqual([['stored 2'], false]);
  });

  it('stops when there is no stream, and when the stream ends before what it has read', () => {
    const world = new SimulatedWorld({ seed: 1 });
    const none = follow(world, 'b');
    world.runFor(10);
    expect(none.stopped).toEqual(['stream not found']);
    const a = connect(world, 'a');
    const one = follow(world, 'b');
    fill(world, a, 0, 4);
    world.runFor(10);
    world.ledger('f').loseTail(2);
    world.runFor(3_000);
    expect(one.stopped).toEqual(['the stream ends at 2, and entry 4 has been read']);
    expect(words(world.ledger('f'))).toEqual(['0', '1']);
    world.ledger('f').recreate();
    expect(world.ledger('f').last).toBe(0);
  });

  it('sees a jump where the ledger was compacted', () => {
    const { world, ledger, a } = setUp();
    fill(world, a, 0, 5);
    ledger.purgeBelow(4);
    const { heard } = follow(world, 'b', 2);
    world.runFor(10);
    expect([heard, ledger.first, ledger.last]).toEqual([['4 3', '5 4'], 4, 5]);
    expect(slot(world, a, 3)).toEqual(['compacted']);
  });

  it('outlives a broker restart, without a gap and without a repeat', () => {
    const { world, a } = setUp();
    const { heard, stopped } = follow(world, 'b');
    fill(world, a, 0, 3);
    world.broker.restart(500);
    world.runFor(2_000);
    fill(world, connect(world, 'a'), 3, 5);
    world.runFor(10);
    expect([heard, stopped]).toEqual([['1 0', '2 1', '3 2', '4 3', '5 4'], []]);
  });
});
