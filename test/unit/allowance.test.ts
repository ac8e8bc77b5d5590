/** How many messages of one sender are looked at within a second, and for how long. */
import { expect, it } from 'vitest';
import { Allowance, type AllowanceLimits, type Hearing } from '../../src/runtime/allowance.ts';

function stage(limits: AllowanceLimits) {
  let at = 0;
  const allowance = new Allowance({ now: () => at }, limits);
  return {
    wait: (ms: number): void => {
      at += ms;
    },
    take: (from: string | null): Hearing => allowance.take(from),
    /** As often as it is let in, up to that many times; each takes so long. */
    hearAll: (from: string | null, times: number, eachMs: number): number => {
      for (let i = 0; i < times; i += 1) {
        if (allowance.take(from) !== 'hear') return i;
        allowance.charge(from, () => {
          at += eachMs;
        });
      }
      return times;
    },
  };
}

it('a sender is heard so often a second, then refused, then not answered, and heard again in the next second', () => {
  const { take, wait } = stage({ perSecondMax: 3 });
  const taken = Array.from({ length: 1_004 }, () => take('mal'));
  expect(taken.slice(0, 4)).toEqual(['hear', 'hear', 'hear', 'refuse']);
  expect([taken[1_002], taken[1_003]]).toEqual(['refuse', 'ignore']);
  wait(999);
  expect(take('mal')).toBe('ignore');
  wait(1);
  expect(take('mal')).toBe('hear');
});

it('what one sender used up is nothing to another', () => {
  const { take } = stage({ perSecondMax: 1 });
  expect([take('mal'), take('mal'), take('ada'), take(null), take('ada')]).toEqual([
    'hear',
    'refuse',
    'hear',
    'hear',
    'refuse',
  ]);
});

it('messages that take long use up half a second, however few they are', () => {
  const { hearAll, take, wait } = stage({ perSecondMax: 1_000 });
  expect(hearAll('mal', 100, 50)).toBe(10);
  expect(take('ada')).toBe('hear');
  wait(500);
  expect(take('mal')).toBe('hear');
});

it('all together use up what is theirs, whoever they say they are', () => {
  const { hearAll, take, wait } = stage({ perSecondMax: 1_000, busyMsMax: 800 });
  const heard = Array.from({ length: 9 }, (_, i) => hearAll(`name-${i}`, 1, 100));
  expect(heard).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0]);
  expect(take('name-0')).toBe('refuse');
  wait(200);
  expect(take('name-9')).toBe('hear');
});

it('ever new names take no memory beyond a bound', () => {
  const { take } = stage({ perSecondMax: 1 });
  const taken = Array.from({ length: 20_000 }, (_, i) => take(`name-${i}`));
  expect(new Set(taken)).toEqual(new Set(['hear']));
  expect(take('one-more')).toBe('ignore');
  expect(take('name-7')).toBe('refuse');
});
