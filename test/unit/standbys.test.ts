/** Who stands by, as the leader chooses: the best, and no change without need. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AgentId } from '../../src/domain/ids.ts';
import { chooseStandbys, type Eligible } from '../../src/domain/standbys.ts';

const one = (id: string, score: number, more: Partial<Eligible> = {}): Eligible => ({
  id: id as AgentId,
  score,
  priority: Math.floor(score),
  isDraining: false,
  isStandby: false,
  ...more,
});
const standby = { isStandby: true };
const ids = (chosen: readonly Eligible[]): string => chosen.map(({ id }) => id).join('');

describe('of those who may stand by', () => {
  test('the best are chosen, equal ones by id', () => {
    expect(ids(chooseStandbys([one('d', 1), one('c', 3), one('b', 1), one('a', 2)], 3))).toBe('cab');
  });

  test('all are, when there is room', () => {
    expect(ids(chooseStandbys([one('b', 1), one('a', 2)], 5))).toBe('ab');
  });

  test('one that stands by already stays when another is a little better', () => {
    const priority = 0;
    const eligible = [one('a', 0, { ...standby, priority }), one('b', 1, { priority })];
    expect(ids(chooseStandbys(eligible, 1))).toBe('a');
  });

  test('it gives way to one whose score exceeds its own by more than 1', () => {
    const priority = 0;
    const eligible = [one('a', -0.2, { ...standby, priority }), one('b', 1, { priority })];
    expect(ids(chooseStandbys(eligible, 1))).toBe('b');
  });

  test('it gives way to one of a higher priority, unless that one is the worse of the two now', () => {
    const a = one('a', 1.2, { ...standby, priority: 1 });
    expect(ids(chooseStandbys([a, one('b', 2, { priority: 2 })], 1))).toBe('b');
    expect(ids(chooseStandbys([a, one('b', 1.1, { priority: 2 })], 1))).toBe('a');
  });

  test('who drains comes last, and gives way to anybody', () => {
    const leaving = one('a', 9, { ...standby, isDraining: true });
    expect(ids(chooseStandbys([leaving, one('b', 1)], 1))).toBe('b');
    expect(ids(chooseStandbys([leaving, one('b', 1)], 2))).toBe('ba');
  });
});

const anybody = fc.record({
  score: fc.integer({ min: -20, max: 40 }).map((tenths) => tenths / 10),
  priority: fc.integer({ min: 0, max: 3 }),
  isDraining: fc.boolean(),
  isStandby: fc.boolean(),
});
const fleet = fc
  .array(anybody, { maxLength: 12 })
  .map((all): Eligible[] => all.map((each, i) => ({ ...each, id: `n${i}` as AgentId })));

test('as many as there are places for, and chosen again they are the same', () => {
  fc.assert(
    fc.property(fleet, fc.integer({ min: 1, max: 6 }), (eligible, max) => {
      const chosen = chooseStandbys(eligible, max);
      expect(chosen).toHaveLength(Math.min(max, eligible.length));
      const again = eligible.map((each) => ({ ...each, isStandby: chosen.includes(each) }));
      expect(ids(chooseStandbys(again, max))).toBe(ids(chosen));
    }),
  );
});

test('nobody is left out whose score exceeds that of one who is chosen by more than 1', () => {
  fc.assert(
    fc.property(fleet, fc.integer({ min: 1, max: 6 }), (eligible, max) => {
      const chosen = chooseStandbys(eligible, max).filter(({ isDraining }) => !isDraining);
      const out = eligible.filter((each) => !each.isDraining && !chosen.includes(each));
      const worst = Math.min(...chosen.map(({ score }) => score));
      for (const { score } of out) expect(score - worst).toBeLessThanOrEqual(1);
    }),
  );
});
