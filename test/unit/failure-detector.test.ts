/** Late and silent, in multiples of the interval that the member itself announced: SPEC A5, DESIGN §6. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isDeaf, judge, type Hearing } from '../../src/domain/failure-detector.ts';

const settings = { suspectAfterIntervals: 3, deadAfterIntervals: 5, unreachableMs: 2_000 };
const heard = (given: Partial<Hearing> = {}): Hearing => ({
  lastHeardAt: 10_000,
  intervalMs: 1_000,
  unreachableSince: null,
  ...given,
});

describe('a member that was heard', () => {
  it.each([
    [0, 'fresh'],
    [2_999, 'fresh'],
    [3_000, 'late'],
    [4_999, 'late'],
    [5_000, 'silent'],
    [60_000, 'silent'],
  ])('%d ms ago is %s', (ms, verdict) => {
    expect(judge(heard(), 10_000 + ms, settings)).toBe(verdict);
  });

  it('and beats slower is given the same number of its own intervals', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3_600_000 }),
        fc.integer({ min: 0, max: 8 }),
        (intervalMs, beats) => {
          const verdict = judge(heard({ intervalMs }), 10_000 + beats * intervalMs, settings);
          expect(verdict).toBe(beats < 3 ? 'fresh' : beats < 5 ? 'late' : 'silent');
        },
      ),
    );
  });
});

describe('a member of whom the broker says that nobody is there', () => {
  it('is late at once, also when it was heard just now', () => {
    expect(judge(heard({ unreachableSince: 10_000 }), 10_000, settings)).toBe('late');
  });

  it.each([
    [1_999, 'late'],
    [2_000, 'silent'],
  ])('for %d ms is %s', (ms, verdict) => {
    const hearing = heard({ lastHeardAt: 12_000, unreachableSince: 12_000 });
    expect(judge(hearing, 12_000 + ms, settings)).toBe(verdict);
  });

  it('only lately, and was silent until the timeout before that, is silent', () => {
    expect(judge(heard({ unreachableSince: 15_900 }), 16_000, settings)).toBe('silent');
  });
});

it.each([
  [null, false],
  [7_001, false],
  [7_000, true],
])('a member whose inbox has not answered since %s is deaf 3 s later: %s', (unansweredSince, expected) => {
  expect(isDeaf({ unansweredSince }, 10_000, { inboxSilenceMs: 3_000 })).toBe(expected);
});

it('more silence never makes a member fresher', () => {
  const order = ['fresh', 'late', 'silent'];
  const since = fc.option(fc.integer({ min: 10_000, max: 20_000 }));
  fc.assert(
    fc.property(since, fc.nat(12_000), fc.nat(5_000), (unreachableSince, ms, more) => {
      const now = Math.max(10_000 + ms, unreachableSince ?? 0);
      const hearing = heard({ unreachableSince });
      const [before, after] = [judge(hearing, now, settings), judge(hearing, now + more, settings)];
      expect(order.indexOf(after)).toBeGreaterThanOrEqual(order.indexOf(before));
    }),
  );
});
