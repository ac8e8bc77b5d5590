/** SPEC E1: priority + health − load; equal scores: the smallest id. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Candidate } from '../../src/domain/events.ts';
import type { AgentId } from '../../src/domain/ids.ts';
import { outranks, ranked, scoreOf } from '../../src/domain/score.ts';

const candidates = fc.uniqueArray(
  fc.record({
    id: fc.string({ minLength: 1 }).map((id) => id as AgentId),
    score: fc.integer({ min: -2, max: 2 }),
  }),
  { selector: (each) => each.id },
);

describe('the score', () => {
  it.each([
    [{ priority: 10, health: 1, load: 0 }, 11],
    [{ priority: 0, health: 0.5, load: 0.25 }, 0.25],
    [{ priority: -3, health: 1, load: 1 }, -3],
  ])('of %o is %d', (of, score) => {
    expect(scoreOf(of)).toBe(score);
  });

  it.each([
    ['more priority', { priority: 2, health: 0, load: 1 }, { priority: 0, health: 1, load: 0.5 }],
    ['better health', { priority: 1, health: 0.9, load: 0 }, { priority: 1, health: 0.8, load: 0 }],
    ['less load', { priority: 1, health: 1, load: 0.1 }, { priority: 1, health: 1, load: 0.2 }],
  ])('prefers %s', (_, better, worse) => {
    expect(scoreOf(better)).toBeGreaterThan(scoreOf(worse));
  });
});

describe('the ranking', () => {
  const of = (id: string, score: number): Candidate => ({ id: id as AgentId, score });

  it('puts the highest score first, and the smallest id among equals', () => {
    const order = ranked([of('c', 1), of('b', 2), of('a', 1), of('B', 2)]).map((each) => each.id);
    expect(order).toEqual(['B', 'b', 'a', 'c']);
  });

  it('does not depend on the order in which candidates are named, and leaves the list alone', () => {
    fc.assert(
      fc.property(candidates, (list) => {
        const before = [...list];
        expect(ranked([...list].reverse())).toEqual(ranked(list));
        expect(list).toEqual(before);
      }),
    );
  });

  it('agrees with `outranks`: everybody outranks exactly those behind', () => {
    fc.assert(
      fc.property(candidates, (list) => {
        const order = ranked(list);
        order.forEach((a, i) => order.forEach((b, j) => expect(outranks(a, b)).toBe(i < j)));
      }),
    );
  });
});
