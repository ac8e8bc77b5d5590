/** Live statecharts of a fleet, shown to whoever watches, and to nobody else. */
import { expect, test } from 'vitest';
import { SimulatedFleet, SimulatedWorld } from '../../src/simulation/index.ts';
import { decode, encode } from '../../src/wire/codec.ts';
import type { SnapshotMessage } from '../../src/wire/messages.ts';
import { subjectsOf } from '../../src/wire/subjects.ts';

const subjects = subjectsOf('default');

interface Seen extends SnapshotMessage {
  readonly from: string;
}

function play() {
  const world = new SimulatedWorld({ seed: 1 });
  const fleet = new SimulatedFleet(world);
  fleet.join('ada', { priority: 2 });
  fleet.join('bob', { priority: 1 });
  world.runUntil(
    () => fleet.leader()?.id === 'ada' && fleet.nodes.get('bob')?.worker.state === 'online.active.idle',
    {
      withinMs: 10_000,
    },
  );
  const { bus } = world.host('viewer').ports('default');
  const seen: Seen[] = [];
  bus.subscribe('conclave.default.inspect.*', ({ subject, data, headers }) => {
    const from = subject.split('.').at(-1) ?? '';
    seen.push({ from, ...(decode(data, headers) as SnapshotMessage) });
  });
  const watch = (wish: object): void => {
    bus.publish({ subject: subjects.watch, data: encode(wish, 'json') });
    world.runFor(50);
  };
  return { world, fleet, seen, watch };
}

test('nobody watches: nothing is shown, whatever happens', () => {
  const { world, fleet, seen } = play();
  fleet.kill('ada');
  world.runUntil(() => fleet.leader()?.id === 'bob', { withinMs: 10_000 });
  expect(seen).toEqual([]);
});

test('a watcher is shown how every chart stands, then each step of it', () => {
  const { world, fleet, seen, watch } = play();
  watch({});
  const states = seen.map(({ from, chart, of, state, event }) => ({ from, chart, of, state, event }));
  expect(states).toContainEqual({
    from: 'ada',
    chart: 'coordinator',
    of: 'ada',
    state: 'office.leading',
    event: null,
  });
  expect(states).toContainEqual({
    from: 'ada',
    chart: 'member',
    of: 'bob',
    state: 'present.alive',
    event: null,
  });
  expect(states).toContainEqual({
    from: 'bob',
    chart: 'election',
    of: 'bob',
    state: 'follower',
    event: null,
  });
  fleet.kill('ada');
  world.runUntil(() => fleet.leader()?.id === 'bob', { withinMs: 5_000 });
  world.runFor(50);
  const steps = seen.filter(
    ({ from, chart, event }) => from === 'bob' && chart === 'election' && event !== null,
  );
  expect(steps.map(({ event }) => event)).toContain('vacancy');
  expect(steps.at(-1)).toMatchObject({ event: 'claim.won', state: 'leading' });
});

test('only the agents that are named show themselves, and only until the time is up', () => {
  const { world, fleet, seen, watch } = play();
  watch({ agents: ['bob'], forMs: 1_000 });
  expect(new Set(seen.map(({ from }) => from))).toEqual(new Set(['bob']));
  world.runFor(1_500);
  const before = seen.length;
  fleet.kill('ada');
  world.runUntil(() => fleet.leader()?.id === 'bob', { withinMs: 10_000 });
  expect(seen).toHaveLength(before);
});

test('a wish that is none is counted, and shows nothing', () => {
  const { seen, watch } = play();
  watch({ forMs: 'for ever' });
  watch({ agents: 'ada' });
  expect(seen).toEqual([]);
});
