/**
 * Random fleets under random faults, one test a seed. `make simulate SEEDS=500` runs that many, `make simulate
 * SEED=42` replays one, with `TRACE=1` to see every step of it.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ordeal } from './ordeal.ts';

const only = process.env['SEED'];
const first = only === undefined || only === '' ? 1 : Number(only);
const count = only === undefined || only === '' ? Number(process.env['SEEDS'] ?? 30) : 1;
const seeds = Array.from({ length: count }, (_, i) => first + i);
const isTraced = process.env['TRACE'] !== undefined && only !== undefined;
const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const total = { virtualMs: 0, realMs: 0 };

beforeAll(() => {
  say(`seeds ${first} to ${first + count - 1}`);
});

afterAll(() => {
  const rate = total.virtualMs / Math.max(1, total.realMs);
  say(
    `seeds ${first} to ${first + count - 1}: ${(total.virtualMs / 1_000).toFixed(0)} s of fleets in ` +
      `${(total.realMs / 1_000).toFixed(1)} s, ${rate.toFixed(0)} times real time`,
  );
});

test.each(seeds)('seed %i', { timeout: 120_000 }, async (seed) => {
  const startedAt = performance.now();
  const verdict = await ordeal({ seed, ...(isTraced ? { trace: say, log: say } : {}) });
  total.realMs += performance.now() - startedAt;
  total.virtualMs += verdict.virtualMs;
  if (only !== undefined && only !== '') say(`${verdict.summary}; trace ${verdict.hash}`);
  const report = verdict.problems.length === 0 ? '' : failureOf(seed, verdict.problems);
  expect(report).toBe('');
});

test('the same seed gives the same world, step for step', async () => {
  const [one, other] = [
    await ordeal({ seed: first, troubledMs: 8_000 }),
    await ordeal({ seed: first, troubledMs: 8_000 }),
  ];
  expect(other).toEqual(one);
});

function failureOf(seed: number, problems: readonly string[]): string {
  return [`seed ${seed}; replay with: make simulate SEED=${seed} (TRACE=1 for every step)`, ...problems].join(
    '\n',
  );
}
