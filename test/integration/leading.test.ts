/** Who leads, how often agents beat, and attempts that take too long: on a real nats-server, through the public API. */
import { JSONCodec } from 'nats';
import { expect, test, vi } from 'vitest';
import type { Agent } from '../../src/index.ts';
import type { Heartbeat } from '../../src/wire/messages.ts';
import { withFleets } from '../support/fleets.ts';
import { withServer } from '../support/nats-server.ts';

const server = withServer();
const json = JSONCodec<Heartbeat>();
const patience = { timeout: 20_000, interval: 25 };
const { join, stranger, freshName } = withFleets(server);

/** Its beats, from now on. */
async function* beatsOf(fleet: string, id: string): AsyncGenerator<Heartbeat> {
  const nc = await stranger();
  for await (const message of nc.subscribe(`conclave.${fleet}.agent.heartbeat.${id}`))
    yield json.decode(message.data);
}

async function isCaughtUp({ fleet, id }: Agent): Promise<void> {
  await vi.waitFor(async () => {
    expect((await fleet.agent(id)).isStandby).toBe(true);
  }, patience);
}

test('an election goes to the highest score: priority, health and load count', async () => {
  const fleet = freshName();
  const first = await join({ fleet, id: 'first' });
  const sick = await join({ fleet, id: 'sick', priority: 5.5 });
  const loaded = await join({ fleet, id: 'loaded', priority: 5.4 });
  const best = await join({ fleet, id: 'well', priority: 5 });
  sick.health = 0;
  loaded.load = 1;
  for (const agent of [sick, loaded, best]) await isCaughtUp(agent);
  await vi.waitFor(async () => {
    expect((await first.fleet.agent('sick')).health).toBe(0);
    expect((await first.fleet.agent('loaded')).load).toBe(1);
  }, patience);
  expect(await first.fleet.elect()).toEqual({ leader: 'well', term: 2 });
});

test('a better agent that joins later does not depose a healthy leader', async () => {
  const fleet = freshName();
  const settings = { heartbeatIntervalMs: 100 };
  const leader = await join({ fleet, id: 'ada', settings });
  const better = await join({ fleet, id: 'bob', priority: 99, settings });
  await isCaughtUp(better);
  let beats = 0;
  for await (const { isStandby } of beatsOf(fleet, 'bob')) if (isStandby && (beats += 1) === 20) break;
  expect(leader.isLeader).toBe(true);
  expect((await leader.fleet.status()).term).toBe(1);
});

test('with a margin and a tenure it is given the lead, once', async () => {
  const fleet = freshName();
  const settings = { heartbeatIntervalMs: 100, preemptMargin: 2, preemptTenureMs: 1_000 };
  const leader = await join({ fleet, id: 'ada', settings });
  const better = await join({ fleet, id: 'bob', priority: 9, settings });
  await vi.waitFor(() => {
    expect(better.isLeader).toBe(true);
  }, patience);
  const { term, election } = await leader.fleet.status();
  expect({ term, cause: election.cause }).toEqual({ term: 2, cause: 'handover' });
});

test('the leader stretches the interval so that heartbeats stay under the cap', async () => {
  const fleet = freshName();
  const settings = { heartbeatIntervalMs: 200, heartbeatsPerSecondMax: 5 };
  const ids = ['ada', 'bob', 'cyd', 'dan'];
  const [leader] = await Promise.all(ids.map((id) => join({ fleet, id, settings })));
  // Four agents at five beats a second: no fewer than 800 ms each. The leader is watched, and beats as it did.
  const followers = (await leader?.fleet.agents())?.flatMap(({ id, isLeader }) => (isLeader ? [] : id)) ?? [];
  expect(followers).toHaveLength(3);
  await Promise.all(
    followers.map(async (id) => {
      for await (const { intervalMs } of beatsOf(fleet, id)) if (intervalMs >= 800) return;
    }),
  );
  expect((await leader?.fleet.status())?.agents).toMatchObject({ alive: 4, dead: 0 });
});

test('an attempt that runs too long is aborted; a handler that ignores that keeps its slot', async () => {
  const fleet = freshName();
  let release: () => void = () => undefined;
  const { fleet: caller } = await join({
    fleet,
    id: 'ada',
    tasks: {
      obedient: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reject(new Error('stopped'));
          });
        }),
      deaf: () => new Promise<void>((resolve) => (release = resolve)),
      quick: () => 'done',
    },
  });
  const short = { runTimeoutMs: 100, maxRetries: 0 };
  const obedient = await caller.submit({ type: 'obedient', ...short });
  expect(await obedient.outcome()).toMatchObject({ status: 'failed', error: { code: 'TIMED_OUT' } });
  const deaf = await caller.submit({ type: 'deaf', ...short });
  expect(await deaf.outcome()).toMatchObject({ status: 'failed', error: { code: 'TIMED_OUT' } });
  const waiting = await caller.submit({ type: 'quick' });
  const { tasks } = await caller.tasks({ status: 'pending' });
  expect(tasks.map(({ id }) => id)).toEqual([waiting.id]);
  expect((await caller.agent('ada')).running).toBe(1);
  release();
  expect(await waiting.result()).toBe('done');
});
