/** When an agent beats. */
import { expect, it } from 'vitest';
import { Pulse } from '../../src/runtime/pulse.ts';
import { SimulatedWorld } from '../../src/simulation/index.ts';

function pulseOf(intervalMs: number) {
  const world = new SimulatedWorld({ seed: 1 });
  const { clock } = world.host('a').ports('default');
  const beats: number[] = [];
  const role = { isLeading: false };
  const pulse = new Pulse({
    clock,
    ownIntervalMs: intervalMs,
    isLeading: () => role.isLeading,
    beat: () => beats.push(Math.round(clock.now())),
  });
  const began = Math.round(clock.now());
  return { world, pulse, role, since: () => beats.map((at) => at - began) };
}

it('beats at its interval, and at once when told to', async () => {
  const { world, pulse, since } = pulseOf(1_000);
  pulse.now();
  expect(since()).toEqual([]);
  pulse.start();
  await world.advance(1_500);
  pulse.now();
  await world.advance(1_000);
  expect(since()).toEqual([0, 1_000, 1_500, 2_000]);
  pulse.stop();
  pulse.now();
  pulse.soon();
  await world.advance(5_000);
  expect(since()).toHaveLength(4);
});

it('is brought forward as often as one likes, and beats no more than four times in an interval for it', async () => {
  const { world, pulse, since } = pulseOf(1_000);
  pulse.start();
  for (let i = 0; i < 500; i++) {
    pulse.soon();
    await world.advance(10);
  }
  const beats = since();
  expect(beats.length).toBeGreaterThanOrEqual(20);
  expect(beats.length).toBeLessThanOrEqual(5 * (4 + 1) + 1);
});

it('says the last word soon after it, also when that came close behind another', async () => {
  const { world, pulse, since } = pulseOf(10_000);
  pulse.start();
  await world.advance(4_000);
  pulse.soon();
  await world.advance(10);
  pulse.soon();
  pulse.soon();
  await world.advance(5_000);
  expect(since()).toEqual([0, 4_000, 6_500]);
});

it('beats as often as it is told from the next beat on, and at its own interval while it leads', async () => {
  const { world, pulse, role, since } = pulseOf(1_000);
  pulse.start();
  pulse.tell(3_000);
  await world.advance(4_500);
  expect(since()).toEqual([0, 1_000, 4_000]);
  role.isLeading = true;
  pulse.restart();
  await world.advance(1_200);
  expect(since()).toEqual([0, 1_000, 4_000, 4_500, 5_500]);
});

it('keeps what a beat announces: one that tells a shorter interval is followed by the next within it', async () => {
  const { world, pulse, since } = pulseOf(10_000);
  pulse.start();
  await world.advance(2_000);
  pulse.tell(1_000);
  await world.advance(1_000);
  pulse.now();
  await world.advance(2_500);
  expect(since()).toEqual([0, 3_000, 4_000, 5_000]);
});
