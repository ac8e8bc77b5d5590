/** What is said too late, twice, or by somebody who was given up: it counts for nothing that has begun since. */
import { connect, type Msg, type NatsConnection } from 'nats';
import { expect, test } from 'vitest';
import { verifyLedger } from '../../../src/index.ts';
import { withServer } from '../../support/nats-server.ts';
import { until } from '../../support/until.ts';
import { echoes, expectEachOnce, leadersOf, withStage, type Scene } from './stage.ts';

const server = withServer();
const stage = withStage('late');
const settings = { heartbeatIntervalMs: 200, leaderSilenceMs: 1_000 };

interface Tape {
  /** What agents said, of these verbs. */
  readonly said: (...verbs: readonly string[]) => readonly Msg[];
  /** Says it all again, as often as it was said; resolves when the leader has heard it, and has answered what is answered. */
  readonly replay: (messages: readonly Msg[]) => Promise<void>;
}

async function recordAgents({ fleet }: Scene): Promise<Tape> {
  const nc: NatsConnection = await connect({ servers: server().url });
  stage.ending({ stop: () => nc.close() });
  const all: Msg[] = [];
  nc.subscribe(`conclave.${fleet}.agent.>`, { callback: (_, message) => all.push(message) });
  await nc.flush();
  const verbOf = ({ subject }: Msg): string => subject.split('.')[3] ?? '';
  return {
    said: (...verbs) => all.filter((message) => verbs.includes(verbOf(message))),
    replay: async (messages) => {
      for (const { subject, data, headers, reply } of messages) {
        const more = headers === undefined ? {} : { headers };
        if (reply === undefined || reply === '') nc.publish(subject, data, more);
        else await nc.request(subject, data, { timeout: 10_000, ...more });
      }
      await nc.request(`conclave.${fleet}.api.status`, '{}');
    },
  };
}

test('ballots, reports, heartbeats and candidacies said again after elections and deaths count for nothing', async () => {
  const scene = await stage.scene(server().url, settings);
  const { client } = scene;
  const agents = new Map(
    [
      await scene.start({ id: 'first', priority: 3 }),
      ...(await Promise.all(['second', 'third'].map((id) => scene.start({ id })))),
    ].map((agent) => [agent.id, agent]),
  );
  const tape = await recordAgents(scene);
  const policy = { type: 'policy', voters: ['ann', 'bob'], quorum: 1, timeoutMs: 120_000 };
  const open = await client.openProposal(policy);
  await client.vote({ proposal: open, voter: 'ann', decision: 'approve' });
  const handles = await echoes(client, 20);
  await Promise.all(handles.map((handle) => handle.outcome()));
  await client.elect();
  await client.elect();
  // One dies, and one comes back as another process.
  agents.get('third')?.signal('SIGKILL');
  agents.get('second')?.signal('SIGKILL');
  await until(async () => (await client.agents({ state: 'dead' })).length === 2);
  const second = await scene.start({ id: 'second' });
  const [long] = await client.submitMany([{ type: 'slow', payload: { ms: 2_000 }, maxRetries: 0 }]);
  await long?.assigned();
  const before = await client.proposal(open);
  const { term } = await client.status();

  const verbs = ['ballot', 'report', 'heartbeat', 'election'];
  for (const verb of verbs) expect(tape.said(verb).length, verb).toBeGreaterThan(0);
  const messages = [...tape.said(...verbs)];
  await tape.replay([...messages, ...messages]);

  expect((await client.status()).term).toBe(term);
  expect((await client.agent('third')).state).toBe('dead');
  expect(await client.proposal(open)).toEqual(before);
  await client.vote({ proposal: open, voter: 'bob', decision: 'approve' });
  const { approve, notVoted } = await client.decision(open);
  // Three agents, ann and bob.
  expect({ approve, notVoted }).toEqual({ approve: 5_000, notVoted: 0 });
  const cast: string[] = [];
  await verifyLedger({
    servers: server().url,
    fleet: scene.fleet,
    onEntry: ({ events }) => {
      for (const event of events) if (event.type === 'ballot.cast') cast.push(event.voter);
    },
  });
  expect(cast.sort()).toEqual(['ann', 'bob', 'first', 'second', 'third']);
  const report = await expectEachOnce(scene, long === undefined ? handles : [...handles, long], server().url);
  expect(report.retries).toBe(0);
  expect(report.terms).toHaveLength(term);
  expect(second.aborted).toEqual([]);
}, 60_000);

test('an agent that sleeps past its tasks and then reports them is refused: another does them, each once', async () => {
  // It is given up later than its handlers take: they are done when it wakes, before it can hear that nobody waits.
  const scene = await stage.scene(server().url, { ...settings, deadAfterIntervals: 12 });
  const { client } = scene;
  await scene.start({ id: 'first', priority: 3, handles: ['echo'] });
  const second = await scene.start({ id: 'second', slots: 6 });
  const payload = { ms: 2_000, value: 'done' };
  const handles = await client.submitMany(Array.from({ length: 6 }, () => ({ type: 'slow', payload })));
  await Promise.all(handles.map((handle) => handle.assigned()));
  second.signal('SIGSTOP');
  await scene.start({ id: 'third', slots: 6 });
  await until(async () => {
    const { tasks } = await client.tasks({ type: 'slow', status: 'running' });
    return tasks.filter(({ agent }) => agent === 'third').length === handles.length;
  });
  second.signal('SIGCONT');
  await until(async () => (await client.agent('second')).state === 'alive');
  const outcomes = await Promise.all(handles.map((handle) => handle.outcome()));
  expect(outcomes.map(({ agent, attempt }) => [agent, attempt])).toEqual(handles.map(() => ['third', 2]));
  const report = await expectEachOnce(scene, handles, server().url);
  expect(report.reassigned).toBe(6);
  for (const { id } of handles) {
    const { attempts } = await client.task(id);
    expect(attempts.map(({ agent, end }) => `${agent} ${String(end)}`)).toEqual([
      'second lost',
      'third completed',
    ]);
  }
  expect(leadersOf(report)).toEqual(['1 first']);
}, 60_000);
