/** What the simulated ledger can do to an append: each trap once, by hand or by rate, then all at once. */
import { describe, expect, it } from 'vitest';
import { SimulatedWorld } from '../../src/simulation/index.ts';
import { connect, setUp, slot, words } from './ledger-writer.ts';
import { bytes } from './talk.ts';

describe('an append', () => {
  it('that is held lands when released, if its slot is still free', () => {
    const { world, ledger, a, b } = setUp();
    ledger.holdNextAppend('a');
    const first = a.append('late', 0, 500);
    world.runFor(1_000);
    expect([first, words(ledger), ledger.held]).toEqual([['unknown'], [], 1]);
    expect(ledger.releaseHeld()).toBe(1);
    world.runFor(10);
    expect([first, words(ledger)]).toEqual([['unknown'], ['late']]);

    ledger.holdNextAppend();
    a.append('too late', 1, 500);
    world.runFor(10);
    const other = b.append('other', 1);
    world.runFor(10);
    expect([ledger.held, other]).toEqual([1, ['stored 2']]);
    ledger.releaseHeld();
    world.runFor(10);
    expect(words(ledger)).toEqual(['late', 'other']);
  });

  it('whose acknowledgement is swallowed is stored, and its author does not know', () => {
    const { world, ledger, a, b } = setUp();
    ledger.swallowNextAck('a');
    const other = b.append('theirs', 0);
    world.runFor(10);
    const mine = a.append('mine', 1, 300);
    world.runFor(299);
    expect(mine).toEqual([]);
    world.runFor(10);
    expect([other, mine, words(ledger)]).toEqual([['stored 1'], ['unknown'], ['theirs', 'mine']]);
    expect(slot(world, a, 2)).toEqual(['mine']);
  });

  it('that is slow keeps its slot absent and refuses every copy, then is stored', () => {
    const { world, ledger, a, b } = setUp({ commitSlow: 1 });
    const first = a.append('mine', 0, 10_000);
    world.runFor(10);
    const [again, rival] = [a.append('mine', 0), b.append('theirs', 0)];
    world.runFor(10);
    expect([first, again, rival]).toEqual([[], ['refused'], ['refused']]);
    expect(slot(world, a, 1)).toEqual(['absent']);
    world.runFor(6_000);
    expect([first, words(ledger)]).toEqual([['stored 1'], ['mine']]);
  });

  it('that dies in flight had others refused, and leaves its slot free', () => {
    const { world, ledger, a, b } = setUp({ commitDies: 1 });
    const first = a.append('mine', 0, 10_000);
    world.runFor(10);
    const rival = b.append('theirs', 0);
    world.runFor(7_000);
    expect([first, rival, words(ledger)]).toEqual([[], ['refused'], []]);
    world.setFaults({});
    const again = a.append('mine', 0);
    world.runFor(10);
    expect([again, words(ledger)]).toEqual([['stored 1'], ['mine']]);
  });

  it('behind one that dies in flight dies with it', () => {
    const { world, ledger, a } = setUp({ commitDies: 1 });
    a.append('one', 0, 10_000);
    world.runFor(10);
    world.setFaults({});
    const second = a.append('two', 1, 10_000);
    world.runFor(20_000);
    expect([second, words(ledger)]).toEqual([['unknown'], []]);
  });

  it('that is stored already is refused, or acknowledged again with its sequence', () => {
    const { world, ledger, a, b } = setUp();
    a.append('mine', 0);
    world.runFor(10);
    const refused = a.append('mine', 0);
    world.runFor(10);
    world.setFaults({ ackRepeated: 1 });
    const [repeated, foreign] = [a.append('mine', 0), b.append('theirs', 0)];
    world.runFor(10);
    expect([refused, repeated, foreign]).toEqual([['refused'], ['stored 1'], ['refused']]);
    expect(words(ledger)).toEqual(['mine']);
  });

  it.each([
    ['appendLost', 'unknown', []],
    ['ackLost', 'unknown', ['mine']],
    ['notStored', 'notStored', []],
  ] as const)('struck by %s ends as %s', (fault, outcome, stored) => {
    const { world, ledger, a } = setUp({ [fault]: 1 });
    const first = a.append('mine', 0, 700);
    world.runFor(699);
    if (outcome === 'unknown') expect(first).toEqual([]);
    world.runFor(100_000);
    expect([first, words(ledger)]).toEqual([[outcome], stored]);
  });

  it('can land long after its author gave up, and then compare-and-set decides', () => {
    const { world, ledger, a, b } = setUp({ appendDelayed: 1 });
    const first = a.append('late', 0, 300);
    world.runFor(301);
    expect([first, words(ledger)]).toEqual([['unknown'], []]);
    world.runFor(60_000);
    expect(words(ledger)).toEqual(['late']);
    a.append('too late', 1, 300);
    world.runFor(100);
    world.setFaults({});
    b.append('theirs', 1);
    world.runFor(60_000);
    expect(words(ledger)).toEqual(['late', 'theirs']);
  });

  it('meets nobody while the stream has no leader', () => {
    const { world, ledger, a } = setUp();
    ledger.failOver(5_000);
    const outcomes = Array.from({ length: 40 }, () => {
      const outcome = a.append('x', 0, 50);
      world.runFor(100);
      return outcome[0];
    });
    expect(new Set(outcomes)).toEqual(new Set(['notStored', 'unknown']));
    expect(words(ledger)).toEqual([]);
    world.runFor(1_001);
    expect(a.append('x', 0)).toEqual([]);
    world.runFor(10);
    expect(words(ledger)).toEqual(['x']);
  });

  it('by rate can meet a fail-over of 4 to 10 s', () => {
    const { world, a } = setUp({ failOver: 1 });
    a.append('x', 0);
    world.runFor(10);
    world.setFaults({});
    const startedAt = world.now;
    let stored: string[] = [];
    while (stored[0] !== 'stored 1' && world.now - startedAt < 20_000) {
      stored = a.append('x', 0, 100);
      world.runFor(101);
    }
    expect(world.now - startedAt).toBeGreaterThan(3_900);
    expect(world.now - startedAt).toBeLessThan(10_200);
  });

  it('that would pass the byte limit proves nothing and stores nothing', () => {
    const { world, ledger, a } = setUp();
    ledger.limitBytes(5);
    const outcomes = [a.append('12345', 0), a.append('6', 1)];
    world.runFor(10);
    expect([outcomes, words(ledger), ledger.bytes]).toEqual([[['stored 1'], ['unknown']], ['12345'], 5]);
  });
});

describe('any seed', () => {
  it('keeps what it acknowledged, where it acknowledged it, whatever strikes', () => {
    let total = 0;
    for (let seed = 1; seed <= 40; seed += 1) {
      const world = new SimulatedWorld({ seed });
      const ledger = world.ledger('f');
      const writers = ['a', 'b', 'c'].map((id) => connect(world, id));
      world.setFaults({
        appendLost: 0.05,
        appendDelayed: 0.05,
        ackLost: 0.05,
        notStored: 0.05,
        commitSlow: 0.05,
        commitDies: 0.03,
        failOver: 0.002,
        ackRepeated: 0.5,
      });
      const acknowledged = new Map<number, string>();
      for (const [place, { connection }] of writers.entries()) {
        const { clock, random } = world.host(`w${place}`).ports('f');
        let count = 0;
        const go = (): void => {
          const word = `${place}-${(count += 1)}`;
          const { last } = ledger;
          connection.append({ data: bytes(word), expectedLast: last, timeoutMs: 500 }, (outcome) => {
            if (outcome.kind === 'stored') {
              expect(acknowledged.get(outcome.sequence) ?? word).toBe(word);
              acknowledged.set(outcome.sequence, word);
            }
            clock.setTimeout(go, random.next() * 20);
          });
        };
        go();
      }
      world.runFor(30_000);
      total += acknowledged.size;
      const stored = ledger.entries;
      expect(stored.map(({ sequence }) => sequence)).toEqual(stored.map((_, place) => place + 1));
      for (const [sequence, word] of acknowledged) expect(words(ledger)[sequence - 1]).toBe(word);
      expect(new Set(words(ledger)).size).toBe(stored.length);
    }
    expect(total).toBeGreaterThan(1_000);
  });
});
