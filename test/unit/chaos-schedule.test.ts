/** What a chaos run does to its fleet is drawn from its seed, and is as mixed as it should be. */
import { expect, test } from 'vitest';
import { SeededRandom } from '../../src/simulation/random.ts';
import { scheduleOf, type Round } from '../chaos/schedule.ts';

const agents = ['agent_1', 'agent_2', 'agent_3', 'agent_4', 'agent_5'];
const minuteMs = 60_000;
const rounds = (seed: number, minutes: number, hasLinks = true): readonly Round[] =>
  scheduleOf({ random: new SeededRandom(seed), ms: minutes * minuteMs, agents, hasLinks });
const verbsIn = (all: readonly Round[]): string[] =>
  all.flatMap(({ faults }) => faults.map(({ verb }) => verb));

const timeOf = (all: readonly Round[]): number => all.reduce((sum, { ms }) => sum + ms, 0);

test('the same seed gives the same schedule, another one another', () => {
  expect(rounds(1, 20)).toEqual(rounds(1, 20));
  expect(rounds(1, 20)).not.toEqual(rounds(2, 20));
});

test('it fills the time that it has', () => {
  const totalMs = timeOf(rounds(1, 5));
  expect(totalMs).toBeGreaterThanOrEqual(5 * minuteMs);
  expect(totalMs).toBeLessThan(5.2 * minuteMs);
});

test.each([1, 2, 3])('at last, after a calm, the leader dies, and a server with it (seed %i)', (seed) => {
  for (const minutes of [1.25, 20]) {
    const [calm, last] = rounds(seed, minutes, false).slice(-2);
    expect(calm?.faults).toEqual([]);
    expect(verbsIn(last === undefined ? [] : [last])).toEqual(['kill server', 'kill leader']);
  }
});

test.each([1, 2, 3])('a quarter of the time is calm, and the servers keep a majority (seed %i)', (seed) => {
  const all = rounds(seed, 20);
  const calm = all.filter(({ faults }) => faults.length === 0);
  expect(Math.abs(calm.length / all.length - 0.25)).toBeLessThan(0.02);
  expect(Math.abs(timeOf(calm) / timeOf(all) - 0.25)).toBeLessThan(0.05);
  for (const { faults } of all)
    expect(faults.filter(({ verb }) => /server|disk/.test(verb)).length).toBeLessThanOrEqual(1);
});

test('every fault comes in five minutes; without links, those that need none', () => {
  const all = new Set(verbsIn(rounds(1, 5)));
  expect(all.size).toBe(18);
  const linkless = new Set(verbsIn(rounds(1, 5, false)));
  expect([...all].filter((verb) => !linkless.has(verb)).sort()).toEqual([
    'cut off server',
    'cut servers',
    'fill disk',
  ]);
});
