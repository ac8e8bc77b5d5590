/** What the leader sends when its state is ahead of what is committed, and has dropped what the entry speaks of. */
import { expect, test } from 'vitest';
import { decideTasksDrop } from '../../src/domain/decide-drops.ts';
import { decideCancel } from '../../src/domain/decide-tasks.ts';
import { decideTimer } from '../../src/domain/decide-time.ts';
import { Dispatch } from '../../src/runtime/dispatch.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { Rejections } from '../../src/runtime/rejections.ts';
import { decodeTrusted } from '../../src/wire/codec.ts';
import type { InboxMessage } from '../../src/wire/messages.ts';
import { subjectsOf } from '../../src/wire/subjects.ts';
import { accept, agent, Harness } from '../unit/harness.ts';
import { portsOf, worldOf } from './talk.ts';

function stage() {
  const world = worldOf();
  const fleet = new Harness({ endedTasksMs: 10, maxRetries: 0 });
  fleet.join('a');
  const { clock, bus } = portsOf(world, 'leader');
  const subjects = subjectsOf('f');
  const none = (): void => undefined;
  const { state, settings } = fleet;
  const callbacks = { onAnswered: none, onUnanswered: none, onUnreachable: none, onHigherTerm: none };
  const rejections = new Rejections(clock, silentLog);
  const dispatch = new Dispatch({ clock, bus, subjects, settings, state, term: 1, rejections, ...callbacks });
  const heard: InboxMessage[] = [];
  portsOf(world, 'a').bus.subscribe(subjects.inbox(agent('a')), ({ data }) => {
    heard.push(decodeTrusted(data) as InboxMessage);
  });
  /** Commits the last event of this type, after the task that it speaks of was dropped. */
  const commit = async (type: 'task.failed' | 'task.cancelling'): Promise<void> => {
    const event = fleet.events(type).at(-1);
    if (event === undefined) throw new Error(`no ${type}`);
    fleet.wait(20);
    decideTasksDrop(fleet);
    expect(fleet.state.tasks.size).toBe(0);
    dispatch.observe(event);
    dispatch.flush();
    await world.advance(200);
    dispatch.stop();
  };
  return { fleet, heard, commit };
}

test('a handler that outlived a dropped task is told to stop all the same', async () => {
  const { fleet, heard, commit } = stage();
  const id = fleet.running('a', { runTimeoutMs: 5 });
  decideTimer(fleet, { kind: 'task.timeout', at: fleet.at, id, attempt: 1 });
  await commit('task.failed');
  expect(heard[0]).toMatchObject({ abort: [{ id, attempt: 1, reason: 'ran too long' }] });
});

test('nobody is told to stop a task that was cancelled meanwhile and dropped', async () => {
  const { fleet, heard, commit } = stage();
  const id = fleet.running('a');
  accept(decideCancel(fleet, id));
  fleet.completed(id);
  await commit('task.cancelling');
  expect(heard).toEqual([]);
});
