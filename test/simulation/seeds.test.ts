/** Random fleets under random faults, one test a seed. `make simulate SEEDS=1000` plays more of them, and faster. */
import { expect, test } from 'vitest';
import { ordeal } from './ordeal.ts';

/** Four large ones, eight restless ones, and twenty long ones. */
const seeds = Array.from({ length: 32 }, (_, i) => 1 + i);

test.each(seeds)('seed %i', { timeout: 120_000 }, async (seed) => {
  const { problems } = await ordeal({ seed });
  const replay = `seed ${seed}; see it with: make replay SEED=${seed} (TRACE=1 for every step)`;
  expect(problems.length === 0 ? '' : [replay, ...problems].join('\n')).toBe('');
});

test('the same seed gives the same world, step for step', async () => {
  const lines: string[][] = [[], []];
  for (const each of lines) await ordeal({ seed: 1, troubledMs: 8_000, trace: (line) => each.push(line) });
  expect(lines[0]?.length).toBeGreaterThan(1_000);
  expect(lines[1]).toEqual(lines[0]);
});
