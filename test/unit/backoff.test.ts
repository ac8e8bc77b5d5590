/** Delays between tries: they grow, are bounded, and no two clients keep step. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { backoffMs } from '../../src/domain/backoff.ts';

const given = fc.record({
  failures: fc.integer({ min: 1, max: 2_000 }),
  baseMs: fc.integer({ min: 1, max: 10_000 }),
  maxMs: fc.integer({ min: 10_000, max: 1_000_000 }),
  chance: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
});

it.each([
  [1, 0, 250],
  [1, 0.5, 375],
  [2, 0, 500],
  [3, 0, 1_000],
  [7, 0, 16_000],
  [8, 0, 30_000],
  [1_000, 0, 30_000],
  [1_000, 0.999_999, 60_000],
])('after failure %d with chance %d: %d ms', (failures, chance, ms) => {
  expect(backoffMs({ failures, baseMs: 500, maxMs: 60_000, chance })).toBe(ms);
});

it('stays between half of the full delay and all of it', () => {
  fc.assert(
    fc.property(given, (of) => {
      const full = Math.min(of.maxMs, of.baseMs * 2 ** (of.failures - 1));
      const ms = backoffMs(of);
      expect(ms).toBeGreaterThanOrEqual(Math.floor(full / 2));
      expect(ms).toBeLessThanOrEqual(full);
      expect(Number.isInteger(ms)).toBe(true);
    }),
  );
});

it('never shrinks with another failure, nor with a higher draw', () => {
  fc.assert(
    fc.property(given, (of) => {
      expect(backoffMs({ ...of, failures: of.failures + 1 })).toBeGreaterThanOrEqual(backoffMs(of));
      expect(backoffMs(of)).toBeGreaterThanOrEqual(backoffMs({ ...of, chance: 0 }));
    }),
  );
});

it('spreads clients over half of the delay', () => {
  const of = { failures: 5, baseMs: 500, maxMs: 60_000 };
  const all = Array.from({ length: 100 }, (_, i) => backoffMs({ ...of, chance: i / 100 }));
  expect(new Set(all).size).toBe(100);
});
