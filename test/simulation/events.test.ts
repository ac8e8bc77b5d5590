/**
 * What a leader tells on NATS and what a process tells that looks on are the same events under the same names, also
 * through the deaths of leaders: every leader begins to tell where the one before has ended.
 */
import { describe, expect, test } from 'vitest';
import { defaultSettings } from '../../src/domain/settings.ts';
import { EventLog } from '../../src/http/event-log.ts';
import { snakeKeys } from '../../src/http/event-json.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { defaultCharts } from '../../src/runtime/node.ts';
import { Observer } from '../../src/runtime/observer.ts';
import { subjectsOf } from '../../src/wire/subjects.ts';
import { Stage } from './behaviours/stage.ts';

interface Heard {
  readonly id: string;
  readonly kind: string;
  readonly item: Readonly<Record<string, unknown>>;
}

interface Message {
  readonly kind: string;
  readonly sequence: number;
  readonly indexes: readonly number[];
  readonly items: readonly unknown[];
}

const byId = (a: Heard, b: Heard): number => {
  const [x, y] = [a, b].map(({ id }) => id.split('.').map(Number));
  return (x?.[0] ?? 0) - (y?.[0] ?? 0) || (x?.[1] ?? 0) - (y?.[1] ?? 0);
};

/** A fleet, somebody who subscribes to its events, and an observer with an event log. */
function play(seed: number): { stage: Stage; onNats: Heard[]; inLog: () => Heard[] } {
  const stage = new Stage(defaultCharts, seed, { settings: { leaveGraceMs: 200 } });
  const subjects = subjectsOf(stage.fleet.name);
  const onNats: Heard[] = [];
  const stranger = stage.world.host('stranger').ports(stage.fleet.name);
  stranger.bus.subscribe(subjects.event('>'), ({ data }) => {
    const { kind, sequence, indexes, items } = JSON.parse(new TextDecoder().decode(data)) as Message;
    items.forEach((item, i) => {
      onNats.push({
        id: `${sequence}.${indexes[i] ?? -1}`,
        kind,
        item: snakeKeys(item) as Heard['item'],
      });
    });
  });
  const ports = stage.world.host('observer').ports(stage.fleet.name);
  const observer = new Observer({ ...ports, subjects, settings: defaultSettings, log: silentLog });
  const log = new EventLog({ observer });
  observer.start();
  const inLog = (): Heard[] =>
    Array.from({ length: log.end - log.first }, (_, i) => {
      const { id, kind, item } = JSON.parse(log.at(log.first + i)?.text ?? '{}') as Heard;
      return { id, kind, item };
    });
  return { stage, onNats, inLog };
}

describe.each([1, 2, 3, 4, 5, 6])('under seed %i', (seed) => {
  test('events have the same names and contents on NATS and for who looks on', async () => {
    const { stage, onNats, inLog } = play(seed);
    stage.join({
      ada: { priority: 3, slots: 4 },
      bob: { priority: 2, slots: 4 },
      eve: { priority: 1, slots: 4 },
    });
    await stage.until(
      'a leader',
      () => stage.fleet.leader() !== undefined && stage.ledger.members.size === 3,
    );
    const submit = (n: number, ms: number) =>
      stage.ask(
        stage.client.submitMany(Array.from({ length: n }, () => ({ type: 'work', payload: { ms } }))),
      );
    await submit(20, 400);
    await stage.run(100);
    const first = stage.fleet.leader()?.id ?? '';
    stage.fleet.kill(first);
    await stage.until('another leader', () => stage.fleet.leader() !== undefined, 30_000);
    await submit(5, 50);
    await stage.until('the death', () => stage.ledger.members.get(first as never)?.status === 'dead', 30_000);
    stage.fleet.revive(first);
    await stage.until('all ended', () => stage.ledger.counts.tasks.completed === 25, 60_000);
    stage.node(stage.fleet.leader()?.id ?? '').leave();
    await stage.run(5_000);

    const expected = inLog();
    expect(expected.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining([
        'leader.lost',
        'leader.elected',
        'agent.died',
        'recovery.completed',
        'task.attemptLost',
      ]),
    );
    // What a leader that was killed had committed and not told yet is on NATS never.
    const told = new Set(onNats.map(({ id }) => id));
    expect([...onNats].sort(byId)).toEqual(expected.filter(({ id }) => told.has(id)));
    expect(told.size).toBe(onNats.length);
    expect(told.size).toBeGreaterThan(expected.length * 0.9);
    const lost = expected.filter(({ kind }) => kind === 'leader.lost').map(({ item }) => item);
    expect(lost[0]).toMatchObject({ leader: first, term: 1 });
    expect(lost[0]?.['cause']).toMatch(/^leader\.(gone|silent)$/);
    expect(lost.at(-1)).toMatchObject({ reason: 'leave' });
    const recovery = expected.find(({ kind }) => kind === 'recovery.completed');
    expect(recovery?.item).toMatchObject({ agent: first });
    const losses = expected.filter(
      ({ kind, item }) => kind === 'task.attemptLost' && item['agent'] === first,
    );
    expect(recovery?.item['tasks']).toBe(losses.length);
  });
});
