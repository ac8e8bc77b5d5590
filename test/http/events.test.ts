/** The event stream over real sockets, of a real fleet on a real nats-server. */
import { connect } from 'nats';
import { afterEach, expect, test } from 'vitest';
import { charts } from '../../actors/table.ts';
import { applyEntry } from '../../src/domain/apply.ts';
import { emptyState } from '../../src/domain/state.ts';
import { committedJson } from '../../src/http/event-json.ts';
import { joinFleet, verifyLedger, type Agent, type JoinOptions } from '../../src/index.ts';
import { Narrator } from '../../src/runtime/narrator.ts';
import { Listener, startEventServer, type EventServer, type Heard } from '../support/event-server.ts';
import { withServer } from '../support/nats-server.ts';

const nats = withServer();
const agents: Agent[] = [];
const servers: EventServer[] = [];
let count = 0;

afterEach(async () => {
  await Promise.all(servers.splice(0).map((each) => each.close()));
  await Promise.all(agents.splice(0).map((each) => each.leave().catch(() => undefined)));
});

function freshName(): string {
  count += 1;
  return `events_${count}`;
}

async function join(options: Omit<JoinOptions, 'servers'>): Promise<Agent> {
  const agent = await joinFleet({ servers: nats().url, handleSignals: false, ...options });
  agents.push(agent);
  return agent;
}

async function serve(
  fleet: string,
  options: Pick<Parameters<typeof startEventServer>[0], 'kept' | 'limits'> = {},
): Promise<EventServer> {
  const server = await startEventServer({ servers: nats().url, fleet, ...options });
  servers.push(server);
  return server;
}

/** Every event of the ledger, as one that reads it from the start tells it: id → text. */
async function ledgerOf(fleet: string): Promise<Map<string, string>> {
  const told = new Map<string, string>();
  const state = emptyState();
  const narrator = new Narrator(() => state);
  await verifyLedger({
    servers: nats().url,
    fleet,
    onEntry: (entry, sequence) => {
      applyEntry(state, entry, sequence, charts);
      narrator.tell(entry).forEach((each, index) => {
        const where = { sequence, index, term: entry.term, at: entry.at };
        told.set(`${sequence}.${index}`, committedJson(each, where));
      });
    },
  });
  return told;
}

const committed = (heard: readonly Heard[]): Heard[] => heard.filter((each) => each.committed);

test('a listener that is cut off five times and goes on after the last id misses nothing and repeats nothing', async () => {
  const fleet = freshName();
  const agent = await join({ fleet, id: 'ada', slots: 4, tasks: { scan: () => 'clean' } });
  const server = await serve(fleet);
  const heard: Heard[] = [];
  const follow = async (since: string, enough: (listener: Listener) => boolean): Promise<string> => {
    const listener = new Listener(`${server.url}?since=${since}`);
    await listener.until(enough);
    listener.drop();
    heard.push(...committed(listener.heard));
    return heard.at(-1)?.id ?? since;
  };
  const tasks = await agent.fleet.submitMany(Array.from({ length: 200 }, () => ({ type: 'scan' })));
  const completed = Promise.all(tasks.map((task) => task.result()));
  let since = '0';
  for (const chunk of [1, 37, 90, 60, 150]) since = await follow(since, ({ ids }) => ids.length >= chunk);
  await completed;
  await agent.fleet.submit({ type: 'scan' }).then((task) => task.result());
  const ledger = await ledgerOf(fleet);
  const last = [...ledger.keys()].at(-1) ?? '';
  await follow(since, ({ ids }) => ids.at(-1) === last);
  expect(heard.map((each) => JSON.stringify(each))).toEqual([...ledger.values()]);
  expect(heard.filter(({ kind }) => kind === 'task.completed')).toHaveLength(201);
});

test('without a position it hears what comes from now on, after a hello', async () => {
  const fleet = freshName();
  const agent = await join({ fleet, id: 'ada', tasks: { scan: () => 'clean' } });
  await (await agent.fleet.submit({ type: 'scan' })).result();
  const server = await serve(fleet);
  const listener = new Listener(server.url);
  await listener.untilKind('hello');
  const [hello] = listener.heard;
  expect(hello).toEqual({
    kind: 'hello',
    as_of: { sequence: server.observer.state.sequence, term: 1 },
    oldest: '1.0',
    committed: false,
  });
  const task = await agent.fleet.submit({ type: 'scan', target: 'host-7' });
  await listener.untilKind('task.completed');
  const [first] = committed(listener.heard);
  expect(first).toMatchObject({
    kind: 'task.submitted',
    term: 1,
    item: { id: task.id, type: 'scan', target: 'host-7' },
  });
  expect(first?.sequence).toBeGreaterThan(hello?.as_of?.sequence ?? Infinity);
});

test('a position that lies ahead is waited for: nothing up to it is sent', async () => {
  const fleet = freshName();
  const agent = await join({ fleet, id: 'ada', tasks: { scan: () => 'clean' } });
  const server = await serve(fleet);
  const probe = new Listener(server.url);
  await probe.untilKind('hello');
  const ahead = server.observer.state.sequence + 3;
  const listener = new Listener(`${server.url}?since=${ahead}`);
  await listener.untilKind('hello');
  while (listener.ids.length === 0) await (await agent.fleet.submit({ type: 'scan' })).result();
  expect(committed(listener.heard)[0]?.sequence).toBeGreaterThan(ahead);
  expect(committed(probe.heard)[0]?.sequence).toBeLessThanOrEqual(ahead);
});

test('a position before what is kept ends with 4410 and names the oldest event', async () => {
  const fleet = freshName();
  const agent = await join({ fleet, id: 'ada', tasks: { scan: () => 'clean' } });
  const tasks = await agent.fleet.submitMany(Array.from({ length: 20 }, () => ({ type: 'scan' })));
  await Promise.all(tasks.map((task) => task.result()));
  const server = await serve(fleet, { kept: { eventsMax: 10 } });
  const late = new Listener(`${server.url}?since=1`);
  const { code, reason } = await late.ended;
  expect(code).toBe(4410);
  const { oldest } = JSON.parse(reason) as { oldest: string };
  expect(oldest).toBe(server.log.oldest);
  const before = Number(oldest.split('.')[0]) - 1;
  const listener = new Listener(`${server.url}?since=${before}`);
  const newest = server.log.at(server.log.end - 1);
  await listener.until(({ ids }) => ids.at(-1) === `${newest?.sequence ?? 0}.${newest?.index ?? 0}`);
  expect(listener.ids[0]).toBe(oldest);
});

test('kinds, task types and agents are filtered', async () => {
  const fleet = freshName();
  const tasks: JoinOptions['tasks'] = { scan: () => 'clean', wash: () => 'clean' };
  const ada = await join({ fleet, id: 'ada', tasks, priority: 1 });
  await join({ fleet, id: 'bob', capabilities: ['wash'], tasks });
  await (await ada.fleet.submit({ type: 'wash', requiredCapabilities: ['wash'] })).result();
  await (await ada.fleet.submit({ type: 'scan' })).result();
  const server = await serve(fleet);
  const expectFor = async (query: string, expected: readonly string[]): Promise<void> => {
    const listener = new Listener(`${server.url}?since=0&${query}`);
    await listener.until(({ heard }) => heard.length > expected.length);
    const told = committed(listener.heard).map(
      ({ kind, item }) => `${kind} ${(item?.['type'] as string | undefined) ?? '-'}`,
    );
    expect(told).toEqual(expected);
  };
  await expectFor('kind=leader.elected', ['leader.elected -']);
  await expectFor('kind=task.completed,leader.*', [
    'leader.elected -',
    'task.completed wash',
    'task.completed scan',
  ]);
  await expectFor('kind=task.submitted&kind=task.completed&kind=leader.elected&type=scan', [
    'leader.elected -',
    'task.submitted scan',
    'task.completed scan',
  ]);
  await expectFor('kind=agent.*,task.assigned,task.completed&agent=bob', [
    'agent.joined -',
    'task.assigned wash',
    'task.completed wash',
  ]);
});

test('a listener that stops reading is let go, and can go on where it was', async () => {
  const fleet = freshName();
  const report = 'x'.repeat(200_000);
  const agent = await join({ fleet, id: 'ada', slots: 4, tasks: { scan: () => report } });
  const tasks = await agent.fleet.submitMany(Array.from({ length: 100 }, () => ({ type: 'scan' })));
  await Promise.all(tasks.map((task) => task.result()));
  const server = await serve(fleet, { limits: { bufferedBytesMax: 65_536, slowReaderMs: 100 } });
  const listener = new Listener(`${server.url}?since=0`);
  await listener.untilKind('hello');
  listener.socket.pause();
  while (server.counts.slow === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  listener.socket.resume();
  const { code } = await listener.ended;
  // Its end may have been cut off with the rest.
  expect([1006, 4408]).toContain(code);
  const since = listener.ids.at(-1) ?? '0';
  const again = new Listener(`${server.url}?since=${since}`);
  const ledger = await ledgerOf(fleet);
  await again.until(({ ids }) => ids.at(-1) === [...ledger.keys()].at(-1));
  expect([...listener.ids, ...again.ids]).toEqual([...ledger.keys()]);
  if (code === 4408) expect(listener.heard.at(-1)).toMatchObject({ kind: 'slow', resume: since });
});

test('a page of another host is refused before the upgrade, one that is named is not', async () => {
  const fleet = freshName();
  await join({ fleet, id: 'ada' });
  const server = await serve(fleet);
  const statusFor = (origin: string, query = ''): Promise<unknown> =>
    new Promise((resolve) => {
      const { socket } = new Listener(`${server.url}${query}`, { origin });
      socket.on('unexpected-response', (_, response) => {
        resolve([response.statusCode, response.headers['content-type']?.split(';')[0]]);
      });
      socket.on('open', () => {
        resolve('open');
      });
    });
  const problem = 'application/problem+json';
  expect(await statusFor('https://evil.example')).toEqual([403, problem]);
  expect(await statusFor('null')).toEqual([403, problem]);
  expect(await statusFor('https://allowed.example')).toBe('open');
  expect(await statusFor(server.url.replace(/^ws(.*)\/coordination.*/, 'http$1'))).toBe('open');
  expect(await statusFor('https://allowed.example', '?since=yesterday')).toEqual([400, problem]);
});

test('a request that is no upgrade, or asks for what there is not, is told what is wrong', async () => {
  const fleet = freshName();
  await join({ fleet, id: 'ada' });
  const server = await serve(fleet);
  const url = server.url.replace(/^ws/, 'http');
  const errorsFor = async (query: string): Promise<unknown> => {
    const response = await fetch(`${url}${query}`);
    const { status, errors } = (await response.json()) as { status: number; errors: { field: string }[] };
    return [response.status, status, ...errors.map(({ field }) => field)];
  };
  expect(await errorsFor('')).toEqual([400, 400, 'upgrade']);
  expect(await errorsFor('?since=-1&kind=*&type=a%20b&colour=red')).toEqual([
    ...[400, 400],
    ...['colour', 'since', 'kind', 'type'],
  ]);
});

test('sockets are pinged, and one that does not answer is ended', async () => {
  const fleet = freshName();
  await join({ fleet, id: 'ada' });
  const server = await serve(fleet, { limits: { pingIntervalMs: 30 } });
  const healthy = new Listener(server.url);
  const frozen = new Listener(server.url, { autoPong: false });
  expect(await frozen.ended).toMatchObject({ code: 1006 });
  expect(frozen.pings).toBe(2);
  const { pings } = healthy;
  await healthy.until((listener) => listener.pings > pings + 3);
  expect(healthy.socket.readyState).toBe(healthy.socket.OPEN);
  expect(server.counts.open).toBe(1);
});

test('what a listener says is ignored, and ends it when it is long', async () => {
  const fleet = freshName();
  await join({ fleet, id: 'ada' });
  const server = await serve(fleet);
  const listener = new Listener(server.url);
  await listener.untilKind('hello');
  listener.socket.send('hello yourself');
  listener.socket.send('x'.repeat(2_000));
  expect(await listener.ended).toMatchObject({ code: 1009 });
});

test('one listener too many, and one of a server that has not read the ledger, are told to try later', async () => {
  const fleet = freshName();
  await join({ fleet, id: 'ada' });
  const server = await serve(fleet, { limits: { socketsMax: 1 } });
  const first = new Listener(server.url);
  await first.untilKind('hello');
  expect(await new Listener(server.url).ended).toMatchObject({ code: 1013 });
  first.drop();
  await first.ended;
  const behind = await serve(fleet, { limits: { catchUpWaitMs: 0 } });
  Object.defineProperty(behind.observer, 'isCaughtUp', { get: () => false });
  expect(await new Listener(behind.url).ended).toMatchObject({ code: 1013 });
});

test('a server that closes says so', async () => {
  const fleet = freshName();
  await join({ fleet, id: 'ada' });
  const server = await startEventServer({ servers: nats().url, fleet });
  const listener = new Listener(server.url);
  await listener.untilKind('hello');
  await server.close();
  expect(await listener.ended).toMatchObject({ code: 1001 });
});

test('an election is told when somebody stands, as not committed', async () => {
  const fleet = freshName();
  await join({ fleet, id: 'ada' });
  const server = await serve(fleet);
  const listener = new Listener(`${server.url}?kind=election.*`);
  await listener.untilKind('hello');
  const stranger = await connect({ servers: nats().url });
  const candidacy = JSON.stringify({ kind: 'candidacy', incarnation: 'x', term: 1, score: 3.5 });
  stranger.publish(`conclave.${fleet}.agent.election.eve`, candidacy);
  stranger.publish(`conclave.${fleet}.agent.election.bob`, candidacy);
  await listener.untilKind('election.started');
  await stranger.close();
  expect(listener.heard[1]).toMatchObject({
    kind: 'election.started',
    term: 2,
    committed: false,
    item: { term: 2, agent: 'eve', score: 3.5 },
  });
  expect(listener.heard[1]).not.toHaveProperty('id');
  expect(listener.heard).toHaveLength(2);
});
