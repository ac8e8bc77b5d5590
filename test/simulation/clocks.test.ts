/**
 * Wall clocks that are an hour off: whoever leads next, whatever its clock says, lets everything with a deadline end
 * when it should, neither early nor never. Each deadline is watched in the virtual time of the world.
 */
import { describe, expect, test } from 'vitest';
import type { AgentId, ProposalId, TaskId } from '../../src/domain/ids.ts';
import { defaultCharts } from '../../src/runtime/node.ts';
import { Stage } from './behaviours/stage.ts';

const HOUR_MS = 3_600_000;
const settings = {
  retryBackoffMs: 16_000,
  idempotencyWindowMs: 22_000,
  endedTasksMs: 20_000,
  decidedProposalsMs: 20_000,
  forgetMembersMs: 20_000,
};
/** Kept beyond their time until a drop begins: a twentieth. */
const DROP_SLACK_MS = 1_000;
/** Between the moment that a deadline comes and the entry that says so. */
const LATE_MS = 300;

/** Something with a deadline, from when it was asked for. */
interface Deadline {
  readonly what: string;
  readonly dueAt: number;
  readonly lateMs: number;
  readonly hasCome: () => boolean;
}

/** `a` leads, `s` is to follow it, `w` does the work. */
async function played(skewMs: { readonly a?: number; readonly s?: number }): Promise<Stage> {
  const stage = new Stage(defaultCharts, 1, { settings });
  for (const [host, byMs] of Object.entries(skewMs)) stage.world.host(host).skewWall(byMs);
  stage.join({ a: { priority: 9, handlers: {} }, w: { electable: false, slots: 9 } });
  await stage.led('a');
  return stage;
}

async function joined(stage: Stage): Promise<void> {
  stage.join({ s: { priority: 5, handlers: {} } });
  await stage.stand({ s: 'alive' });
  await stage.until('s could lead', () => stage.node('s').contender?.isStandby === true);
}

/** Begins everything that has a deadline. */
async function begin(stage: Stage): Promise<readonly Deadline[]> {
  const { client, ledger, world } = stage;
  const open = (timeoutMs: number): Promise<string> =>
    stage.ask(client.openProposal({ type: 'policy', voters: ['bob'], quorum: 1, timeoutMs }));
  const proposalIs = (id: string, status: string) => (): boolean =>
    ledger.proposals.get(id as ProposalId)?.status === status;

  const ended = await stage.submit({});
  await stage.becomes(ended, 'completed');
  const endedAt = world.now;
  const flaky = await stage.submit({ failures: 1 });
  await stage.becomes(flaky, 'scheduled');
  const backoffMs = (stage.task(flaky).dueAt ?? 0) - ledger.at;
  const backoffAt = world.now;
  const deaf = await stage.submit({ ms: 60_000 }, { runTimeoutMs: 15_000, maxRetries: 0 });
  await stage.becomes(deaf, 'running');
  const runningAt = world.now;
  const decided = await open(100);
  await stage.until('it is decided', proposalIs(decided, 'expired'));
  const decidedAt = world.now;
  const later = await stage.submit({}, { delayMs: 15_000 });
  const laterAt = world.now;
  const proposal = await open(15_000);
  const proposalAt = world.now;
  return [
    {
      what: 'proposal deadline',
      dueAt: proposalAt + 15_000,
      lateMs: 0,
      hasCome: proposalIs(proposal, 'expired'),
    },
    {
      what: 'run timeout',
      dueAt: runningAt + 15_000,
      lateMs: 0,
      hasCome: () => ledger.tasks.get(deaf as TaskId)?.error?.code === 'TIMED_OUT',
    },
    {
      what: 'retry backoff',
      dueAt: backoffAt + backoffMs,
      lateMs: 0,
      hasCome: () => ledger.tasks.get(flaky as TaskId)?.attempt === 2,
    },
    {
      what: 'not before',
      dueAt: laterAt + 15_000,
      lateMs: 0,
      hasCome: () => ledger.tasks.get(later as TaskId)?.attempt === 1,
    },
    {
      what: 'retention of tasks',
      dueAt: endedAt + settings.endedTasksMs,
      lateMs: DROP_SLACK_MS,
      hasCome: () => !ledger.tasks.has(ended as TaskId),
    },
    {
      what: 'retention of proposals',
      dueAt: decidedAt + settings.decidedProposalsMs,
      lateMs: DROP_SLACK_MS,
      hasCome: () => !ledger.proposals.has(decided as ProposalId),
    },
  ];
}

/** Until all have come; what came early or late, by how much. */
async function misses(stage: Stage, deadlines: readonly Deadline[]): Promise<readonly string[]> {
  const cameAt = new Map<string, number>();
  const look = (): boolean => {
    for (const { what, hasCome } of deadlines)
      if (!cameAt.has(what) && hasCome()) cameAt.set(what, stage.world.now);
    return cameAt.size === deadlines.length;
  };
  await stage.until('every deadline has come', look, 60_000).catch(() => undefined);
  return deadlines.flatMap(({ what, dueAt, lateMs }) => {
    const offMs = (cameAt.get(what) ?? Infinity) - dueAt;
    // What was measured from is when it was seen here, some milliseconds after it stood in the ledger.
    return offMs < -LATE_MS || offMs > lateMs + LATE_MS ? [`${what}: ${offMs.toFixed(0)} ms off`] : [];
  });
}

const key = { idempotencyKey: 'once' };

/** The same task once more, at that time of the world; who is given which id is known later. */
function submitAt(stage: Stage, atMs: number): { readonly id: string | null } {
  const answer: { id: string | null } = { id: null };
  const ask = async (): Promise<void> => {
    answer.id = (await stage.client.submit({ type: 'work', payload: {}, ...key })).id;
  };
  stage.world.after(atMs - stage.world.now, () => {
    stage.world.track(ask());
  });
  return answer;
}

/** How `s` comes to lead with a clock that is off by so much. */
const ways: Readonly<Record<string, (offMs: number) => Promise<Stage>>> = {
  'that was there before': async (offMs) => {
    const stage = await played({ s: offMs });
    await joined(stage);
    await stage.run(3_000);
    return stage;
  },
  'that has only just joined': (offMs) => played({ s: offMs }),
  'that followed one off the other way': async (offMs) => {
    const stage = await played({ a: -offMs, s: offMs });
    await joined(stage);
    return stage;
  },
};

describe.each([
  ['ahead', HOUR_MS],
  ['behind', -HOUR_MS],
])('a fail-over to a node whose clock is an hour %s', (_, offMs) => {
  test.each(Object.entries(ways))('%s, expires nothing early and hangs nothing', async (__, begun) => {
    const stage = await begun(offMs);
    const deadlines = await begin(stage);
    if (!stage.fleet.nodes.has('s')) await joined(stage);
    const first = await stage.submit({}, key);
    const forgottenAt = stage.world.now + settings.idempotencyWindowMs;
    const before = submitAt(stage, forgottenAt - 1_000);
    const after = submitAt(stage, forgottenAt + 1_000);
    stage.fleet.kill('a');
    await stage.led('s');
    await stage.stand({ a: 'dead' });
    const forgotten: Deadline = {
      what: 'the dead one is forgotten',
      dueAt: stage.world.now + settings.forgetMembersMs,
      lateMs: 0,
      hasCome: () => !stage.ledger.members.has('a' as AgentId),
    };

    expect(await misses(stage, [...deadlines, forgotten])).toEqual([]);
    await stage.until('both were answered', () => before.id !== null && after.id !== null);
    expect(before.id).toBe(first);
    expect(after.id).not.toBe(first);
    stage.over();
  });

  test('and whose clock is put right while it leads, expires nothing early and hangs nothing', async () => {
    const stage = await played({ s: offMs });
    await joined(stage);
    const deadlines = await begin(stage);
    stage.fleet.kill('a');
    await stage.led('s');
    stage.world.host('s').skewWall(-offMs);
    expect(await misses(stage, deadlines)).toEqual([]);
    stage.over();
  });
});

test('after all were off, time has passed as the wall clock says', async () => {
  const stage = await played({});
  const id = await stage.submit({}, { delayMs: 60_000 });
  stage.fleet.kill('a');
  stage.fleet.kill('w');
  await stage.run(90_000);
  stage.fleet.revive('a');
  stage.fleet.revive('w');
  await stage.becomes(id, 'completed', 10_000);
  stage.over();
});

test('who starts with a wrong clock while the broker is down asks the others what time it is before it leads', async () => {
  const stage = new Stage(defaultCharts, 1);
  const { world, fleet } = stage;
  stage.join({ a: { priority: 9 }, b: { priority: 5 }, c: { priority: 1 } });
  await stage.led('a');
  await stage.stand({ a: 'alive', b: 'alive', c: 'alive' });
  fleet.kill('b');
  world.host('b').skewWall(HOUR_MS);
  world.broker.restart(3_000);
  await stage.run(500);
  fleet.revive('b');
  await stage.run(2_000);
  // Who leads never comes back, and the other one that knows the time is the last to be back.
  fleet.kill('a');
  world.host('c').cut();
  const began = stage.ledger.at;
  await stage.until('the broker is up', () => world.broker.isUp);
  world.after(1_200, () => world.host('c').heal());
  await stage.until('another leads', () => stage.ledger.term === 2);
  expect(stage.ledger.at - began).toBeLessThan(60_000);
});

test('who dies is found out in time by a leader whose wall clock has just gone back by an hour', async () => {
  const stage = await played({});
  await stage.stand({ w: 'alive' });
  await stage.run(3_000);
  stage.world.host('a').skewWall(-HOUR_MS);
  stage.fleet.kill('w');
  await stage.stand({ w: 'dead' }, 10_000);
  stage.over();
});
