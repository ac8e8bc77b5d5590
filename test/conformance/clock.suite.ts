/** What every Clock and Random must do. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pass } from './patience.ts';
import type { ConformanceWorld, MakeWorld } from './world.ts';

/** Timers of an operating system may fire early by the part of a millisecond that they do not count. */
const earlyMsMax = 1.5;

export function clockSuite(makeWorld: MakeWorld): void {
  describe('clock', () => {
    let world: ConformanceWorld;
    beforeEach(async () => {
      world = await makeWorld();
    });
    afterEach(() => world.stop());

    it('never goes back, and a timer fires when its time has passed', async () => {
      const { clock } = world;
      const before = clock.now();
      await pass(world, 30);
      expect(clock.now() - before).toBeGreaterThanOrEqual(30 - earlyMsMax);
    });

    it('tells a wall clock time of this century', () => {
      expect(world.clock.wallNow()).toBeGreaterThan(Date.UTC(2000, 0, 1));
    });

    it('never runs a timer before setTimeout has returned, not even one of 0 ms', async () => {
      const { clock } = world;
      const order: string[] = [];
      const ran = new Promise<void>((resolve) => {
        clock.setTimeout(() => {
          order.push('timer');
          resolve();
        }, 0);
        order.push('returned');
      });
      await world.settle(ran);
      expect(order).toEqual(['returned', 'timer']);
    });

    it('runs timers by their time, and those of 0 ms in the order they were set', async () => {
      const { clock } = world;
      const order: string[] = [];
      clock.setTimeout(() => order.push('40'), 40);
      clock.setTimeout(() => order.push('10'), 10);
      clock.setTimeout(() => order.push('first'), 0);
      clock.setTimeout(() => order.push('second'), 0);
      await pass(world, 60);
      expect(order).toEqual(['first', 'second', '10', '40']);
    });

    it.each([0, 10])('does not run a cleared timer of %i ms', async (ms) => {
      const { clock } = world;
      let hasRun = false;
      const timer = clock.setTimeout(() => (hasRun = true), ms);
      clock.clearTimeout(timer);
      await pass(world, 30);
      expect(hasRun).toBe(false);
    });

    it('takes it calmly when a timer is cleared that has run', async () => {
      const { clock } = world;
      const timer = clock.setTimeout(() => undefined, 0);
      await pass(world, 5);
      clock.clearTimeout(timer);
    });
  });

  describe('random', () => {
    it('draws numbers in [0, 1), and ids that differ and are plain letters and digits', async () => {
      const world = await makeWorld();
      const numbers = Array.from({ length: 1_000 }, () => world.random.next());
      expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...numbers)).toBeLessThan(1);
      expect(new Set(numbers).size).toBeGreaterThan(990);
      const ids = Array.from({ length: 1_000 }, () => world.random.id());
      expect(new Set(ids).size).toBe(1_000);
      for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9]{11,}$/);
      await world.stop();
    });
  });
}
