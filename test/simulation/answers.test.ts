/**
 * Answers and events that are none: whoever gives them, an agent or a client asks on, counts them, and works with the
 * next that is sound. The simulated world fails a test whose process throws.
 */
import { expect, test } from 'vitest';
import type { AgentId, Incarnation, TaskId } from '../../src/domain/ids.ts';
import type { Headers, Incoming } from '../../src/ports.ts';
import { Ballots } from '../../src/runtime/ballots.ts';
import { Courier } from '../../src/runtime/courier.ts';
import { silentLog, type Log } from '../../src/runtime/log.ts';
import { MemberRequests, type Verdict } from '../../src/runtime/member-requests.ts';
import { defaultCharts } from '../../src/runtime/node.ts';
import { Rejections } from '../../src/runtime/rejections.ts';
import { refuse } from '../../src/runtime/respond.ts';
import { Fleet } from '../../src/sdk/fleet.ts';
import type { SimulatedWorld } from '../../src/simulation/index.ts';
import { decode, encode } from '../../src/wire/codec.ts';
import type { ReportMessage } from '../../src/wire/messages.ts';
import { subjectsOf } from '../../src/wire/subjects.ts';
import { beatOf } from '../support/beats.ts';
import { Stage } from './behaviours/stage.ts';
import { portsOf, worldOf } from './talk.ts';

const json = { 'Content-Type': 'application/json' };
const w = 'w' as AgentId;
const subjects = subjectsOf('f');
const none = (): void => undefined;

interface Said {
  readonly body: Uint8Array | object;
  readonly headers?: Headers;
}

/** Of every request the same: no message, no answer to it, an error without a problem, one of a code that nobody knows. */
const unusable: Readonly<Record<string, Said>> = {
  'bytes that are no message': { body: Uint8Array.of(0xc1, 0xff) },
  'an empty list': { body: [] },
  'a term that is no number': {
    body: { term: 'x', answers: ['recorded'], heartbeatIntervalMs: 1, ledgerAt: 1 },
  },
  'a term below none': { body: { term: -1, answers: ['recorded'], heartbeatIntervalMs: 1, ledgerAt: 1 } },
  'an error without a problem': { body: {}, headers: { 'Nats-Service-Error': 'no' } },
  'an error of an unknown code': {
    body: { code: 'constructor', message: 'no' },
    headers: { 'Nats-Service-Error': 'no' },
  },
};
const names = Object.keys(unusable);

function say(message: Incoming, { body, headers = {} }: Said): void {
  const data = body instanceof Uint8Array ? body : encode(body, 'json');
  message.respond(data, { ...json, ...headers });
}

/** Whoever answers on the subject: so at first, then as `sound` says. */
function answering(world: SimulatedWorld, subject: string, bad: Said, sound: object, badTimes = 3) {
  let heard = 0;
  portsOf(world, 'leader').bus.subscribe(subject, (message) => {
    heard += 1;
    say(message, heard <= badTimes ? bad : { body: sound });
  });
  world.runFor(50);
  return { heard: () => heard };
}

function courierOn(world: SimulatedWorld, onTerm: (term: number) => void = none) {
  const { clock, bus } = portsOf(world, 'w');
  const rejections = new Rejections(clock, silentLog);
  const options = { clock, bus, rejections, subject: 'reports', incarnation: 'w-1', resendMs: 100, onTerm };
  const courier = new Courier({
    ...options,
    log: silentLog,
    onStarted: none,
    onStale: none,
    onUnknown: none,
    onAnswered: none,
  });
  return { courier, rejections };
}

test.each(names)('a report that is answered with %s is sent again until it is recorded', (name) => {
  const world = worldOf();
  const { heard } = answering(world, 'reports', unusable[name] as Said, { term: 3, answers: ['recorded'] });
  const terms: number[] = [];
  const { courier, rejections } = courierOn(world, (term) => terms.push(term));
  courier.add({ kind: 'completed', id: 'x' as TaskId, attempt: 1, result: 1 });
  world.runFor(100);
  expect([courier.pending, rejections.total > 0]).toEqual([1, true]);
  world.runFor(5_000);
  expect([courier.pending, heard(), rejections.total]).toEqual([0, 4, 3]);
  expect(terms).toEqual([3]);
});

test('an answer that does not speak of every report is none', () => {
  const world = worldOf();
  const bad = { body: { term: 3, answers: ['recorded'] } };
  answering(world, 'reports', bad, { term: 3, answers: ['recorded', 'recorded'] });
  const { courier, rejections } = courierOn(world);
  for (const attempt of [1, 2]) courier.add({ kind: 'completed', id: 'x' as TaskId, attempt, result: 1 });
  world.runFor(100);
  expect([courier.pending, rejections.total > 0]).toEqual([2, true]);
  world.runFor(5_000);
  expect([courier.pending, rejections.total]).toEqual([0, 3]);
});

function requestsOn(world: SimulatedWorld) {
  const { clock, bus } = portsOf(world, 'w');
  const rejections = new Rejections(clock, silentLog);
  const welcomed: unknown[] = [];
  const requests = new MemberRequests({
    ...{ clock, bus, subjects, rejections, id: w, incarnation: 'w-1' as Incarnation, resendMs: 100 },
    profile: () => ({ capabilities: [], priority: 0, slots: 1, electable: false, labels: {}, handles: [] }),
    log: silentLog,
    isActive: () => true,
    onUpdate: none,
    onWelcome: (reply) => welcomed.push(reply),
  });
  return { requests, rejections, welcomed };
}

const welcome = { term: 1, heartbeatIntervalMs: 1_000, ledgerAt: 5 };

test.each(names)('a join that is answered with %s is postponed', (name) => {
  const world = worldOf();
  answering(world, subjects.agent('join', w), unusable[name] as Said, welcome, 1);
  const { requests, rejections, welcomed } = requestsOn(world);
  const verdicts: Verdict['kind'][] = [];
  const join = (): void => requests.join(({ kind }) => verdicts.push(kind));
  join();
  world.runFor(1_000);
  join();
  world.runFor(1_000);
  expect(verdicts).toEqual(['postponed', 'accepted']);
  expect([rejections.total, welcomed]).toEqual([1, [welcome]]);
});

test('a leave that is answered with what is no answer is asked again, and not at once', () => {
  const world = worldOf();
  const { heard } = answering(world, subjects.agent('join', w), { body: [] }, welcome, 1_000);
  const { requests } = requestsOn(world);
  requests.ask('leave', () => true, none);
  world.runFor(1_000);
  expect(heard()).toBeGreaterThan(2);
  expect(heard()).toBeLessThan(45);
});

test.each(names)('a ballot that is answered with %s is sent again', async (name) => {
  const world = worldOf();
  const { heard } = answering(world, 'ballots', unusable[name] as Said, { term: 1 });
  const { clock, bus } = portsOf(world, 'w');
  const rejections = new Rejections(clock, silentLog);
  const vote = (): 'approve' => 'approve';
  const ballots = new Ballots({
    clock,
    bus,
    rejections,
    subject: 'ballots',
    resendMs: 100,
    vote,
    log: silentLog,
  });
  ballots.ask({ id: 'p', type: 'x', description: '', data: {}, proposer: 'x', deadlineMs: 1 });
  await world.advance(5_000);
  expect([heard(), rejections.total]).toEqual([4, 3]);
});

/** A client, and somebody who answers what it asks. */
function clientOf() {
  const world = worldOf();
  const lines: object[] = [];
  const log: Log = { ...silentLog, warn: (fields, message) => lines.push({ ...fields, message }) };
  const client = new Fleet(portsOf(world, 'client'), 'f', { timeoutMs: 5_000, log });
  const mouth = portsOf(world, 'leader').bus;
  return { world, client, lines, mouth };
}

test.each(names)('a call that is answered with %s is asked again', async (name) => {
  const { world, client } = clientOf();
  const { heard } = answering(world, subjects.api('trigger'), unusable[name] as Said, { term: 4 });
  answering(world, subjects.api('submit'), unusable[name] as Said, { ids: ['t'] });
  const task = await world.settle(client.submit({ type: 'work' }));
  expect(task.id).toBe('t');
  await world.settle(client.elect({ timeoutMs: 3_000 }).catch(none));
  expect(heard()).toBe(4);
});

test.each(names)('a call that is answered with nothing but %s ends in time', async (name) => {
  const { world, client, lines } = clientOf();
  answering(world, subjects.api('status'), unusable[name] as Said, {}, 1_000);
  const call = client.status({ timeoutMs: 3_000 });
  await expect(world.settle(call, { withinMs: 4_000 })).rejects.toMatchObject({ code: 'TIMEOUT' });
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.length).toBeLessThanOrEqual(4);
});

test('an answer of a shape that its request has not is none', async () => {
  const { world, client } = clientOf();
  answering(world, subjects.api('submit'), { body: { id: 7 } }, { ids: ['t'] });
  answering(
    world,
    subjects.api('cancel'),
    { body: { id: 't', status: 7 } },
    { id: 't', status: 'cancelled' },
  );
  const task = await world.settle(client.submit({ type: 'work' }));
  expect(await world.settle(task.cancel())).toBe('cancelled');
});

test('an answer that is none moves nobody on to its term', async () => {
  const { world, client } = clientOf();
  const headers = { 'Conclave-Term': '9000' };
  const sound = { id: 't', status: 'cancelled' };
  answering(world, subjects.api('cancel'), { body: [], headers }, sound, 1);
  expect(await world.settle(client.cancel('t'))).toBe('cancelled');
});

const sound = { kind: 'task.completed', sequence: 5, term: 1, at: 1, items: [{ id: 't', agent: 'a' }] };
const events: readonly (object | Uint8Array)[] = [
  Uint8Array.of(0xc1),
  [],
  {},
  { ...sound, items: 'x' },
  { ...sound, items: [null] },
  { ...sound, items: [[]] },
  { ...sound, term: 'x' },
  { ...sound, sequence: -1 },
  { ...sound, kind: 'task.failed' },
];

test('an event that is none is skipped and counted, and the log of it is bounded', async () => {
  const { world, client, lines, mouth } = clientOf();
  const heard: unknown[] = [];
  client.onEvent('task.>', (item, kind, where) => heard.push([item, kind, where]));
  await world.advance(50);
  const publish = (body: object | Uint8Array): void => {
    const data = body instanceof Uint8Array ? body : encode(body, 'json');
    mouth.publish({ subject: subjects.event('task.completed'), data, headers: json });
  };
  for (let i = 0; i < 50; i += 1) for (const body of events) publish(body);
  publish(sound);
  await world.advance(2_000);
  expect(heard).toEqual([[sound.items[0], 'task.completed', { sequence: 5, term: 1, at: 1 }]]);
  expect(lines).toHaveLength(1);
  publish([]);
  await world.advance(100);
  expect(lines).toMatchObject([{ total: 1 }, { total: 50 * events.length + 1, message: 'message refused' }]);
});

test('an event of a task that says no outcome settles nobody who waits for it', async () => {
  const { world, client, mouth } = clientOf();
  const outcome = { id: 't', status: 'completed', result: 'real', agent: 'a', attempt: 1 };
  let answered: object | null = { ...outcome, status: 'pending' };
  mouth.subscribe(subjects.api('outcomes'), (message) => {
    say(message, { body: { outcomes: [answered] } });
  });
  const result = client.handle('t').result();
  await world.advance(100);
  for (const item of [
    { id: 't' },
    { ...outcome, status: 'pending' },
    { ...outcome, agent: 5 },
    { ...outcome, attempt: 'x' },
  ])
    mouth.publish({
      subject: subjects.event('task.completed'),
      data: encode({ ...sound, items: [item] }, 'json'),
      headers: json,
    });
  await world.advance(100);
  answered = outcome;
  expect(await world.settle(result)).toBe('real');
});

test('a leader that is gone is missed, whatever somebody else answers at its inbox', async () => {
  const stage = new Stage(defaultCharts, 1);
  stage.join({ a: { priority: 9 }, b: {} });
  await stage.led('a');
  await stage.until('b could lead', () => stage.node('b').contender?.isStandby === true);
  const { bus } = stage.world.host('stranger').ports(stage.fleet.name);
  bus.subscribe(subjectsOf(stage.fleet.name).inbox('a' as AgentId), (message) => {
    say(message, { body: { is: 'no answer' } });
  });
  await stage.run(100);
  stage.fleet.kill('a');
  await stage.until('b leads', () => stage.ledger.leader?.id === 'b');
});

test('a member that answers its inbox with what is no answer is found deaf', async () => {
  const stage = new Stage(defaultCharts, 1);
  stage.join({ a: { handlers: {} } });
  await stage.led('a');
  const { bus } = stage.world.host('w').ports(stage.fleet.name);
  const own = subjectsOf(stage.fleet.name);
  bus.subscribe(own.inbox(w), (message) => {
    say(message, { body: { is: 'no answer' } });
  });
  const profile = {
    capabilities: [],
    priority: 0,
    slots: 1,
    electable: false,
    labels: {},
    handles: ['work'],
  };
  const join = encode({ kind: 'join', incarnation: 'w-1', profile }, 'json');
  bus.request({ subject: own.agent('join', w), data: join, headers: json, timeoutMs: 1_000 }, none);
  const beat = encode(beatOf({ incarnation: 'w-1', isStandby: false }), 'json');
  const isDeaf = (): boolean => stage.node('a').contender?.office?.liveness.deaf(1).includes(w) === true;
  await stage.submit({});
  const beatAndLook = (): boolean => {
    bus.publish({ subject: own.agent('heartbeat', w), data: beat, headers: json });
    return isDeaf();
  };
  await stage.until('it is found deaf', beatAndLook);
});

test('a report that is refused for good and is no result is dropped, and the log says which', () => {
  const world = worldOf();
  const { clock, bus } = portsOf(world, 'w');
  const taken: unknown[] = [];
  portsOf(world, 'leader').bus.subscribe('reports', (message) => {
    const { reports } = decode(message.data, message.headers) as ReportMessage;
    const isTooLarge = reports.some(({ kind }) => kind === 'failed');
    if (isTooLarge) {
      refuse(message, { code: 'TOO_LARGE', message: 'too much' }, { term: 1, sequence: 1 });
      return;
    }
    taken.push(...reports.map(({ id }) => id));
    message.respond(encode({ term: 1, answers: reports.map(() => 'recorded') }, 'json'), json);
  });
  world.runFor(50);
  const said: unknown[] = [];
  const courier = new Courier({
    clock,
    bus,
    subject: 'reports',
    incarnation: 'w-1',
    resendMs: 100,
    log: { ...silentLog, warn: (fields, message) => said.push({ ...fields, message }) },
    rejections: new Rejections(clock, silentLog),
    onStarted: none,
    onStale: none,
    onUnknown: none,
    onTerm: none,
    onAnswered: none,
  });
  const error = { message: 'long', code: 'LONG' };
  courier.add({ kind: 'failed', id: 'x' as TaskId, attempt: 2, error, isFinal: false });
  courier.add({ kind: 'completed', id: 'y' as TaskId, attempt: 1, result: 1 });
  world.runFor(2_000);
  expect([taken, courier.pending]).toEqual([['y'], 0]);
  expect(said).toEqual([
    {
      task: 'x',
      attempt: 2,
      kind: 'failed',
      reason: 'TOO_LARGE: too much',
      message: 'a report was refused for good, and dropped',
    },
  ]);
});
