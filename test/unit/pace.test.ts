/** The interval that a leader orders: SPEC A6. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bearable, intervalFor } from '../../src/domain/pace.ts';
import { defaultSettings } from '../../src/domain/settings.ts';

const settings = { heartbeatIntervalMs: 1_000, heartbeatsPerSecondMax: 500 };
const agents = fc.integer({ min: 1, max: 10_000 });
const after = (sizes: readonly number[]): number[] => {
  let presentMs = settings.heartbeatIntervalMs;
  return sizes.map((size) => (presentMs = intervalFor({ agents: size, presentMs }, settings)));
};

test.each([
  [1, 1_000],
  [500, 1_000],
  [501, 1_500],
  [751, 2_250],
  [10_000, 25_635],
])('%i agents beat every %i ms', (size, intervalMs) => {
  expect(intervalFor({ agents: size, presentMs: 1_000 }, defaultSettings)).toBe(intervalMs);
});

test('heartbeats stay under the cap, however the fleet came to its size', () => {
  fc.assert(
    fc.property(fc.array(agents, { minLength: 1 }), (sizes) => {
      const last = after(sizes).at(-1) ?? 0;
      expect(((sizes.at(-1) ?? 0) * 1_000) / last).toBeLessThanOrEqual(settings.heartbeatsPerSecondMax);
    }),
  );
});

test('one agent more or less changes it once, not again and again', () => {
  fc.assert(
    fc.property(agents, (size) => {
      const seen = after([size, ...Array.from({ length: 20 }, (_, i) => size + (i % 2))]);
      expect(new Set(seen).size).toBeLessThanOrEqual(2);
      expect(new Set(seen.slice(2)).size).toBe(1);
    }),
  );
});

test('it is never longer than a step above what is needed with a fifth of room', () => {
  fc.assert(
    fc.property(fc.array(agents, { minLength: 1 }), (sizes) => {
      const last = after(sizes).at(-1) ?? 0;
      const neededMs = ((sizes.at(-1) ?? 0) * 1_000) / settings.heartbeatsPerSecondMax;
      expect(last).toBeLessThanOrEqual(Math.max(1_000, Math.ceil((neededMs / 0.8) * 1.5) + 2));
    }),
  );
});

test('what an agent is told, it bears: at least 10 ms, at most a minute', () => {
  expect([0, 10, 500, 60_000, 3_600_000].map(bearable)).toEqual([10, 10, 500, 60_000, 60_000]);
  const crowd = { agents: 1_000_000, presentMs: 1_000 };
  expect(intervalFor(crowd, settings)).toBe(60_000);
});
