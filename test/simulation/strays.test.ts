/** One stray message with a term that nobody has: what is heard later of the leader counts all the same. */
import { expect, test } from 'vitest';
import { SimulatedFleet, SimulatedWorld } from '../../src/simulation/index.ts';
import { encode } from '../../src/wire/codec.ts';

const far = Number.MAX_SAFE_INTEGER;
const strays: Readonly<Record<string, readonly [string, object]>> = {
  'orders of a stranger': [
    'conclave.default.agent.orders.stranger',
    {
      incarnation: 'x',
      term: far,
      heartbeatIntervalMs: 1_000,
      repeatMs: 3_600_000,
      standbys: [],
      hasRoom: true,
    },
  ],
  'work that is meant for another process': [
    '_conclave.default.inbox.dot',
    { kind: 'work', term: far, to: 'x', assign: [], abort: [], vote: [], isUnknown: false },
  ],
  'a probe': ['_conclave.default.inbox.dot', { kind: 'probe', term: far }],
  'a candidacy': [
    'conclave.default.agent.election.stranger',
    { kind: 'candidacy', incarnation: 'x', term: far, score: 1e9 },
  ],
  'a victory': [
    'conclave.default.agent.election.stranger',
    { kind: 'victory', incarnation: 'x', term: far, sequence: far },
  ],
};

test.each(Object.keys(strays))('%s', async (name) => {
  const world = new SimulatedWorld({ seed: 3 });
  const fleet = new SimulatedFleet(world);
  fleet.join('ada', { priority: 2 });
  fleet.join('bob');
  fleet.join('dot', { electable: false, slots: 2, handlers: { work: () => Promise.resolve('done') } });
  const client = fleet.client();
  const works = async (): Promise<void> => {
    const task = await world.settle(client.submit({ type: 'work' }));
    expect(await world.settle(task.result())).toBe('done');
  };
  await works();
  const [subject, body] = strays[name] ?? ['', {}];
  world
    .host('anybody')
    .ports('default')
    .bus.publish({ subject, data: encode(body, 'json') });
  await world.advance(100);
  await works();
  const { term } = await world.settle(client.status());
  fleet.kill('ada');
  await works();
  expect(await world.settle(client.status())).toMatchObject({ leader: 'bob', term: term + 1 });
  await world.advance(10_000);
  await works();
  expect([...fleet.ended]).toEqual([]);
});
