/** What is shown of a fleet: pages, single things, the status. */
import type { TSchema } from 'typebox';
import { describe, expect, it } from 'vitest';
import { decideDeath, decideDrain, decideLeave } from '../../src/domain/decide-members.ts';
import type { TaskId } from '../../src/domain/ids.ts';
import { doorFor } from '../../src/wire/door.ts';
import {
  AgentsPageSchema,
  OutcomeViewSchema,
  PAGE_ITEMS,
  PAGE_ITEMS_MAX,
  ProposalsPageSchema,
  StatusViewSchema,
  TasksPageSchema,
} from '../../src/wire/views.ts';
import { agent } from './harness.ts';
import { ReaderStage } from './reader-stage.ts';

const many = (count: number): object[] => Array.from({ length: count }, () => ({}));
const idsOf = (items: readonly { readonly id: string }[]): string[] => items.map(({ id }) => id);
/** The first so many. */
const keep =
  (count: number) =>
  <T>(items: readonly T[]): readonly T[] =>
    items.slice(0, count);

describe('a page of tasks', () => {
  it('has 50 if it does not say, 500 at most, and leads to the next', () => {
    const { fleet, reader } = new ReaderStage();
    const ids = fleet.submitAll(many(600));
    const first = reader.tasks();
    expect([first.tasks.length, first.total]).toEqual([PAGE_ITEMS, 600]);
    const wide = reader.tasks({ limit: 10_000 });
    expect(wide.tasks).toHaveLength(PAGE_ITEMS_MAX);
    const rest = reader.tasks({ limit: 500, cursor: wide.next ?? '' });
    expect([...idsOf(wide.tasks), ...idsOf(rest.tasks)]).toEqual(ids);
    expect(rest.next).toBeNull();
  });

  it('keeps the order of its cursor', () => {
    const { fleet, reader } = new ReaderStage();
    const ids = fleet.submitAll(many(4));
    const first = reader.tasks({ order: 'newest', limit: 2 });
    const second = reader.tasks({ limit: 2, cursor: first.next ?? '' });
    expect([...idsOf(first.tasks), ...idsOf(second.tasks)]).toEqual([...ids].reverse());
  });

  it('that does not fit into an answer goes on with what was cut off', () => {
    const { fleet, reader } = new ReaderStage();
    const ids = fleet.submitAll(many(5));
    const first = reader.tasks({ limit: 4 }, keep(3));
    const second = reader.tasks({ limit: 4, cursor: first.next ?? '' }, keep(3));
    expect([idsOf(first.tasks), idsOf(second.tasks)]).toEqual([ids.slice(0, 3), ids.slice(3)]);
    expect(second.next).toBeNull();
  });

  it('counts all tasks by status and type, whatever the filter', () => {
    const { fleet, reader } = new ReaderStage();
    fleet.submitAll([{}, { type: 'clean' }, { type: 'clean' }]);
    const page = reader.tasks({ type: 'scan' });
    expect(page).toMatchObject({ total: 1, byStatus: { pending: 3 }, byType: { scan: 1, clean: 2 } });
  });

  it.each(['?', 'oxyz', 'n1 2'])('is refused for the cursor %j', (cursor) => {
    const { reader } = new ReaderStage();
    const refusal = expect.objectContaining({
      code: 'INVALID',
      fields: [expect.objectContaining({ field: 'cursor' })],
    }) as Error;
    expect(() => reader.tasks({ cursor })).toThrow(refusal);
  });

  it('is refused for what is to be skipped behind a cursor', () => {
    const { fleet, reader } = new ReaderStage();
    fleet.submitAll(many(4));
    const cursor = reader.tasks({ limit: 1 }).next ?? '';
    expect(() => reader.tasks({ cursor, skip: 1 })).toThrow(
      expect.objectContaining({ fields: [expect.objectContaining({ field: 'skip' })] }) as Error,
    );
    expect(reader.tasks({ cursor, skip: 0 }).tasks).toHaveLength(3);
  });

  it('and the status look at no more tasks than are shown', () => {
    const { fleet, reader } = new ReaderStage();
    fleet.join('a', { handles: ['clean'] });
    fleet.submitAll(many(1_000));
    reader.prepare();
    const { tasks } = fleet.state;
    const seen: string[] = [];
    const refuse = (): never => {
      throw new Error('looks at every task');
    };
    const get = tasks.get.bind(tasks);
    Object.assign(tasks, { values: refuse, keys: refuse, entries: refuse, forEach: refuse });
    Object.assign(tasks, {
      [Symbol.iterator]: refuse,
      get: (id: TaskId) => (seen.push(id), get(id)),
    });
    fleet.submitAll(many(10));
    seen.length = 0;
    expect(reader.tasks({ status: 'pending', type: 'scan', skip: 900 })).toMatchObject({ total: 1_010 });
    expect(reader.status().tasks).toMatchObject({ total: 1_010, oldestWaitingMs: 0 });
    expect(seen.length).toBeLessThanOrEqual(PAGE_ITEMS);
  });
});

describe('a page of proposals', () => {
  it('leads to the next, and counts all by status', () => {
    const { fleet, reader } = new ReaderStage();
    fleet.join('a');
    const ids = [1, 2, 3].map(() => fleet.propose());
    const first = reader.proposals({ limit: 2 });
    const second = reader.proposals({ limit: 2, status: 'open', cursor: first.next ?? '' });
    expect([idsOf(first.proposals), idsOf(second.proposals)]).toEqual([ids.slice(0, 2), ids.slice(2)]);
    expect(second).toMatchObject({ total: 3, next: null, byStatus: { open: 3 } });
  });
});

describe('a page of agents', () => {
  it('is by id, and leads to the next', () => {
    const { fleet, reader } = new ReaderStage();
    for (const id of ['c', 'a', 'd', 'b']) fleet.join(id);
    const first = reader.agents({ limit: 3 });
    fleet.join('aa');
    const second = reader.agents({ limit: 3, cursor: first.next ?? '' });
    expect([idsOf(first.agents), idsOf(second.agents)]).toEqual([['a', 'b', 'c'], ['d']]);
    expect([first.total, second.total, second.next]).toEqual([4, 5, null]);
  });

  it('has those in a state, as this process sees it, with a capability', () => {
    const { fleet, reader, states } = new ReaderStage();
    fleet.join('a', { capabilities: ['x'] });
    fleet.join('b', { capabilities: ['x'] });
    fleet.join('c');
    states.set('b', 'suspect');
    expect(idsOf(reader.agents({ state: 'suspect' }).agents)).toEqual(['b']);
    expect(idsOf(reader.agents({ state: 'alive', capability: 'x' }).agents)).toEqual(['a']);
  });
});

describe('an agent', () => {
  it('is shown with its last beat, but not with one of the life before', () => {
    const stage = new ReaderStage();
    stage.fleet.join('a', { slots: 2, priority: 3 });
    stage.fleet.running('a');
    expect(stage.reader.agent('a')).toMatchObject({ health: null, load: 0.5, heardMsAgo: null, score: 3.5 });
    stage.beat('a', { health: 0.5, load: 0.9, isLoadSet: true, heardAt: stage.now - 40 });
    expect(stage.reader.agent('a')).toMatchObject({ health: 0.5, load: 0.9, heardMsAgo: 40 });
    stage.beat('a', { incarnation: 'a-0' });
    expect(stage.reader.agent('a')).toMatchObject({ health: null, isStandby: false });
  });

  it('leads only while somebody leads', () => {
    const stage = new ReaderStage();
    stage.fleet.join('leader');
    expect(stage.reader.agent('leader')?.isLeader).toBe(true);
    stage.hasLeader = false;
    expect(stage.reader.agent('leader')?.isLeader).toBe(false);
  });

  it('that is unknown is null, like a task or a proposal', () => {
    const { reader } = new ReaderStage();
    const { task, outcome, proposal } = {
      task: reader.task('x'),
      outcome: reader.outcome('x'),
      proposal: reader.proposal('x'),
    };
    expect([reader.agent('x'), task, outcome, proposal]).toEqual([null, null, null, null]);
  });
});

describe('the status', () => {
  it('counts members as this process sees them, without those that left in the total', () => {
    const { fleet, reader, states } = new ReaderStage();
    for (const id of ['a', 'b', 'c', 'd', 'e']) fleet.join(id);
    states.set('b', 'suspect');
    decideDrain(fleet, agent('c'));
    decideDeath(fleet, fleet.member('d'), 'gone');
    decideLeave(fleet, fleet.member('e'));
    const { agents, health, reasons } = reader.status();
    expect(agents).toMatchObject({ total: 4, alive: 1, suspect: 1, draining: 1, dead: 1, left: 1 });
    expect(health).toBe('unhealthy');
    expect(reasons).toEqual(['only 1 of 4 agents are alive', 'd is dead', 'b is suspect']);
  });

  it('has averages of those present', () => {
    const stage = new ReaderStage();
    expect(stage.reader.status().agents).toMatchObject({ averageHealth: null, averageLoad: null });
    for (const id of ['a', 'b', 'c', 'd']) stage.fleet.join(id);
    decideDeath(stage.fleet, stage.fleet.member('d'), 'gone');
    for (const id of ['a', 'b', 'c', 'd']) stage.beat(id, { health: 0.7, load: 0.2, isLoadSet: true });
    expect(stage.reader.status().agents).toMatchObject({ averageHealth: 0.7, averageLoad: 0.2 });
    expect(stage.reader.status().reasons).toEqual(['d is dead']);
  });

  it('names nobody as leader while nobody leads', () => {
    const stage = new ReaderStage();
    stage.fleet.join('a');
    stage.fleet.wait(30);
    expect(stage.reader.status()).toMatchObject({ leader: 'leader', sinceMs: 30, health: 'healthy' });
    stage.hasLeader = false;
    const status = stage.reader.status();
    expect(status).toMatchObject({ hasLeader: false, leader: null, sinceMs: null, health: 'unhealthy' });
    expect(status.reasons).toEqual(['nobody leads']);
  });

  it('says what waits for an agent that is not there', () => {
    const { fleet, reader } = new ReaderStage();
    fleet.join('a');
    fleet.submitAll([{}, {}].map(() => ({ requiredCapabilities: ['malware_analysis'] })));
    fleet.wait(70);
    const { health, reasons, tasks } = reader.status();
    expect([health, reasons]).toEqual([
      'degraded',
      ['2 pending tasks need `malware_analysis`, which no agent has'],
    ]);
    expect(tasks.oldestWaitingMs).toBe(70);
  });
});

it('a reader that is asked late shows the same as one that was asked before', () => {
  const stage = new ReaderStage();
  const { fleet, reader } = stage;
  reader.prepare();
  fleet.join('a', { slots: 4 });
  fleet.completed(fleet.running('a'));
  fleet.running('a');
  fleet.submit({ requiredCapabilities: ['x'] });
  const fresh = stage.freshReader();
  expect(reader.tasks({ status: 'running' })).toEqual(fresh.tasks({ status: 'running' }));
  expect(reader.status()).toEqual(fresh.status());
});

it('a reader whose replica starts anew forgets what it had made', () => {
  const stage = new ReaderStage();
  let state = stage.fleet.state;
  const reader = stage.freshReader(() => state);
  stage.fleet.submitAll(many(3));
  expect(reader.tasks().total).toBe(3);
  state = new ReaderStage().fleet.state;
  expect([reader.tasks().total, reader.status().tasks.oldestWaitingMs]).toEqual([0, null]);
});

it('everything that is shown is as its schema says', () => {
  const { fleet, reader } = new ReaderStage();
  fleet.join('a', { slots: 4, labels: { zone: 'b' } });
  fleet.completed(fleet.running('a'));
  const ids = [fleet.running('a'), fleet.submit({ target: 'host', approval: null })];
  fleet.failed(ids[0] as TaskId, true);
  fleet.propose();
  const shown: [TSchema, unknown][] = [
    [TasksPageSchema, reader.tasks()],
    [ProposalsPageSchema, reader.proposals()],
    [AgentsPageSchema, reader.agents()],
    [StatusViewSchema, reader.status()],
    [OutcomeViewSchema, reader.outcome(ids[0] ?? '')],
  ];
  for (const [schema, value] of shown) expect(doorFor(schema).check(value)).toMatchObject({ kind: 'ok' });
});
