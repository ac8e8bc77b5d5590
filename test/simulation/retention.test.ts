/**
 * Fleets that do far more than they may keep, while their agents are killed: what is kept stays within the limits,
 * nothing goes that has not ended, and whoever replays the ledger has what the living have.
 */
import { expect, test } from 'vitest';
import { charts } from '../../actors/table.ts';
import type { Entry, LedgerEvent } from '../../src/domain/events.ts';
import { HistoryChecker } from '../../src/domain/history.ts';
import type { TaskId } from '../../src/domain/ids.ts';
import { slackOf } from '../../src/domain/retention.ts';
import { restore, snapshotOf } from '../../src/domain/snapshot.ts';
import { canonical } from '../../src/domain/state-hash.ts';
import { isEnded, type FleetState } from '../../src/domain/state.ts';
import { defaultCharts } from '../../src/runtime/node.ts';
import { decodeEntry, hashOf } from '../../src/wire/entry.ts';
import { decodeTrusted, encode } from '../../src/wire/codec.ts';
import { Stage } from './behaviours/stage.ts';

const settings = {
  tasksMax: 80,
  endedTasksMax: 20,
  endedTasksMs: 4_000,
  decidedProposalsMax: 4,
  decidedProposalsMs: 4_000,
  requestWindowMs: 60_000,
  maxRetries: 50,
} as const;
const TASKS = 200;

/** What has ended and what was dropped, by the events alone. */
class Bookkeeper {
  readonly ended = new Set<string>();
  readonly dropped = new Set<string>();
  readonly problems: string[] = [];
  readonly entries: { readonly entry: Entry; readonly data: Uint8Array }[] = [];

  read(data: Uint8Array): void {
    const entry = decodeEntry(data);
    if (entry === null) throw new Error('the ledger holds what is no entry');
    this.entries.push({ entry, data });
    for (const event of entry.events) this.#see(event);
  }

  #see(event: LedgerEvent): void {
    if (event.type === 'task.completed' || event.type === 'task.failed' || event.type === 'task.cancelled')
      this.ended.add(event.id);
    if (event.type !== 'tasks.dropped') return;
    for (const id of event.ids) {
      if (!this.ended.has(id)) this.problems.push(`${id} was dropped and has not ended`);
      if (this.dropped.has(id)) this.problems.push(`${id} was dropped twice`);
      this.dropped.add(id);
    }
  }
}

test.each([1, 2])('many short tasks under kills, seed %i', { timeout: 120_000 }, async (seed) => {
  const stage = new Stage(defaultCharts, seed, { settings });
  const { world, fleet, client } = stage;
  const books = new Bookkeeper();
  world.ledger(fleet.name).stream.consume(1, { hear: ({ data }) => books.read(data), gone: () => undefined });
  const random = world.random('retention');
  const hosts = ['a', 'b', 'c', 'd'];
  stage.join(Object.fromEntries(hosts.map((host) => [host, { slots: 4, vote: () => 'approve' as const }])));
  await stage.led('a');

  const answers = new Map<string, number>();
  const count = (what: string): void => void answers.set(what, (answers.get(what) ?? 0) + 1);
  const ask = async (i: number): Promise<void> => {
    const isDeaf = i % 20 === 7;
    const handle = await client.submit({
      type: 'work',
      payload: { ms: isDeaf ? 9_000 : random.below(100), failures: i % 10 === 3 ? 1 : 0, isDeaf },
      ...(isDeaf ? { runTimeoutMs: 500, maxRetries: 0 } : {}),
      ...(i % 15 === 4 ? { approval: { timeoutMs: 2_000 } } : {}),
    });
    count('submitted');
    await handle.outcome().then(
      ({ status }) => count(status),
      (error: unknown) => count((error as { code: string }).code),
    );
  };
  const kept: number[] = [];
  let outlived = 0;
  for (let i = 0; i < TASKS; i += 1) {
    world.track(ask(i));
    if (i % 12 === 0) world.track(client.openProposal({ type: 'policy', timeoutMs: 1_000 }));
    if (i % 40 === 20) {
      const leader = [...fleet.nodes].find(([, node]) => node.isLeader)?.[0];
      const host = leader !== undefined && random.next() < 0.6 ? leader : (hosts[random.below(4)] ?? 'a');
      if (fleet.nodes.has(host)) {
        fleet.kill(host);
        world.after(3_000, () => fleet.revive(host));
      }
    }
    await stage.run(100);
    kept.push(stage.ledger.tasks.size);
    outlived += handlersOfDropped(stage.ledger).length;
  }
  const answered = (): number => [...answers.values()].reduce((sum, each) => sum + each, 0);
  await stage.until('all were answered', () => answered() === 2 * TASKS, 120_000);
  expect(Math.max(...kept)).toBeLessThanOrEqual(settings.tasksMax);
  await stage.until(
    'what is kept is what may be kept',
    () => stage.ledger.ended.size <= settings.endedTasksMax + slackOf(settings.endedTasksMax),
    5_000,
  );

  expect(books.problems).toEqual([]);
  const { state } = stage.witness;
  expect(state.tasksCreated).toBe(TASKS);
  expect([...state.tasks.values()].filter((task) => !isEnded(task))).toEqual([]);
  expect(books.dropped.size).toBe(TASKS - state.tasks.size);
  expect(books.dropped.size).toBeGreaterThan(TASKS / 2);
  expect(outlived).toBeGreaterThan(0);
  expect(state.counts.proposalsDropped).toBeGreaterThan(0);
  for (const id of books.dropped) expect(state.tasks.has(id as TaskId)).toBe(false);
  // Until the last handler that outlived its task has returned, and its slot is free.
  await stage.until(
    'no slot is taken',
    () => [...state.members.values()].every(({ lingering }) => lingering.size === 0),
    30_000,
  );
  await stage.until('old ones are dropped by their age', () => state.tasks.size === 0, 20_000);
  await stage.until('so are proposals', () => state.proposals.size === 0, 20_000);
  stage.over();

  const replay = new HistoryChecker(charts);
  const middle = new HistoryChecker(charts);
  books.entries.forEach(({ entry, data }, i) => {
    const record = { sequence: i + 1, entry, hash: hashOf(data) };
    replay.add(record);
    if (i < books.entries.length / 2) middle.add(record);
  });
  expect(replay.report()).toMatchObject({ ok: true, tasksDropped: TASKS });
  expect(canonical(replay.state)).toBe(canonical(state));
  const half = decodeTrusted(encode(snapshotOf(middle.state, { lastHash: 'h' }), 'msgpack'));
  expect(canonical(restore(half).state)).toBe(canonical(middle.state));
});

/** Slots that are taken by handlers of tasks that are kept no longer. */
function handlersOfDropped(state: FleetState): string[] {
  const keys = [...state.members.values()].flatMap(({ lingering }) => [...lingering]);
  return keys.filter((key) => !state.tasks.has(key.split('/')[0] as TaskId));
}
