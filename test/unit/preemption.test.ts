/** When a leader gives way to a better one: SPEC E6. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { looked, type PreemptionLook, type Reign } from '../../src/domain/preemption.ts';

const policy = { preemptMargin: 2, preemptTenureMs: 60_000 };
const reign: Reign = { since: 0, outscored: 0 };
const look = (now: number, best: number | null): PreemptionLook => ({ now, own: 1, best });

/** Times at which a leader gives way; each time another term begins. */
function givenWay(looks: readonly PreemptionLook[], settings = policy): number[] {
  let present = reign;
  return looks.flatMap((each) => {
    const { reign: next, givesWay } = looked(present, each, settings);
    present = givesWay ? { since: each.now, outscored: 0 } : next;
    return givesWay ? [each.now] : [];
  });
}

test('after its tenure, outscored by more than the margin in three looks in a row, it gives way', () => {
  expect(givenWay([58_000, 59_000, 60_000, 61_000].map((now) => look(now, 4)))).toEqual([60_000]);
  expect(givenWay([70_000, 71_000].map((now) => look(now, 4)))).toEqual([]);
});

test('the margin itself is not enough, nor is nobody', () => {
  const times = [70_000, 71_000, 72_000, 73_000];
  expect(givenWay(times.map((now) => look(now, 3)))).toEqual([]);
  expect(givenWay(times.map((now) => look(now, null)))).toEqual([]);
});

test('a look without a better one begins the count anew', () => {
  const looks = [look(70_000, 9), look(71_000, 9), look(72_000, 1), look(73_000, 9), look(74_000, 9)];
  expect(givenWay(looks)).toEqual([]);
});

test('by default it never does', () => {
  const looks = Array.from({ length: 100 }, (_, i) => look(i * 60_000, 1_000_000));
  expect(givenWay(looks, { ...policy, preemptMargin: 0 })).toEqual([]);
});

test('between two preemptions there is at least the tenure, whatever the scores do', () => {
  const looks = fc.array(
    fc.record({
      step: fc.integer({ min: 100, max: 5_000 }),
      best: fc.double({ min: -5, max: 9, noNaN: true }),
    }),
    { maxLength: 300 },
  );
  fc.assert(
    fc.property(looks, fc.integer({ min: 1, max: 30_000 }), (steps, preemptTenureMs) => {
      let now = 0;
      const times = givenWay(
        steps.map(({ step, best }) => look((now += step), best)),
        { preemptMargin: 0.5, preemptTenureMs },
      );
      times.forEach((time, i) => expect(time - (times[i - 1] ?? 0)).toBeGreaterThanOrEqual(preemptTenureMs));
    }),
  );
});
