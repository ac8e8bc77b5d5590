/**
 * Answers, events and stored bytes that nobody should give, to those who asked for them: nobody crashes or is wedged, each
 * refusal is counted, and afterwards agents and clients work. A tenth of
 * FUZZ_MESSAGES of each, under FUZZ_SEED. The simulated world
 * fails the test when a process throws.
 */
import { expect, test } from 'vitest';
import { snapshotOf } from '../../src/domain/snapshot.ts';
import type { AgentId } from '../../src/domain/ids.ts';
import { decodeManifest, encodeManifest } from '../../src/nats/snapshot-manifest.ts';
import type { Bus, Headers, Incoming } from '../../src/ports.ts';
import { silentLog, type Log } from '../../src/runtime/log.ts';
import { restoredFrom } from '../../src/runtime/snapshot-loader.ts';
import { Fleet } from '../../src/sdk/fleet.ts';
import { SeededRandom, SimulatedFleet, SimulatedWorld } from '../../src/simulation/index.ts';
import {
  answerDoor,
  BallotReplySchema,
  JoinReplySchema,
  ProblemSchema,
  ReportReplySchema,
} from '../../src/wire/answers.ts';
import { DEPTH_FORWARDED_MAX, encode } from '../../src/wire/codec.ts';
import { doorFor, type Door } from '../../src/wire/door.ts';
import { decodeEntry } from '../../src/wire/entry.ts';
import { EventMessageSchema, InboxReplySchema } from '../../src/wire/messages.ts';
import { apiVerbs, subjectsOf } from '../../src/wire/subjects.ts';
import { soundAnswers, soundEvents, soundReplies } from '../support/answer-values.ts';
import { fuzzBody } from '../support/wire-fuzz.ts';
import { Harness } from '../unit/harness.ts';

const MESSAGES = Math.ceil(Number(process.env['FUZZ_MESSAGES'] ?? 10_000) / 10);
const SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const AT_ONCE = 50;
const timeout = 60_000 + MESSAGES * 20;
const subjects = subjectsOf('default');

/** The total of the latest line about what was refused, and how many lines there were. */
function refusals() {
  const told = { total: 0, lines: 0 };
  const log: Log = {
    ...silentLog,
    warn: (fields, message) => {
      if (message !== 'message refused') return;
      told.lines += 1;
      told.total = (fields as { total: number }).total;
    },
  };
  return { told, log };
}

interface Body {
  readonly data: Uint8Array;
  readonly headers: Headers;
}

const problems = doorFor(ProblemSchema);
const error = { 'Nats-Service-Error': 'no' };

/** An answer, or an error, that is neither. */
function badAnswer(random: SeededRandom, door: Door<unknown>, example: unknown): Body {
  for (;;) {
    const isError = random.next() < 0.2;
    const { data, headers } = fuzzBody(random, [isError ? soundReplies.problem : example]);
    const judge = isError ? problems : door;
    if (judge.admit(data, headers).kind === 'bad')
      return { data, headers: isError ? { ...headers, ...error } : headers };
  }
}

const isSent = ({ data }: Body): boolean => data.length < 900_000;

function answerBadly(bus: Bus, subject: string, body: (message: Incoming) => Body | null): { said: number } {
  const count = { said: 0 };
  bus.subscribe(subject, (message) => {
    const answer = body(message);
    if (answer !== null && isSent(answer) && message.respond(answer.data, answer.headers)) count.said += 1;
  });
  return count;
}

test(
  `a client counts ${MESSAGES} answers that are none, and works with the next (FUZZ_SEED=${SEED})`,
  { timeout },
  async () => {
    const world = new SimulatedWorld({ seed: SEED });
    const random = new SeededRandom(SEED);
    const { told, log } = refusals();
    const client = new Fleet(world.host('client').ports('default'), 'default', { timeoutMs: 20, log });
    const { bus } = world.host('hostile').ports('default');
    let isSound = false;
    const counts = apiVerbs.map((verb) =>
      answerBadly(bus, subjects.api(verb), () =>
        isSound
          ? { data: encode(soundAnswers[verb], 'json'), headers: { 'Conclave-Term': '1' } }
          : badAnswer(random, answerDoor(verb), soundAnswers[verb]),
      ),
    );
    const calls = callsOf(client);
    const said = (): number => counts.reduce((sum, each) => sum + each.said, 0);
    let failed = 0;
    let asked = 0;
    await world.advance(100);
    while (said() < MESSAGES) {
      for (let i = 0; i < AT_ONCE; i += 1) {
        asked += 1;
        calls[random.below(calls.length)]?.().catch(() => (failed += 1));
      }
      await world.advance(50);
    }
    await world.advance(1_000);
    expect(failed).toBe(asked);
    const bad = said();
    // One more, alone: the line about it has the total.
    const last = client.drain('ada').catch(() => undefined);
    await world.settle(last);
    expect(told.total).toBe(said());
    expect(said()).toBeGreaterThan(bad);
    expect(told.lines).toBeLessThanOrEqual(world.now / 1_000 + 1);
    isSound = true;
    expect((await world.settle(client.task('t'))).type).toBe('scan');
    await world.settle(client.drain('ada'));
  },
);

function callsOf(client: Fleet): readonly (() => Promise<unknown>)[] {
  return [
    () => client.submit({ type: 'work' }),
    () => client.task('t'),
    () => client.explain('t'),
    () => client.cancel('t'),
    () => client.retry('t'),
    () => client.openProposal({ type: 'x' }),
    () => client.proposal('p'),
    () => client.vote({ proposal: 'p', voter: 'v', decision: 'approve' }),
    () => client.agent('a'),
    () => client.agents(),
    () => client.drain('a'),
    () => client.resume('a'),
    () => client.remove('a'),
  ];
}

test(
  `a client counts those of ${MESSAGES} events that are none (FUZZ_SEED=${SEED})`,
  { timeout },
  async () => {
    const world = new SimulatedWorld({ seed: SEED });
    const random = new SeededRandom(SEED);
    const { told, log } = refusals();
    const client = new Fleet(world.host('client').ports('default'), 'default', { log });
    const { bus } = world.host('hostile').ports('default');
    const door = doorFor(EventMessageSchema, DEPTH_FORWARDED_MAX);
    let heard = 0;
    client.onEvent('>', (item) => {
      expect(item).toBeTypeOf('object');
      heard += 1;
    });
    await world.advance(100);
    let bad = 0;
    let items = 0;
    for (let sent = 0; sent < MESSAGES; sent += 1) {
      const { kind } = soundEvents[random.below(soundEvents.length)] ?? { kind: 'x' };
      const body = fuzzBody(random, soundEvents);
      if (!isSent(body)) continue;
      bus.publish({ subject: subjects.event(kind), ...body });
      const admitted = door.admit(body.data, body.headers);
      if (admitted.kind === 'bad' || admitted.value.kind !== kind) bad += 1;
      else items += admitted.value.items.length;
      if (sent % AT_ONCE === 0) await world.advance(20);
    }
    await world.advance(2_000);
    bus.publish({ subject: subjects.event('x'), data: Uint8Array.of(0xc1) });
    await world.advance(100);
    expect([told.total, heard]).toEqual([bad + 1, items]);
    expect(bad).toBeGreaterThan(MESSAGES / 3);
    expect(told.lines).toBeLessThanOrEqual(world.now / 1_000 + 1);
  },
);

const replies = {
  join: { door: doorFor(JoinReplySchema), example: soundReplies.join },
  report: { door: doorFor(ReportReplySchema), example: soundReplies.report },
  ballot: { door: doorFor(BallotReplySchema), example: soundReplies.ballot },
} as const;

test(
  `agents take no harm from answers that are none, and work with the next (FUZZ_SEED=${SEED})`,
  { timeout },
  async () => {
    const world = new SimulatedWorld({ seed: SEED });
    const random = new SeededRandom(SEED);
    const errors: string[] = [];
    const counted = new Map<string, ReturnType<typeof refusals>['told']>();
    const fleet = new SimulatedFleet(world, {
      settings: { resendMs: 20 },
      log: (id) => {
        const { told, log } = refusals();
        counted.set(id, told);
        return { ...log, error: (_, message) => errors.push(`${id}: ${message}`) };
      },
    });
    const work = { handlers: { work: () => Promise.resolve('done') }, vote: () => 'approve' as const };
    fleet.join('ada', { ...work, priority: 2 });
    const client = fleet.client();
    await world.settle(client.elect());
    const { bus } = world.host('hostile').ports('default');
    let isNoisy = true;
    // Sometimes silent, so that the leader is heard too.
    const noise = (door: Door<unknown>, example: unknown) => (): Body | null =>
      isNoisy && random.next() < 0.8 ? badAnswer(random, door, example) : null;
    const workers = ['dot', 'eve'];
    const counts = workers.flatMap((id) =>
      (['join', 'report', 'ballot'] as const).map((verb) =>
        answerBadly(
          bus,
          subjects.agent(verb, id as AgentId),
          noise(replies[verb].door, replies[verb].example),
        ),
      ),
    );
    // Somebody who listens at an inbox, as no permission lets him.
    const inbox = noise(doorFor(InboxReplySchema), soundReplies.inbox);
    counts.push(answerBadly(bus, subjects.inbox('dot' as AgentId), inbox));
    await world.advance(100);
    for (const id of workers) fleet.join(id, { ...work, electable: false, slots: 8 });
    const said = (): number => counts.reduce((sum, each) => sum + each.said, 0);
    const tasks: Promise<unknown>[] = [];
    // What answers take is virtual time: a part of the others' number is enough.
    const wanted = Math.min(MESSAGES / 5, 20_000);
    for (let round = 0; said() < wanted; round += 1) {
      if (round % 10 === 0) {
        const task = await world.settle(client.submit({ type: 'work' }));
        tasks.push(task.result());
        await world.settle(client.openProposal({ type: 'x', timeoutMs: 1_000 }));
      }
      for (const id of workers) fleet.nodes.get(id)?.update({ priority: round % 7 });
      await world.advance(50);
    }
    isNoisy = false;
    expect(await world.settle(Promise.all(tasks))).toEqual(tasks.map(() => 'done'));
    const states = async (): Promise<string[]> =>
      (await world.settle(client.agents())).map(({ state }) => state);
    await world.advance(10_000);
    expect(await states()).toEqual(['alive', 'alive', 'alive']);
    const { approved } = await world.settle(client.propose({ type: 'x', quorum: 1 }));
    expect(approved).toBe(true);
    expect(errors).toEqual([]);
    expect([...fleet.ended]).toEqual([]);
    for (const id of workers) expect([id, counted.get(id)?.total ?? 0]).not.toEqual([id, 0]);
  },
);

test(
  `entries, snapshots and manifests that are none are known as such (FUZZ_SEED=${SEED})`,
  { timeout },
  () => {
    const random = new SeededRandom(SEED);
    const fleet = new Harness();
    fleet.join('w');
    const entry = { ...fleet.entries.at(-1) };
    const snapshot = snapshotOf(fleet.state, { lastHash: 'ab'.repeat(32) });
    const { sequence } = fleet.state;
    const stored = { name: 'x', sequence, bytes: 1, hash: '' };
    const hash = 'ab'.repeat(32);
    const manifest: unknown = JSON.parse(
      new TextDecoder().decode(encodeManifest({ sequence, bytes: 9, chunkBytes: 4, hash })),
    );
    const known = { entries: 0, snapshots: 0, manifests: 0 };
    for (let i = 0; i < MESSAGES; i += 1) {
      const decoded = decodeEntry(fuzzBody(random, [entry]).data);
      if (decoded !== null) {
        known.entries += 1;
        expect([decoded.v, Array.isArray(decoded.events)]).toEqual([1, true]);
      }
      const restored = restoredFrom(fuzzBody(random, [snapshot]).data, stored, silentLog);
      if (restored !== null) {
        known.snapshots += 1;
        expect(restored.state.sequence).toBe(sequence);
      }
      const read = decodeManifest(fuzzBody(random, [manifest]).data);
      if (read !== null) {
        known.manifests += 1;
        expect(read.chunkBytes).toBeGreaterThan(0);
      }
    }
    for (const count of Object.values(known)) {
      expect(count).toBeGreaterThan(0);
      expect(count).toBeLessThan(MESSAGES);
    }
    expect(({} as Record<string, unknown>)['isAdmin']).toBeUndefined();
  },
);
