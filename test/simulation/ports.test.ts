/** The simulated world's own semantics: determinism, time, crashes and pauses of processes. */
import { describe, expect, it } from 'vitest';
import type { BusStatus, Clock, Incoming } from '../../src/ports.ts';
import { SimulationFailed, SimulatedWorld, type FaultRates } from '../../src/simulation/index.ts';
import { ask, busOf, bytes, heardBy, portsOf, say, text, worldOf } from './talk.ts';

/** A little traffic with every core fault on. */
function busy(seed: number, faults: Partial<FaultRates> = {}): SimulatedWorld {
  const world = new SimulatedWorld({ seed, faults });
  for (const id of ['a', 'b', 'c']) {
    const { bus, clock, random } = portsOf(world, id);
    bus.subscribe('talk.*', (message: Incoming) => message.respond(message.data));
    const talk = (): void => {
      const subject = random.next() < 0.5 ? 'talk.one' : 'talk.two';
      bus.request({ subject, data: bytes(random.id()), timeoutMs: 50 }, () =>
        clock.setTimeout(talk, random.next() * 9),
      );
    };
    talk();
  }
  world.after(300, () => world.host('a').cut());
  world.after(900, () => world.host('b').restart());
  world.after(4_500, () => world.heal());
  world.runFor(6_000);
  return world;
}

describe('a seed', () => {
  const faults = { drop: 0.1, duplicate: 0.1, delay: 0.05, reorder: 0.1 };

  it('gives the same trace every time, byte for byte', () => {
    const lines: string[][] = [[], []];
    const hashes = lines.map((list) => {
      const world = new SimulatedWorld({ seed: 'x', faults, trace: (line) => list.push(line) });
      const { bus } = portsOf(world, 'a');
      heardBy(bus, 'own');
      for (let n = 0; n < 50; n += 1) say(bus, 'own', `${n}`);
      world.runFor(3_000);
      return world.trace.hash;
    });
    expect(lines[0]?.length).toBeGreaterThan(100);
    expect(lines[0]).toEqual(lines[1]);
    expect(hashes[0]).toBe(hashes[1]);
    expect(busy(1, faults).trace.hash).toBe(busy(1, faults).trace.hash);
  });

  it('is not another seed', () => {
    const hashes = [1, 2, 3].map((seed) => busy(seed, faults).trace.hash);
    expect(new Set(hashes).size).toBe(3);
  });

  it('keeps concerns apart: a draw in one place shifts nothing in another', () => {
    const latencies = (draws: number): number => {
      const world = worldOf();
      for (let n = 0; n < draws; n += 1) portsOf(world, 'a').random.next();
      const heard = ask(busOf(world, 'a'), 'nobody');
      world.runUntil(() => heard.length > 0, { withinMs: 100 });
      return world.now;
    };
    expect(latencies(0)).toBe(latencies(5));
  });
});

describe('time', () => {
  it('passes only in steps, and a predicate that never holds names the seed', () => {
    const world = worldOf();
    const { clock } = portsOf(world, 'a');
    const startedAt = clock.now();
    clock.setTimeout(() => undefined, 25);
    world.runFor(1_000);
    expect(clock.now() - startedAt).toBe(1_000);
    expect(world.now).toBe(1_000);
    expect(() => world.runUntil(() => false, { withinMs: 500 })).toThrow(
      /within 500 ms \(seed 7, 1500\.000 ms/,
    );
  });

  it('is exact: at its timer a deadline has passed, whatever its fraction', () => {
    const world = worldOf();
    const { clock, random } = portsOf(world, 'a');
    let late = 0;
    for (let n = 0; n < 500; n += 1) {
      const delayMs = random.next() * 1_000;
      const deadline = clock.now() + delayMs;
      clock.setTimeout(() => {
        if (clock.now() < deadline) expect.fail(`early at ${clock.now()}`);
        late = Math.max(late, clock.now() - deadline);
      }, delayMs);
    }
    world.runFor(1_001);
    expect(late).toBeLessThan(0.001);
  });

  it('has another monotonic origin in each process, and a wall clock that can be wrong', () => {
    const world = worldOf();
    const clocks = ['a', 'b'].map((id): Clock => portsOf(world, id).clock);
    world.host('a').skewWall(-3_600_000);
    const before = clocks[0]?.now();
    expect(clocks[0]?.now()).not.toBe(clocks[1]?.now());
    expect(clocks[0]?.wallNow()).toBe((clocks[1]?.wallNow() ?? 0) - 3_600_000);
    expect(clocks[0]?.now()).toBe(before);
  });

  it('lets promises run between steps, for code that needs it', async () => {
    const world = worldOf();
    const { clock } = portsOf(world, 'a');
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => clock.setTimeout(resolve, ms));
    const napping = async (): Promise<number> => {
      for (let n = 0; n < 10; n += 1) await sleep(10);
      return world.now;
    };
    expect(await world.settle(napping())).toBe(100);
    await expect(world.settle(new Promise(() => undefined), { withinMs: 50 })).rejects.toThrow('not reached');
    await expect(world.settle(sleep(1).then(() => Promise.reject(new Error('mine'))))).rejects.toThrow(
      'mine',
    );

    const from = world.now;
    const tick = (): void => void clock.setTimeout(tick, 1);
    tick();
    let woke = 0;
    const nap = napping().then((at) => (woke = at));
    world.track(nap);
    await world.advance(500);
    expect(woke).toBe(from + 100);
    expect(world.now).toBe(from + 500);
  });

  it('stops where a callback throws, and says when and whose it was', () => {
    const world = worldOf();
    portsOf(world, 'a').clock.setTimeout(() => {
      throw new Error('broken');
    }, 3);
    expect(() => world.runFor(10)).toThrow(new SimulationFailed('broken (seed 7, 3.000 ms, a)'));
    const errors: string[] = [];
    const calm = worldOf({ onError: (error) => errors.push(error.message) });
    calm
      .host('a')
      .ports('f')
      .clock.setTimeout(() => {
        throw new Error('broken');
      }, 3);
    calm.runFor(10);
    expect(errors).toHaveLength(1);
  });
});

describe('a crash', () => {
  it('is seen at once as nobody there, and nothing of the process runs again', () => {
    const world = worldOf();
    const [a, b] = [portsOf(world, 'a'), portsOf(world, 'b')];
    const heard = heardBy(a.bus, 'to.a');
    let ran = 0;
    a.clock.setTimeout(() => (ran += 1), 50);
    world.runFor(10);
    say(b.bus, 'to.a');
    world.host('a').crash();
    const outcomes = ask(b.bus, 'to.a');
    world.runFor(500);
    expect(outcomes).toEqual(['noResponders']);
    expect([heard.length, ran]).toEqual([0, 0]);
    expect(a.bus.isOnline).toBe(false);
    expect(say(a.bus, 'x')).toBe(false);
    a.clock.setTimeout(() => (ran += 1), 1);
    expect(ask(a.bus, 'x')).toEqual([]);
    world.runFor(500);
    expect(ran).toBe(0);
  });

  it.each([
    ['arrives after SIGKILL', {}, ['last words']],
    ['is lost with the power', { losesBytes: true }, []],
  ])('what it had sent %s', (_, how, expected) => {
    const world = worldOf();
    const heard = heardBy(busOf(world, 'b'), 'x');
    const a = busOf(world, 'a');
    world.runFor(10);
    say(a, 'x', 'last words');
    world.host('a').crash(how);
    world.runFor(100);
    expect(heard).toEqual(expected);
  });

  it('is followed by a fresh process: new ports, new ids, no subscriptions', () => {
    const world = worldOf();
    const before = portsOf(world, 'a');
    heardBy(before.bus, 'to.a');
    const id = before.random.id();
    world.host('a').restart();
    const after = portsOf(world, 'a');
    expect(after).not.toBe(before);
    expect(after).toBe(portsOf(world, 'a'));
    expect(after.random.id()).not.toBe(id);
    expect([world.host('a').life, world.host('a').isAlive]).toEqual([2, true]);
    world.runFor(10);
    expect(world.broker.subscribersOf('to.a')).toEqual([]);
  });
});

describe('a pause', () => {
  it('is silence to others, and everything that waited runs at resume in the order it fell due', () => {
    const world = worldOf();
    const [a, b] = [portsOf(world, 'a'), portsOf(world, 'b')];
    const order: string[] = [];
    a.bus.subscribe('to.a', (message) => {
      order.push(text(message.data));
      message.respond(message.data);
    });
    world.runFor(10);
    a.clock.setTimeout(() => order.push('timer 20'), 20);
    a.clock.setTimeout(() => order.push('timer 60'), 60);
    const cleared = a.clock.setTimeout(() => order.push('cleared'), 70);
    world.host('a').pause();
    world.runFor(40);
    const outcomes = ask(b.bus, 'to.a');
    say(b.bus, 'to.a', 'later');
    world.runFor(200);
    expect([order, outcomes]).toEqual([[], ['timeout']]);
    a.clock.clearTimeout(cleared);
    world.host('a').resume();
    world.runFor(1);
    expect(order).toEqual(['timer 20', '?', 'later', 'timer 60']);
  });

  it('does not stop what had left before it', () => {
    const world = worldOf();
    const heard = heardBy(busOf(world, 'b'), 'from.a');
    const a = busOf(world, 'a');
    world.runFor(10);
    say(a, 'from.a', 'left before');
    world.host('a').pause();
    world.runFor(10);
    expect(heard).toEqual(['left before']);
  });

  it('outlasts the ping timeout: a link cut and healed meanwhile is still there', () => {
    const world = worldOf();
    const statuses: BusStatus[] = [];
    busOf(world, 'a').onStatus((status) => statuses.push(status));
    world.host('a').pause();
    world.host('a').cut({ in: true });
    world.runFor(10_000);
    world.host('a').heal();
    world.host('a').resume();
    world.runFor(1_000);
    expect(statuses).toEqual([]);
  });
});
