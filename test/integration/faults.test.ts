/** What happens to real processes on a real nats-server when they die, freeze, or lose their broker. */
import { connect } from 'nats';
import { afterEach, expect, test } from 'vitest';
import type { EventType, LedgerEvent } from '../../src/domain/events.ts';
import { connectFleet, verifyLedger, type Fleet, type TaskHandle } from '../../src/index.ts';
import {
  endAgents,
  startAgent,
  type AgentProcess,
  type AgentProcessOptions,
  type Start,
} from '../support/agent-process.ts';
import { withServer } from '../support/nats-server.ts';
import { verifyStarts } from '../support/verify-starts.ts';

const server = withServer();
const fleets: Fleet[] = [];
let count = 0;

afterEach(async () => {
  await endAgents();
  await Promise.all(fleets.splice(0).map((fleet) => fleet.close()));
  // Each reserves a gigabyte of the server's disk, which has room for fifteen.
  const nc = await connect({ servers: server().url });
  const { streams } = await nc.jetstreamManager();
  for await (const { config } of streams.list()) await streams.delete(config.name);
  await nc.close();
});

interface Running {
  readonly fleet: string;
  readonly client: Fleet;
  readonly agents: Map<string, AgentProcess>;
  /** What their handlers began. */
  readonly starts: readonly Start[];
  start(options: Omit<AgentProcessOptions, 'servers' | 'fleet'>): Promise<AgentProcess>;
}

async function fleetOf(agents: readonly Omit<AgentProcessOptions, 'servers' | 'fleet'>[]): Promise<Running> {
  count += 1;
  const fleet = `faults_${count}`;
  const servers = server().url;
  const client = await connectFleet({ servers, fleet, timeoutMs: 30_000 });
  fleets.push(client);
  const started = new Map<string, AgentProcess>();
  const starts: Start[] = [];
  const onStart = (each: Start): void => void starts.push(each);
  const start: Running['start'] = async (options) => {
    const agent = await startAgent({ servers, fleet, ...options }, { onStart });
    started.set(options.id, agent);
    return agent;
  };
  // The best one first, so that it leads.
  for (const options of agents) await start(options);
  return { fleet, client, agents: started, starts, start };
}

async function submitMany(
  client: Fleet,
  n: number,
  payload: unknown = 1,
  type = 'echo',
): Promise<TaskHandle[]> {
  return client.submitMany(Array.from({ length: n }, () => ({ type, payload })));
}

async function untilShown(
  client: Fleet,
  { id }: TaskHandle,
  told: { readonly share: number; readonly note: string },
): Promise<void> {
  await expect.poll(async () => (await client.task(id)).progress, { timeout: 10_000 }).toMatchObject(told);
}

/** Every acknowledged task has exactly one outcome, the ledger holds together, and nothing was begun without it. */
async function expectNothingLost(running: Running, handles: readonly TaskHandle[]): Promise<void> {
  const outcomes = await Promise.all(handles.map((handle) => handle.outcome()));
  expect(outcomes.filter((outcome) => outcome.status !== 'completed')).toEqual([]);
  const { fleet, starts } = running;
  const report = await verifyStarts({ servers: server().url, fleet, starts });
  expect(report.problems).toEqual([]);
  expect(report.doubleOutcomes).toBe(0);
  expect(report.tasks['completed']).toBe(new Set(handles.map(({ id }) => id)).size);
}

async function untilLeaderIsNot(client: Fleet, id: string): Promise<string> {
  for (;;) {
    const { leader } = await client.status();
    if (leader !== null && leader !== id) return leader;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test.each(['before', 'sent', 'acked'] as const)(
  'a leader that is killed when its append is at "%s" loses no acknowledged task',
  async (killAt) => {
    const running = await fleetOf([
      { id: 'first', priority: 3, killAt },
      { id: 'second', priority: 2 },
      { id: 'third', priority: 1 },
    ]);
    const { client } = running;
    expect((await client.status()).leader).toBe('first');
    const handles = await submitMany(client, 50);
    const leader = running.agents.get('first');
    leader?.tell('arm');
    for (let i = 0; i < 10; i++) handles.push(...(await submitMany(client, 50)));
    await leader?.ended;
    expect(await untilLeaderIsNot(client, 'first')).toBe('second');
    await expectNothingLost(running, handles);
  },
);

test('a leader that is frozen until another leads stops nothing when it thaws', async () => {
  const running = await fleetOf([
    { id: 'first', priority: 3 },
    { id: 'second', priority: 2, slots: 8 },
    { id: 'third', priority: 1, slots: 8 },
  ]);
  const { client } = running;
  const first = running.agents.get('first');
  first?.signal('SIGSTOP');
  const next = await untilLeaderIsNot(client, 'first');
  expect(next).toBe('second');
  const handles = await submitMany(client, 12, { ms: 1_500 }, 'slow');
  await Promise.all(handles.map((handle) => handle.assigned()));
  first?.signal('SIGCONT');
  handles.push(...(await submitMany(client, 50)));
  await expectNothingLost(running, handles);
  const elsewhere = [...running.agents.values()].filter((agent) => agent.id !== 'first');
  expect(elsewhere.flatMap((agent) => agent.aborted)).toEqual([]);
  expect((await client.status()).leader).toBe('second');
});

test('progress that was told to a leader that is killed is shown by the next one', async () => {
  const running = await fleetOf([
    { id: 'first', priority: 3, slots: 1 },
    { id: 'second', priority: 2, slots: 1 },
    { id: 'third', priority: 1, slots: 1 },
  ]);
  const { client } = running;
  const payload = { ms: 4_000, progress: 0.4 };
  const handles = await submitMany(client, 3, payload, 'slow');
  const holders = await Promise.all(handles.map((handle) => handle.assigned()));
  const theirs = handles[holders.findIndex(({ agent }) => agent === 'third')] as TaskHandle;
  const told = { share: 0.4, note: 'told by third' };
  await untilShown(client, theirs, told);
  running.agents.get('first')?.signal('SIGKILL');
  expect(await untilLeaderIsNot(client, 'first')).toBe('second');
  await untilShown(client, theirs, told);
  expect((await client.task(theirs.id)).attempt).toBe(1);
  await expectNothingLost(running, handles);
  expect((await client.task(theirs.id)).progress).toBeNull();
});

test('two processes that claim at once never start the same term', async () => {
  const running = await fleetOf([
    { id: 'left', isEager: true },
    { id: 'right', isEager: true },
  ]);
  for (let i = 0; i < 50; i++) await running.client.elect();
  const report = await verifyLedger({ servers: server().url, fleet: running.fleet });
  expect(report.problems).toEqual([]);
  expect(report.terms.length).toBeGreaterThanOrEqual(51);
  expect(report.terms.map(({ term }) => term)).toEqual(report.terms.map((_, i) => i + 1));
  expect(new Set(report.terms.map(({ leader }) => leader)).size).toBe(2);
}, 120_000);

test.each(['before', 'sent', 'acked'] as const)(
  'a removal goes through when the leader is killed with its append at "%s"',
  async (killAt) => {
    const running = await fleetOf([
      { id: 'first', priority: 3, slots: 1, killAt },
      { id: 'second', priority: 2, slots: 1 },
      { id: 'third', priority: 1, slots: 8 },
    ]);
    const { client, agents } = running;
    const handles = await submitMany(client, 8, { ms: 1_500 }, 'slow');
    await Promise.all(handles.map((handle) => handle.assigned()));
    agents.get('first')?.tell('arm');
    await client.remove('third');
    await Promise.all([agents.get('first')?.ended, agents.get('third')?.ended]);
    expect(agents.get('third')?.problem()).toMatchObject({ code: 'REMOVED' });
    expect((await client.agents()).map(({ id }) => id)).not.toContain('third');
    await running.start({ id: 'third', slots: 8 });
    await expectNothingLost(running, handles);
  },
);

test('a removed agent that was frozen does no harm when it thaws, and ends', async () => {
  const running = await fleetOf([
    { id: 'first', priority: 3, slots: 1 },
    { id: 'second', slots: 8 },
  ]);
  const { client, agents } = running;
  const handles = await submitMany(client, 6, { ms: 1_500 }, 'slow');
  await Promise.all(handles.map((handle) => handle.assigned()));
  const frozen = agents.get('second');
  frozen?.signal('SIGSTOP');
  await client.remove('second');
  const fresh = await running.start({ id: 'second', slots: 8 });
  handles.push(...(await submitMany(client, 6, { ms: 3_000 }, 'slow')));
  frozen?.signal('SIGCONT');
  await frozen?.ended;
  expect(frozen?.problem()).toMatchObject({ code: 'REMOVED' });
  await expectNothingLost(running, handles);
  expect(fresh.aborted).toEqual([]);
  expect(await client.agents({ state: 'alive' })).toHaveLength(2);
});

/** By hand: KILLS=50. */
const kills = Number(process.env['KILLS'] ?? 5);

/** Everybody has been heard by the leader lately, and could lead. */
async function untilAllAreHeard(client: Fleet): Promise<void> {
  for (;;) {
    const agents = await client.agents({ state: 'alive' });
    if (
      agents.length === 4 &&
      agents.every(({ heardMsAgo, isStandby }) => isStandby && heardMsAgo !== null && heardMsAgo < 1_000)
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function bestFollows(): Promise<number> {
  const priorities = new Map([1, 2, 3, 4].map((priority) => [`agent_${priority}`, priority * 10]));
  const best = () => [...priorities].sort(([, a], [, b]) => b - a).map(([id]) => id);
  const running = await fleetOf(best().map((id) => ({ id, priority: priorities.get(id) ?? 0 })));
  let hits = 0;
  for (let i = 0; i < kills; i++) {
    await untilAllAreHeard(running.client);
    const { leader } = await running.client.status();
    const killed = leader ?? '';
    const expected = best().find((id) => id !== killed);
    running.agents.get(killed)?.signal('SIGKILL');
    const next = await untilLeaderIsNot(running.client, killed);
    if (next === expected) hits += 1;
    await running.start({ id: killed, priority: priorities.get(killed) ?? 0 });
  }
  return hits;
}

test('after a kill of the leader the best survivor leads', async () => {
  expect(await bestFollows()).toBeGreaterThanOrEqual(Math.floor(kills * 0.98));
}, 300_000);

test('a restart of the broker under a running fleet kills no agent', async () => {
  const running = await fleetOf([
    { id: 'first', priority: 3 },
    { id: 'second', priority: 2 },
    { id: 'third' },
  ]);
  const handles = await submitMany(running.client, 6, { ms: 1_000 }, 'slow');
  await Promise.all(handles.map((handle) => handle.assigned()));
  await server().restart();
  handles.push(...(await submitMany(running.client, 20)));
  await expectNothingLost(running, handles);
  const agents = await running.client.agents();
  expect(agents.map(({ id, state }) => `${id} ${state}`).sort()).toEqual([
    'first alive',
    'second alive',
    'third alive',
  ]);
  expect((await running.client.metrics()).recovery.deaths).toBe(0);
});

/** Ledger time of the latest event of each type, by what it is about. */
type Times = ReadonlyMap<string, ReadonlyMap<EventType, number>>;

async function timesIn(fleet: string): Promise<Times> {
  const times = new Map<string, Map<EventType, number>>();
  await verifyLedger({
    servers: server().url,
    fleet,
    onEntry: ({ at, events }) => {
      for (const event of events) {
        const known = times.get(idIn(event)) ?? new Map<EventType, number>();
        times.set(idIn(event), known.set(event.type, at));
      }
    },
  });
  return times;
}

function idIn(event: LedgerEvent): string {
  if (event.type === 'task.submitted') return event.task.id;
  if (event.type === 'proposal.opened') return event.proposal.id;
  return 'id' in event ? event.id : '';
}

test.each([
  ['ahead', 3_600_000],
  ['behind', -3_600_000],
])(
  'a fail-over to a process whose clock is an hour %s expires nothing early and hangs nothing',
  async (_, wallSkewMs) => {
    const given = { settings: { retryBackoffMs: 12_000 }, handles: [] };
    const running = await fleetOf([
      { id: 'first', priority: 3, ...given },
      { id: 'second', priority: 2, ...given, wallSkewMs },
      { id: 'third', priority: 1, ...given, handles: ['echo', 'flaky', 'slow'] },
    ]);
    const { client, fleet } = running;
    const tasks = await client.submitMany([
      { type: 'slow', payload: { ms: 60_000 }, runTimeoutMs: 6_000, maxRetries: 0 },
      { type: 'flaky', payload: { failures: 1 } },
      { type: 'echo', payload: 1, delayMs: 6_000 },
    ]);
    const open = { type: 'policy', voters: ['bob'], quorum: 1, timeoutMs: 6_000 };
    const proposal = await client.openProposal(open);
    await tasks[0]?.assigned();
    running.agents.get('first')?.signal('SIGKILL');
    expect(await untilLeaderIsNot(client, 'first')).toBe('second');

    expect((await client.decision(proposal)).status).toBe('expired');
    const outcomes = await Promise.all(tasks.map((task) => task.outcome()));
    expect(outcomes.map(({ status }) => status)).toEqual(['failed', 'completed', 'completed']);
    const times = await timesIn(fleet);
    const tookMs = (id: string | undefined, from: EventType, to: EventType): number =>
      (times.get(id ?? '')?.get(to) ?? NaN) - (times.get(id ?? '')?.get(from) ?? NaN);
    const [slow, flaky, later] = tasks.map(({ id }) => id);
    const all = [
      tookMs(proposal, 'proposal.opened', 'proposal.decided'),
      tookMs(slow, 'task.started', 'task.failed'),
      tookMs(flaky, 'task.attemptFailed', 'task.due'),
      tookMs(later, 'task.submitted', 'task.due'),
    ];
    // By ledger time, which a wrong clock would have moved by an hour: each takes 6 s, the backoff 6 to 12.
    expect(Math.min(...all)).toBeGreaterThan(5_500);
    expect(Math.max(...all)).toBeLessThan(600_000);
  },
  60_000,
);

test.each(['exits', 'dies'])(
  'a handler that ends its process at once (%s) takes down as many agents as the task has tries, and no more',
  async (type) => {
    const settings = { unreachableMs: 300 };
    const ids = ['a', 'b', 'c'];
    const running = await fleetOf(ids.map((id, i) => ({ id, priority: 3 - i, settings })));
    const { client, agents } = running;
    const handle = await client.submit({ type, maxRetries: 1 });
    const { status } = await handle.outcome();
    expect(status).toBe('failed');
    const { attempts } = await client.task(handle.id);
    expect(attempts.map(({ end }) => end)).toEqual(['lost', 'lost']);
    const survivors = ids.filter((id) => !attempts.some(({ agent }) => agent === id));
    expect(survivors).toHaveLength(1);
    for (const { agent } of attempts) await agents.get(agent)?.ended;
    expect((await (await client.submit({ type: 'echo', payload: 7 })).outcome()).result).toBe(7);
  },
  60_000,
);

test('a handler that blocks its process for longer than an agent may be silent is bounded by the retries', async () => {
  const settings = { heartbeatIntervalMs: 250, deadAfterIntervals: 12, suspectAfterIntervals: 4 };
  const running = await fleetOf([
    { id: 'a', priority: 2, handles: ['echo'], settings },
    { id: 'b', priority: 1, handles: ['echo'], settings },
    { id: 'w', handles: ['blocks'], settings },
    { id: 'x', handles: ['blocks'], settings },
    { id: 'y', handles: ['blocks'], settings },
  ]);
  const { client } = running;
  const handle = await client.submit({ type: 'blocks', payload: { ms: 600_000 }, maxRetries: 1 });
  expect((await handle.outcome()).status).toBe('failed');
  const { attempts } = await client.task(handle.id);
  expect(attempts.map(({ end }) => end)).toEqual(['lost', 'lost']);
}, 60_000);
