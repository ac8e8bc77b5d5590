/** A fleet is shown the same by its leader, by a process that looks on, and, while nobody leads, by its standbys. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { AgentId } from '../../src/domain/ids.ts';
import { defaultCharts } from '../../src/runtime/node.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { Observer } from '../../src/runtime/observer.ts';
import { subjectsOf } from '../../src/wire/subjects.ts';
import type { TaskFilter } from '../../src/sdk/task.ts';
import { Stage } from './behaviours/stage.ts';

const seed = Number(process.env['SEED'] ?? 1);

let stage: Stage;

beforeEach(async () => {
  stage = new Stage(defaultCharts, seed);
  stage.join({ ada: { priority: 2, slots: 4, capabilities: ['x'] }, bob: { slots: 4 } });
  await stage.led('ada');
  await stage.stand({ ada: 'alive', bob: 'alive' });
});

function observer(id = 'observer'): Observer {
  const { fleet, world } = stage;
  const made = new Observer({
    ...world.host(id).ports(fleet.name),
    subjects: subjectsOf(fleet.name),
    settings: fleet.settings,
    log: silentLog,
  });
  made.start();
  return made;
}

async function caughtUp(...observers: readonly Observer[]): Promise<void> {
  await stage.until('all have read what the ledger has', () =>
    observers.every((each) => each.isCaughtUp && each.state.sequence === stage.ledger.sequence),
  );
}

/** All ids of a list, page by page. */
async function walked(filter: TaskFilter): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | null = null;
  do {
    const { skip = 0, ...same } = filter;
    const query: TaskFilter = cursor === null ? { ...same, skip } : { ...same, cursor };
    const page = await stage.ask(stage.client.tasks(query));
    found.push(...page.tasks.map(({ id }) => id));
    cursor = page.next;
  } while (cursor !== null);
  return found;
}

test('by the leader and by who looks on from the beginning, or came later', async () => {
  const early = observer();
  await caughtUp(early);
  // From now on the leader has to keep in step, too.
  await stage.ask(Promise.all([stage.client.tasks(), stage.client.status()]));
  const ids: string[] = [];
  for (let i = 0; i < 5; i += 1) ids.push(await stage.submit({}, { target: `host-${i}` }));
  for (const id of ids) await stage.becomes(id, 'completed');
  await stage.submit({}, { requiredCapabilities: ['y'] });
  await stage.ask(stage.client.openProposal({ type: 'policy' }));
  const late = observer('latecomer');
  const hasty = observer('hasty');
  // Asked before it has read anything.
  expect([hasty.reader.tasks().total, hasty.reader.status().hasLeader]).toEqual([0, false]);
  await stage.run(5_000);
  await caughtUp(early, late, hasty);
  const [tasks, proposals, status] = [
    await stage.ask(stage.client.tasks({ status: 'completed', order: 'newest', limit: 3 })),
    await stage.ask(stage.client.proposals()),
    await stage.ask(stage.client.status()),
  ];
  expect(tasks.tasks.map(({ id }) => id)).toEqual(ids.slice(2).reverse());
  expect(status).toMatchObject({
    health: 'degraded',
    reasons: ['1 pending task needs `y`, which no agent has'],
  });
  for (const { reader } of [early, late, hasty]) {
    expect(reader.tasks({ status: 'completed', order: 'newest', limit: 3 })).toEqual(tasks);
    expect(reader.proposals()).toEqual(proposals);
    const { health, reasons, agents, tasks: figures, proposals: counts } = reader.status();
    const { oldestWaitingMs, ...steady } = figures;
    expect({ health, reasons, agents }).toEqual({
      health: status.health,
      reasons: status.reasons,
      agents: status.agents,
    });
    expect(status.tasks).toMatchObject(steady);
    expect(oldestWaitingMs).toBeGreaterThan(4_000);
    expect(counts).toEqual(status.proposals);
  }
});

test('by who looks on while nobody leads: a status that says so, and why', async () => {
  const id = await stage.submit({ ms: 60_000 });
  await stage.becomes(id, 'running');
  const looking = observer();
  await caughtUp(looking);
  stage.fleet.kill('bob');
  await stage.stand({ bob: 'dead' });
  expect(await stage.ask(stage.client.status())).toMatchObject({
    health: 'degraded',
    reasons: ['bob is dead'],
    agents: { total: 2, alive: 1, dead: 1 },
  });
  stage.fleet.kill('ada');
  await stage.until('the observer misses it', () => !looking.hasLeader);
  expect(looking.reader.status()).toMatchObject({
    hasLeader: false,
    leader: null,
    health: 'unhealthy',
    agents: { total: 2, suspect: 1, dead: 1 },
  });
  expect(looking.reader.status().reasons).toEqual([
    'nobody leads',
    'no agent is alive',
    'bob is dead',
    'ada is suspect',
  ]);
});

test('by who looks on while the ledger takes nothing: who led beats on, and leads no more', async () => {
  const looking = observer();
  await caughtUp(looking);
  expect(looking.hasLeader).toBe(true);
  stage.world.ledger(stage.fleet.name).failOver(60_000);
  void stage.client.submit({ type: 'work' }).catch(() => undefined);
  await stage.until('nobody leads', () => !looking.hasLeader);
  expect(looking.reader.status()).toMatchObject({ leader: null, agents: { alive: 2 } });
  expect(looking.reader.status().reasons).toEqual(['nobody leads']);
  await stage.until('somebody leads', () => looking.hasLeader, 120_000);
});

test('by who looks on: an agent that beats and does not answer its inbox is suspect, and why', async () => {
  const early = observer();
  await caughtUp(early);
  const inbox = subjectsOf(stage.fleet.name).inbox('bob' as AgentId);
  stage.world.broker.mute('bob', inbox, 'lost');
  await stage.submit({ ms: 60_000 });
  await stage.submit({ ms: 60_000 });
  await stage.run(6_000);
  const seen = await stage.ask(stage.client.agents());
  const shown = early.reader.agents().agents;
  for (const agents of [seen, shown]) {
    expect(agents.map(({ id, state, suspicion }) => [id, state, suspicion])).toEqual([
      ['ada', 'alive', null],
      ['bob', 'suspect', 'inbox'],
    ]);
  }
  expect(early.reader.status().reasons).toEqual(['bob is suspect: it beats, but does not answer its inbox']);
  stage.world.broker.mute('bob', inbox, null);
  await stage.run(2_000);
  expect(early.reader.agent('bob')).toMatchObject({ state: 'alive', suspicion: null });
});

test('by a standby that waits for a better one to stand: nobody leads', async () => {
  // Somebody ranks before everybody and never stands.
  stage = new Stage(defaultCharts, seed, {
    settings: { candidacyDelayMs: 3_000 },
    rank: (candidates) => [{ id: 'nobody' as AgentId, score: 99 }, ...candidates],
  });
  stage.join({ ada: { priority: 2 }, bob: {} });
  await stage.led('ada', 20_000);
  await stage.stand({ ada: 'alive', bob: 'alive' });
  const id = await stage.submit({ ms: 60_000 });
  await stage.becomes(id, 'running');
  stage.fleet.kill('ada');
  const answers = [await stage.ask(stage.client.status()), await stage.ask(stage.client.status())];
  for (const status of answers) {
    expect(status).toMatchObject({ hasLeader: false, leader: null, sinceMs: null, health: 'unhealthy' });
    expect(status).toMatchObject({ agents: { total: 2 }, tasks: { byStatus: { running: 1 } } });
    expect(status.reasons[0]).toBe('nobody leads');
  }
  await stage.led('bob', 20_000);
  expect(await stage.ask(stage.client.status())).toMatchObject({ hasLeader: true, leader: 'bob' });
});

describe('lists', () => {
  test('that one message cannot carry go on where they were cut', async () => {
    const ids: string[] = [];
    const blob = 'x'.repeat(200_000);
    for (let i = 0; i < 5; i += 1) ids.push(await stage.submit({}, { payload: { blob } }));
    expect(await walked({ type: 'work' })).toEqual(ids);
    expect(await walked({ type: 'work', order: 'newest', skip: 1 })).toEqual([...ids].reverse().slice(1));
    expect((await stage.ask(stage.client.tasks())).tasks).toHaveLength(2);
  });

  test('refuse a cursor of another list, and a filter that cannot fit', async () => {
    expect(await stage.refusalOf(stage.client.tasks({ cursor: 'oabc' }))).toBe('INVALID');
    expect(await stage.refusalOf(stage.client.proposals({ cursor: '!' }))).toBe('INVALID');
    const unknown = { status: 'done' } as unknown as TaskFilter;
    expect(await stage.refusalOf(stage.client.tasks(unknown))).toBe('INVALID');
  });

  test('of agents are by id', async () => {
    const agents = await stage.ask(stage.client.agents());
    expect(agents.map(({ id }) => id)).toEqual(['ada', 'bob']);
  });
});

test('by nobody who may lead and has not read the ledger to its end', async () => {
  for (let i = 0; i < 50; i += 1) await stage.submit({});
  stage.world.setFaults({ followerLate: 1 });
  stage.join({ cyd: {} });
  const leaders: (string | null)[] = [];
  for (let i = 0; i < 30; i += 1) {
    // Each hears of the fleet for the first time: it knows of no term that an answer could be too old for.
    const { leader } = await stage.ask(stage.fleet.client(`stranger-${i}`).status());
    leaders.push(leader);
  }
  expect(stage.node('cyd').contender?.isStandby).toBe(false);
  expect(new Set(leaders)).toEqual(new Set(['ada']));
});
