/** Messages that are late, of another process, or of nobody: DESIGN §3 rule 9, §4 and §6. */
import { expect, test } from 'vitest';
import { decideCancel } from '../../src/domain/decide-tasks.ts';
import type { AgentId, TaskId } from '../../src/domain/ids.ts';
import type { Settings } from '../../src/domain/settings.ts';
import type { RequestOutcome } from '../../src/ports.ts';
import { Courier } from '../../src/runtime/courier.ts';
import { Dispatch } from '../../src/runtime/dispatch.ts';
import { Hustings } from '../../src/runtime/hustings.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { defaultCharts } from '../../src/runtime/node.ts';
import { OrderWatch } from '../../src/runtime/order-watch.ts';
import { Rejections } from '../../src/runtime/rejections.ts';
import { Roster } from '../../src/runtime/roster.ts';
import { decode, encode } from '../../src/wire/codec.ts';
import type { Heartbeat, InboxMessage, InboxReply, WorkMessage } from '../../src/wire/messages.ts';
import { subjectsOf } from '../../src/wire/subjects.ts';
import { beatOf } from '../support/beats.ts';
import { agent, Harness, life } from '../unit/harness.ts';
import { Stage } from './behaviours/stage.ts';
import { bytes, portsOf, worldOf } from './talk.ts';

const w = 'w' as AgentId;
const json = { 'Content-Type': 'application/json' };

/** `a` leads, `w` works. */
async function played(settings: Partial<Settings> = {}): Promise<Stage> {
  const stage = new Stage(defaultCharts, 1, { settings });
  stage.join({ a: { priority: 9, handlers: {} }, w: { electable: false, slots: 4 } });
  await stage.led('a');
  await stage.stand({ a: 'alive', w: 'alive' });
  return stage;
}

/** Speaks the wire by hand. */
function strangerOf(stage: Stage, host = 'stranger') {
  const { bus } = stage.world.host(host).ports(stage.fleet.name);
  const subjects = subjectsOf(stage.fleet.name);
  const ask = (subject: string, body: object): RequestOutcome[] => {
    const outcomes: RequestOutcome[] = [];
    const message = { subject, data: encode(body, 'json'), headers: json, timeoutMs: 1_000 };
    bus.request(message, (outcome) => outcomes.push(outcome));
    return outcomes;
  };
  const beat = (change: Partial<Heartbeat> = {}): void => {
    bus.publish({
      subject: subjects.agent('heartbeat', w),
      data: encode(beatOf({ incarnation: 'w-1', ...change }), 'json'),
      headers: json,
    });
  };
  return { bus, subjects, ask, beat };
}

/** One that nobody has decided on. */
function workOf(stage: Stage, change: Partial<WorkMessage> = {}, ms = 0): WorkMessage {
  const task = {
    id: 'forged',
    attempt: 1,
    fencingToken: 1,
    type: 'work',
    payload: { ms },
    target: null,
    priority: 5,
  };
  const to = stage.ledger.members.get(w)?.incarnation ?? '';
  const none = { abort: [], vote: [], isUnknown: false };
  return { kind: 'work', term: stage.ledger.term, to, assign: [task], ...none, ...change };
}

test('work of a term that is over is answered, and not done', async () => {
  const stage = await played();
  const { ask, subjects } = strangerOf(stage);
  await stage.ask(stage.client.elect());
  await stage.submit({});
  await stage.run(1_000);
  const before = stage.started.length;
  const late = ask(subjects.inbox(w), workOf(stage, { term: 1 }));
  await stage.run(500);
  expect(late.map(({ kind }) => kind)).toEqual(['reply']);
  expect(stage.started).toHaveLength(before);
  ask(subjects.inbox(w), workOf(stage));
  await stage.run(500);
  expect(stage.started).toHaveLength(before + 1);
});

test('whoever is asked at its inbox says which term it knows of', async () => {
  const stage = await played();
  const { ask, subjects } = strangerOf(stage);
  await stage.ask(stage.client.elect());
  await stage.submit({});
  await stage.run(1_000);
  const outcomes = ask(subjects.inbox(w), { kind: 'probe', term: 1 });
  await stage.run(500);
  const said = outcomes.map((outcome) => outcome.kind === 'reply' && decode(outcome.data, outcome.headers));
  expect(said).toMatchObject([{ term: 2 }]);
});

test('an assignment that comes twice runs once', async () => {
  const stage = await played();
  const { ask, subjects } = strangerOf(stage);
  for (let i = 0; i < 2; i += 1) ask(subjects.inbox(w), workOf(stage, {}, 200));
  await stage.run(100);
  expect(stage.started).toEqual(['w forged/1']);
  // And a copy that was under way until long after it ended.
  await stage.run(2_000);
  ask(subjects.inbox(w), workOf(stage, {}, 200));
  await stage.run(500);
  expect(stage.started).toEqual(['w forged/1']);
});

/** `w` is a process that speaks the wire by hand: a member that answers its inbox, beats as it is told, and runs nothing. */
async function withHand() {
  const stage = new Stage(defaultCharts, 1);
  stage.join({ a: { handlers: {} } });
  await stage.led('a');
  const hand = strangerOf(stage, 'w');
  const { bus, subjects, ask } = hand;
  const heard: InboxMessage[] = [];
  const reply: InboxReply = { incarnation: 'w-1', isLeading: false, term: 0, sequence: 0 };
  bus.subscribe(subjects.inbox(w), (message) => {
    heard.push(decode(message.data, message.headers) as InboxMessage);
    message.respond(encode(reply, 'json'), json);
  });
  const profile = {
    capabilities: [],
    priority: 0,
    slots: 1,
    electable: false,
    labels: {},
    handles: ['work'],
  };
  ask(subjects.agent('join', w), { kind: 'join', incarnation: 'w-1', profile });
  await stage.stand({ w: 'alive' });
  return { stage, hand, heard };
}

test('an agent that says it runs what is not its is told to stop', async () => {
  const { stage, hand, heard } = await withHand();
  hand.beat({ running: [{ id: 'forged', attempt: 1 }] });
  await stage.run(500);
  const aborts = heard.flatMap((message) => (message.kind === 'work' ? message.abort : []));
  expect(aborts).toMatchObject([{ id: 'forged', attempt: 1 }]);
});

test('word that makes a handler stop comes behind a fresh append: one that leads no more cannot say it', async () => {
  const { stage, hand } = await withHand();
  await stage.run(500);
  const ledger = stage.world.ledger(stage.fleet.name);
  ledger.holdNextAppend();
  const report = { incarnation: 'w-1', reports: [{ kind: 'started', id: 'forged', attempt: 1 }] };
  const outcomes = hand.ask(hand.subjects.agent('report', w), report);
  await stage.run(300);
  expect(outcomes).toEqual([]);
  ledger.releaseHeld();
  await stage.run(300);
  expect(
    outcomes.map((outcome) => outcome.kind === 'reply' && decode(outcome.data, outcome.headers)),
  ).toMatchObject([{ answers: ['stale'] }]);
});

test('an attempt that two beats do not name, with no report pending, is lost, and no sooner', async () => {
  const { stage, hand } = await withHand();
  const id = await stage.submit({});
  await stage.becomes(id, 'assigned');
  const endAfter = async (change: Partial<Heartbeat>): Promise<string | null | undefined> => {
    await stage.run(200);
    hand.beat(change);
    await stage.run(200);
    return stage.task(id).attempts[0]?.end;
  };
  await stage.run(200);
  for (let i = 0; i < 3; i += 1) expect(await endAfter({ reportsPending: 1 })).toBeNull();
  expect(await endAfter({})).toBeNull();
  expect(await endAfter({})).toBe('lost');
});

test('an agent whose inbox another process answers is dead by its silence', async () => {
  const stage = await played();
  stage.fleet.kill('w');
  stage.world.host('w').restart();
  const { bus, subjects } = strangerOf(stage, 'w');
  const reply: InboxReply = { incarnation: 'another', isLeading: false, term: 0, sequence: 0 };
  bus.subscribe(subjects.inbox(w), (message) => message.respond(encode(reply, 'json'), json));
  await stage.stand({ w: 'dead' }, 10_000);
});

test('a message of an agent that no entry could hold is refused', async () => {
  const stage = await played({ payloadBytesMax: 1_000, entryBytesMax: 2_000 });
  const { ask, subjects } = strangerOf(stage);
  const result = 'x'.repeat(3_000);
  const report = { incarnation: 'w-1', reports: [{ kind: 'completed', id: 'x', attempt: 1, result }] };
  const outcomes = ask(subjects.agent('report', w), report);
  await stage.run(500);
  expect(outcomes).toMatchObject([{ kind: 'reply', headers: { 'Nats-Service-Error-Code': '413' } }]);
});

test('a request without headers is answered in JSON; a refusal has a code, and says what is wrong with each field', async () => {
  const stage = await played();
  const { bus, subjects } = strangerOf(stage);
  const said: unknown[] = [];
  const codes: (string | undefined)[] = [];
  for (const [verb, text] of [
    ['submit', '{"type":"work"}'],
    ['submit', '{"type":"no name","priority":11}'],
    ['submit', 'not even JSON'],
    ['task', '{}'],
  ] as const) {
    const message = { subject: subjects.api(verb), data: bytes(text), timeoutMs: 1_000 };
    bus.request(message, (outcome) => {
      if (outcome.kind !== 'reply') return;
      said.push(JSON.parse(new TextDecoder().decode(outcome.data)));
      codes.push(outcome.headers['Nats-Service-Error-Code']);
      expect(outcome.headers['Content-Type']).toBe('application/json');
    });
    await stage.run(500);
  }
  expect(codes).toEqual([undefined, '400', '400', '400']);
  expect(said).toMatchObject([
    { id: expect.any(String) },
    { code: 'INVALID', fields: [{ field: 'type' }, { field: 'priority' }] },
    { code: 'INVALID', message: 'the message is not JSON' },
    { code: 'INVALID', fields: [{ field: 'id', message: 'is required' }] },
  ]);
});

test('what agents and leaders say for everybody to watch is JSON', async () => {
  const stage = new Stage(defaultCharts, 1);
  const { bus, subjects } = strangerOf(stage);
  const heard = new Set<string>();
  const watched = (['heartbeat', 'election', 'orders'] as const).map((verb) => subjects.agent(verb, '*'));
  for (const subject of [...watched, subjects.event('>')])
    bus.subscribe(subject, ({ data, subject: on }) => {
      expect(() => JSON.parse(new TextDecoder().decode(data)) as unknown, on).not.toThrow();
      heard.add(subject);
    });
  stage.join({ a: { priority: 9 }, b: { priority: 5 }, c: {} });
  await stage.led('a');
  await stage.run(5_000);
  await stage.ask(stage.client.elect());
  await stage.run(2_000);
  expect([...heard].sort()).toEqual([...watched, subjects.event('>')].sort());
});

test('while somebody leads, nobody else answers for it', async () => {
  const stage = new Stage(defaultCharts, 1);
  stage.join({ a: { priority: 9 }, b: {}, c: {} });
  await stage.led('a');
  for (const id of ['b', 'c'])
    await stage.until(`${id} could lead`, () => stage.node(id).contender?.isStandby === true);
  const { ask, subjects } = strangerOf(stage);
  const outcomes = Array.from({ length: 20 }, () => ask(subjects.api('status'), {}));
  await stage.run(1_000);
  const said = outcomes
    .flat()
    .map((outcome) => outcome.kind === 'reply' && decode(outcome.data, outcome.headers));
  expect(said).toHaveLength(20);
  for (const each of said) expect(each).toMatchObject({ leader: 'a' });
});

test('a frozen old leader swallows no request', async () => {
  const stage = new Stage(defaultCharts, 1);
  stage.join({ a: { priority: 9 }, b: { priority: 5 } });
  await stage.led('a');
  await stage.until('b could lead', () => stage.node('b').contender?.isStandby === true);
  stage.world.host('a').pause();
  await stage.until('b leads', () => stage.ledger.leader?.id === 'b');
  await stage.run(500);
  const { ask, subjects } = strangerOf(stage);
  expect(stage.world.broker.subscribersOf(subjects.api('status'))).toContain('a');
  const outcomes = Array.from({ length: 20 }, () => ask(subjects.api('status'), {}));
  await stage.run(1_500);
  expect(new Set(outcomes.flat().map(({ kind }) => kind))).toEqual(new Set(['reply']));
});

/** What a leader of this fleet sends to `w`, which answers as the incarnation that it is asked for. */
function dispatching(fleet: Harness, incarnation: () => string) {
  const world = worldOf();
  const { clock, bus } = portsOf(world, 'leader');
  const subjects = subjectsOf('f');
  const none = (): void => undefined;
  const { state, settings } = fleet;
  const callbacks = { onAnswered: none, onUnanswered: none, onUnreachable: none, onHigherTerm: none };
  const heard: InboxMessage[] = [];
  portsOf(world, 'w').bus.subscribe(subjects.inbox(w), (message) => {
    heard.push(decode(message.data, message.headers) as InboxMessage);
    message.respond(
      encode({ incarnation: incarnation(), isLeading: false, term: 1, sequence: 0 }, 'json'),
      json,
    );
  });
  world.runFor(100);
  const rejections = new Rejections(clock, silentLog);
  const dispatch = new Dispatch({ clock, bus, subjects, settings, state, term: 1, rejections, ...callbacks });
  dispatch.flush();
  return { world, dispatch, heard };
}

test('work that another process answered for is not delivered', () => {
  const fleet = new Harness();
  fleet.join('w');
  const id = fleet.submit();
  fleet.assign(id, 'w');
  let incarnation = 'another';
  const { world, dispatch, heard } = dispatching(fleet, () => incarnation);
  world.runFor(1_000);
  expect(heard.length).toBeGreaterThan(2);
  expect(dispatch.isDelivered(w, id)).toBe(false);
  incarnation = 'w-1';
  world.runFor(1_000);
  expect(dispatch.isDelivered(w, id)).toBe(true);
  const { length } = heard;
  world.runFor(5_000);
  expect(heard).toHaveLength(length);
});

test('an assignment that a new leader sends again has the token of the term that assigned it', () => {
  const fleet = new Harness();
  fleet.join('w');
  const id = fleet.submit();
  const { fencingToken } = fleet.assign(id, 'w');
  fleet.lead('b');
  const { dispatch, heard, world } = dispatching(fleet, () => 'w-1');
  world.runFor(500);
  expect(fleet.state.fencingToken).toBeGreaterThan(fencingToken);
  expect(heard).toMatchObject([{ assign: [{ id, attempt: 1, fencingToken }] }]);
  dispatch.stop();
});

test('a new leader stops what was cancelled before, and asks for the votes that are missing', () => {
  const fleet = new Harness();
  fleet.join('w');
  const id = fleet.running('w');
  decideCancel(fleet, id);
  const proposal = fleet.propose({ voters: [] });
  fleet.lead('b');
  const { dispatch, heard, world } = dispatching(fleet, () => 'w-1');
  world.runFor(500);
  const works = heard.filter((message) => message.kind === 'work');
  expect(works.flatMap(({ abort }) => abort)).toMatchObject([{ id, attempt: 1 }]);
  expect(works.flatMap(({ vote }) => vote)).toMatchObject([{ id: proposal }]);
  dispatch.stop();
});

test('who leads is the service `conclave`, and no other', async () => {
  const stage = await played();
  const served = (host: string): string[] => stage.world.host(host).services.map(({ name }) => name);
  expect([served('a'), served('w')]).toEqual([['conclave'], []]);
});

test('a report that is not answered is sent again, and no more once it is', () => {
  const world = worldOf();
  const { clock, bus } = portsOf(world, 'w');
  const heard: unknown[] = [];
  let isAnswering = false;
  portsOf(world, 'leader').bus.subscribe('reports', (message) => {
    heard.push(decode(message.data, message.headers));
    if (isAnswering) message.respond(encode({ term: 1, answers: ['recorded'] }, 'json'), json);
  });
  world.runFor(50);
  const none = (): void => undefined;
  const callbacks = { onStale: none, onUnknown: none, onTerm: none, onStarted: none, onAnswered: none };
  const courier = new Courier({
    clock,
    bus,
    subject: 'reports',
    incarnation: 'w-1',
    resendMs: 100,
    log: silentLog,
    rejections: new Rejections(clock, silentLog),
    ...callbacks,
  });
  courier.add({ kind: 'completed', id: 'x' as TaskId, attempt: 1, result: 1 });
  world.runFor(2_000);
  expect(heard.length).toBeGreaterThan(2);
  isAnswering = true;
  world.runFor(2_000);
  const { length } = heard;
  expect(courier.pending).toBe(0);
  world.runFor(2_000);
  expect(heard).toHaveLength(length);
  expect(new Set(heard.map((each) => JSON.stringify(each))).size).toBe(1);
});

/** The bus of a process of `b`, and what others say on it. */
function ears() {
  const world = worldOf();
  const { clock, bus } = portsOf(world, 'b');
  const subjects = subjectsOf('f');
  const rejections = new Rejections(clock, silentLog);
  const mouth = portsOf(world, 'mouth').bus;
  const say = (subject: string, body: object): void => {
    world.runFor(50);
    mouth.publish({ subject, data: encode(body, 'json'), headers: json });
    world.runFor(50);
  };
  return { parts: { clock, bus, subjects, rejections }, subjects, say };
}

test('orders of a term that is over are not heeded', () => {
  const { parts, subjects, say } = ears();
  const heard: number[] = [];
  const settings = { suspectAfterIntervals: 3, deadAfterIntervals: 5 };
  const onOrders = ({ term }: { readonly term: number }): void => {
    heard.push(term);
  };
  const watch = new OrderWatch({ ...parts, settings, term: () => 3, onOrders });
  for (const term of [3, 2, 4, 3]) {
    const orders = {
      incarnation: 'a-1',
      heartbeatIntervalMs: 1_000,
      repeatMs: 1_000,
      standbys: [],
      hasRoom: true,
    };
    say(subjects.agent('orders', agent('a')), { ...orders, term });
  }
  expect(heard).toEqual([3, 4]);
  watch.close();
});

test('a candidacy of a term that is over is not heard', () => {
  const { parts, subjects, say } = ears();
  const heard: string[] = [];
  const none = (): void => undefined;
  const hustings = new Hustings({
    ...parts,
    id: agent('b'),
    incarnation: life('b-1'),
    score: () => 1,
    onCandidacy: ({ id }) => heard.push(id),
    onAnswer: none,
    onVictory: none,
  });
  const stands = (id: string, term: number): void =>
    say(subjects.agent('election', agent(id)), { kind: 'candidacy', incarnation: 'x', term, score: 1 });
  stands('c', 5);
  stands('d', 4);
  stands('e', 5);
  expect(heard).toEqual(['c', 'e']);
  hustings.close();
});

test('who beats is read from the subject, whatever the body says', () => {
  const { parts, subjects, say } = ears();
  const roster = new Roster({ ...parts, presumedMs: () => 1_000 });
  say(subjects.agent('heartbeat', w), { ...beatOf(), id: 'ada' });
  expect(roster.get(w)?.id).toBe('w');
  expect(roster.get(agent('ada'))).toBeUndefined();
  roster.close();
});
