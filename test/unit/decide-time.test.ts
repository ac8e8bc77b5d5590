/** Timers that come due, rightly or too late. Timeouts of attempts are with the reports. */
import { describe, expect, it } from 'vitest';
import { decideDeath, decideLeave } from '../../src/domain/decide-members.ts';
import { decideCancel } from '../../src/domain/decide-tasks.ts';
import { decideTimer } from '../../src/domain/decide-time.ts';
import type { ProposalId, TaskId } from '../../src/domain/ids.ts';
import type { Timer } from '../../src/domain/timers.ts';
import { agent, Harness } from './harness.ts';

const taskDue = (fleet: Harness, id: TaskId): Timer => ({ kind: 'task.due', at: fleet.at, id });
const forget = (fleet: Harness, id: string): Timer => ({
  kind: 'member.forget',
  at: fleet.at,
  id: agent(id),
});

describe('a scheduled task', () => {
  it('is pending when its time has come, and not before', () => {
    const fleet = new Harness();
    const id = fleet.submit({ delayMs: 100 });
    fleet.wait(99);
    expect(fleet.typesOf(() => decideTimer(fleet, taskDue(fleet, id)))).toEqual([]);
    fleet.wait(1);
    expect(fleet.typesOf(() => decideTimer(fleet, taskDue(fleet, id)))).toEqual(['task.due']);
    expect(fleet.task(id)).toMatchObject({ status: 'pending', dueAt: null });
  });

  it('that was cancelled, or is due already, is left alone', () => {
    const fleet = new Harness();
    const [one, other] = fleet.submitAll([{ delayMs: 1 }, { delayMs: 1 }]) as [TaskId, TaskId];
    decideCancel(fleet, one);
    fleet.wait(5);
    decideTimer(fleet, taskDue(fleet, other));
    expect(fleet.typesOf(() => [one, other].map((id) => decideTimer(fleet, taskDue(fleet, id))))).toEqual([]);
  });

  it('whose backoff is not over is not woken by its first timer', () => {
    const fleet = new Harness({ retryBackoffMs: 1_000 });
    fleet.join('a');
    const id = fleet.submit({ delayMs: 1 });
    fleet.wait(1);
    const first = taskDue(fleet, id);
    decideTimer(fleet, first);
    fleet.assign(id, 'a');
    fleet.failed(id);
    expect(fleet.typesOf(() => decideTimer(fleet, first))).toEqual([]);
  });
});

describe('who left or died', () => {
  it.each([
    ['left', (fleet: Harness) => decideLeave(fleet, fleet.join('a'))],
    ['died', (fleet: Harness) => decideDeath(fleet, fleet.join('a'), 'fell silent')],
  ])('%s is forgotten after a while, and not before', (_, go) => {
    const fleet = new Harness({ forgetMembersMs: 100 });
    go(fleet);
    fleet.wait(99);
    expect(fleet.typesOf(() => decideTimer(fleet, forget(fleet, 'a')))).toEqual([]);
    fleet.wait(1);
    expect(fleet.typesOf(() => decideTimer(fleet, forget(fleet, 'a')))).toEqual(['member.forgotten']);
    expect(fleet.state.members.size).toBe(0);
  });

  it('and came back is not forgotten', () => {
    const fleet = new Harness({ forgetMembersMs: 100 });
    decideLeave(fleet, fleet.join('a'));
    fleet.join('a', {}, 'a-2');
    fleet.wait(1_000);
    expect(fleet.typesOf(() => decideTimer(fleet, forget(fleet, 'a')))).toEqual([]);
  });

  it('and came back and left again has its full time again', () => {
    const fleet = new Harness({ forgetMembersMs: 100 });
    decideLeave(fleet, fleet.join('a'));
    fleet.wait(60);
    decideLeave(fleet, fleet.join('a', {}, 'a-2'));
    fleet.wait(60);
    expect(fleet.typesOf(() => decideTimer(fleet, forget(fleet, 'a')))).toEqual([]);
  });
});

it.each<[string, Timer]>([
  ['task', { kind: 'task.due', at: 0, id: 'nothing' as TaskId }],
  ['attempt', { kind: 'task.timeout', at: 0, id: 'nothing' as TaskId, attempt: 1 }],
  ['proposal', { kind: 'proposal.deadline', at: 0, id: 'nothing' as ProposalId }],
  ['member', { kind: 'member.forget', at: 0, id: agent('nobody') }],
])('a timer of an unknown %s decides nothing', (_, timer) => {
  const fleet = new Harness();
  expect(fleet.typesOf(() => decideTimer(fleet, timer))).toEqual([]);
});
