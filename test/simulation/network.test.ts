/** What the simulated network does to messages: cuts, restarts of the broker, and each core fault by rate. */
import { describe, expect, it } from 'vitest';
import type { Bus, BusStatus } from '../../src/ports.ts';
import type { FaultRates, SimulatedWorld } from '../../src/simulation/index.ts';
import { ask, busOf, bytes, heardBy, say, text, worldOf } from './talk.ts';

describe('a cut', () => {
  const setUp = (): {
    world: SimulatedWorld;
    a: Bus;
    b: Bus;
    fromA: string[];
    toA: string[];
    statuses: BusStatus[];
  } => {
    const world = worldOf();
    const [a, b] = [busOf(world, 'a'), busOf(world, 'b')];
    const [fromA, toA] = [heardBy(b, 'from.a'), heardBy(a, 'to.a')];
    const statuses: BusStatus[] = [];
    a.onStatus((status) => statuses.push(status));
    world.runFor(10);
    return { world, a, b, fromA, toA, statuses };
  };

  it('that is short is not noticed, and delivers everything late, in order', () => {
    const { world, a, b, fromA, toA, statuses } = setUp();
    world.host('a').cut();
    for (const word of ['1', '2', '3']) {
      expect(say(a, 'from.a', word)).toBe(true);
      say(b, 'to.a', word);
      world.runFor(300);
    }
    expect([fromA, toA]).toEqual([[], []]);
    world.host('a').heal();
    say(a, 'from.a', '4');
    world.runFor(100);
    expect([fromA, toA]).toEqual([
      ['1', '2', '3', '4'],
      ['1', '2', '3'],
    ]);
    expect(statuses).toEqual([]);
  });

  it('that lasts loses what was in the socket, ends subscriptions, and is healed by a new connection', () => {
    const { world, a, b, fromA, toA, statuses } = setUp();
    world.host('a').cut();
    say(a, 'from.a', 'lost');
    say(b, 'to.a', 'lost too');
    world.runUntil(() => !a.isOnline, { withinMs: 4_000 });
    expect(world.now).toBeGreaterThan(2_000);
    expect(say(a, 'from.a', 'refused')).toBe(false);
    world.runFor(4_000);
    expect(world.broker.subscribersOf('to.a')).toEqual([]);
    world.host('a').heal();
    world.runUntil(() => a.isOnline, { withinMs: 1_000 });
    world.runFor(10);
    say(b, 'to.a', 'after');
    world.runFor(10);
    expect([fromA, toA, statuses]).toEqual([[], ['after'], ['offline', 'online']]);
  });

  it('one way in: its words still leave, it hears nothing, and it gives up by itself', () => {
    const { world, a, b, fromA, toA } = setUp();
    world.host('a').cut({ in: true });
    say(a, 'from.a', 'out');
    say(b, 'to.a', 'in');
    world.runFor(1_000);
    expect([fromA, toA]).toEqual([['out'], []]);
    expect(world.broker.subscribersOf('to.a')).toEqual(['a']);
    world.runUntil(() => !a.isOnline, { withinMs: 4_000 });
    expect(world.broker.subscribersOf('to.a')).toEqual([]);
  });

  it('one way out: it hears, and nobody hears it until the broker has enough', () => {
    const { world, a, b, fromA, toA, statuses } = setUp();
    world.host('a').cut({ out: true });
    say(a, 'from.a', 'out');
    say(b, 'to.a', 'in');
    world.runFor(1_000);
    expect([fromA, toA]).toEqual([[], ['in']]);
    world.runFor(4_000);
    expect(statuses).toEqual(['offline']);
    expect(world.broker.subscribersOf('to.a')).toEqual([]);
  });

  it('can leave bytes behind that arrive after their sender has given up', () => {
    const { world, a, fromA } = setUp();
    world.setFaults({ bytesLinger: 1 });
    world.host('a').cut();
    say(a, 'from.a', 'ghost');
    world.runUntil(() => !a.isOnline, { withinMs: 4_000 });
    const arrived = world.broker.subscribersOf('to.a').length > 0;
    world.host('a').heal();
    world.runFor(1_000);
    // Unless the broker, too, had given the connection up.
    expect(fromA).toEqual(arrived ? ['ghost'] : []);
  });

  it('is healed, with every other fault, by the world', () => {
    const { world, a } = setUp();
    world.setFaults({ drop: 1 });
    world.host('a').cut();
    world.host('b').pause();
    world.runFor(9_000);
    world.heal();
    world.runUntil(() => a.isOnline, { withinMs: 1_000 });
    expect([world.faults.drop, world.host('b').isPaused]).toEqual([0, false]);
  });
});

describe('the broker', () => {
  it('restarts: everybody goes offline, subscribes again, and refuses meanwhile', () => {
    const world = worldOf();
    const [a, b] = [busOf(world, 'a'), busOf(world, 'b')];
    const heard = heardBy(b, 'x');
    const statuses: BusStatus[] = [];
    a.onStatus((status) => statuses.push(status));
    world.runFor(10);
    world.broker.restart(2_000);
    world.runFor(100);
    expect([a.isOnline, b.isOnline, say(a, 'x', 'refused')]).toEqual([false, false, false]);
    world.runUntil(() => a.isOnline && b.isOnline, { withinMs: 3_000 });
    world.runFor(10);
    say(a, 'x', 'after');
    world.runFor(10);
    expect([heard, statuses]).toEqual([['after'], ['offline', 'online']]);
  });

  it('that goes lame duck warns first, then moves its clients one by one', () => {
    const world = worldOf();
    const [a, b] = [busOf(world, 'a'), busOf(world, 'b')];
    const statuses: BusStatus[] = [];
    for (const bus of [a, b]) bus.onStatus((status) => statuses.push(status));
    world.broker.lameDuck(5_000);
    world.runFor(2);
    expect([statuses, a.isOnline]).toEqual([['lameDuck', 'lameDuck'], true]);
    world.runFor(6_000);
    expect(statuses.slice(2)).toEqual(['offline', 'online', 'offline', 'online']);
  });

  it('lets a test read what a service says of itself', () => {
    const world = worldOf();
    const service = {
      name: 'conclave',
      version: '1.0.0',
      description: '',
      metadata: {},
      queue: 'q',
      endpoints: [],
    };
    busOf(world, 'a').serve({ ...service, stats: () => ({ role: 'leader' }) });
    expect(world.host('a').services.map((one) => one.stats())).toEqual([{ role: 'leader' }]);
    world.runFor(10);
    const outcomes = ask(busOf(world, 'b'), '$SRV.STATS.conclave');
    world.runFor(10);
    expect(outcomes).toEqual(['reply']);
  });
});

describe('a message', () => {
  it('is what was given to publish, whatever its sender does with the bytes afterwards', () => {
    const world = worldOf();
    const a = busOf(world, 'a');
    const heard = heardBy(a, 'x');
    const data = bytes('mine');
    a.publish({ subject: 'x', data });
    data.fill(0);
    world.runFor(10);
    expect(heard).toEqual(['mine']);
  });
});

describe('core faults by rate', () => {
  const exchange = (
    faults: Partial<FaultRates>,
    count = 400,
  ): { one: string[]; two: string[]; sent: string[] } => {
    const world = worldOf();
    const [a, b] = [busOf(world, 'a'), busOf(world, 'b')];
    const heard: string[] = [];
    busOf(world, 'c').subscribe('x.*', (message) => heard.push(`${message.subject} ${text(message.data)}`));
    world.runFor(10);
    world.setFaults(faults);
    for (let n = 0; n < count; n += 1) {
      say(a, 'x.a', `${n}`);
      say(b, 'x.b', `${n}`);
      world.runFor(1);
    }
    world.runFor(5_000);
    const from = (subject: string): string[] =>
      heard.flatMap((line) => (line.startsWith(`${subject} `) ? [line.slice(subject.length + 1)] : []));
    return { one: from('x.a'), two: from('x.b'), sent: Array.from({ length: count }, (_, n) => `${n}`) };
  };

  it('are off by default', () => {
    const { one, two, sent } = exchange({});
    expect([one, two]).toEqual([sent, sent]);
  });

  it('drop loses about that share of copies', () => {
    const { one, two, sent } = exchange({ drop: 0.25 });
    expect(one.length + two.length).toBeGreaterThan(sent.length * 2 * 0.65);
    expect(one.length + two.length).toBeLessThan(sent.length * 2 * 0.85);
  });

  it('do not move each other: what is dropped stays dropped when more is set', () => {
    const alone = exchange({ drop: 0.25 });
    const more = exchange({ drop: 0.25, duplicate: 0.5 });
    expect(new Set(more.one)).toEqual(new Set(alone.one));
    expect(more.one.length).toBeGreaterThan(alone.one.length);
  });

  it('delay holds up a connection, for up to 2 s', () => {
    const world = worldOf();
    const heard = heardBy(busOf(world, 'b'), 'x');
    const a = busOf(world, 'a');
    world.runFor(10);
    world.setFaults({ delay: 1 });
    say(a, 'x', 'late');
    world.runFor(3);
    world.setFaults({});
    say(a, 'x', 'behind it');
    world.runFor(3);
    expect(heard).toEqual([]);
    world.runFor(2_000);
    expect(heard).toEqual(['late', 'behind it']);
  });

  it('duplicate delivers twice, loses nothing', () => {
    const { one, sent } = exchange({ duplicate: 0.25 });
    expect(one.length).toBeGreaterThan(sent.length * 1.15);
    expect(new Set(one)).toEqual(new Set(sent));
  });

  it.each(['delay', 'reorder'] as const)('%s keeps the order of each connection', (fault) => {
    const { one, two, sent } = exchange({ [fault]: 0.05 });
    expect([one, two]).toEqual([sent, sent]);
  });

  it('reorder lets connections overtake each other', () => {
    const world = worldOf({ faults: { reorder: 0.2 } });
    const [a, b] = [busOf(world, 'a'), busOf(world, 'b')];
    const heard = heardBy(busOf(world, 'c'), 'x');
    let overtaken = 0;
    for (let n = 0; n < 50; n += 1) {
      heard.length = 0;
      say(a, 'x', 'first');
      world.runFor(5);
      say(b, 'x', 'second');
      world.runFor(1_000);
      if (heard[0] === 'second') overtaken += 1;
    }
    expect(overtaken).toBeGreaterThan(2);
  });

  it('strike answers too: a request whose answer is lost times out', () => {
    const world = worldOf();
    const a = busOf(world, 'a');
    world.runFor(10);
    world.setFaults({ drop: 1 });
    const outcomes = ask(a, 'nobody', 100);
    world.runFor(200);
    expect(outcomes).toEqual(['timeout']);
  });
});
