/** What has ended is kept by number and by age, and then dropped: SPEC T11. What is told of it stays true. */
import { describe, expect, it } from 'vitest';
import { InvariantBroken } from '../../src/domain/assert.ts';
import { decideProposalsDrop, decideTasksDrop } from '../../src/domain/decide-drops.ts';
import { decideDeath } from '../../src/domain/decide-members.ts';
import { decideBallot } from '../../src/domain/decide-proposals.ts';
import { decideCancel, decideReport, decideRetry, decideSubmit } from '../../src/domain/decide-tasks.ts';
import { decideTimer } from '../../src/domain/decide-time.ts';
import type { ProposalId, TaskId } from '../../src/domain/ids.ts';
import { violations } from '../../src/domain/invariants.ts';
import { DROP_BATCH_MAX, slackOf } from '../../src/domain/retention.ts';
import type { Settings } from '../../src/domain/settings.ts';
import { passed, watched } from './drops.ts';
import { accept, agent, Harness, proposalOf, refusalOf, taskOf } from './harness.ts';

const DAY = 86_400_000;

function fleetOf(settings: Partial<Settings> = {}): Harness {
  const fleet = new Harness(settings);
  fleet.join('a', { slots: 10_000 });
  return fleet;
}

function done(fleet: Harness, times = 1): TaskId[] {
  return Array.from({ length: times }, () => {
    const id = fleet.running('a');
    fleet.completed(id);
    return id;
  });
}

const decided = (fleet: Harness): ProposalId => {
  const id = fleet.propose();
  accept(decideBallot(fleet, { proposal: id, voter: 'a', decision: 'approve', reason: null }));
  return id;
};

describe('ended tasks', () => {
  it('are dropped when there are some more than the maximum, the oldest first, down to it', () => {
    const fleet = fleetOf({ endedTasksMax: 40 });
    const timers = watched(fleet);
    const ids = done(fleet, 42);
    expect(passed(fleet, timers)).toBe(0);
    const running = fleet.running('a');
    ids.push(...done(fleet));
    expect(passed(fleet, timers)).toBe(1);
    expect(fleet.events('tasks.dropped').map((event) => event.ids)).toEqual([ids.slice(0, 3)]);
    expect([...fleet.state.tasks.keys()]).toEqual([...ids.slice(3, 42), running, ids[42]]);
    expect(violations(fleet.state)).toEqual([]);
  });

  it('are dropped when they are old, together with those that are nearly as old', () => {
    const fleet = fleetOf();
    const timers = watched(fleet);
    const old = done(fleet);
    fleet.wait(59_000);
    old.push(...done(fleet));
    fleet.wait(2_000);
    const young = done(fleet);
    fleet.wait(DAY - 2_000);
    expect(passed(fleet, timers)).toBe(0);
    fleet.wait(1_000);
    expect(passed(fleet, timers)).toBe(1);
    expect(fleet.events('tasks.dropped').map((event) => event.ids)).toEqual([old]);
    expect([...fleet.state.tasks.keys()]).toEqual(young);
  });

  it('are told of by one timer, for the oldest', () => {
    const fleet = fleetOf({ endedTasksMs: 1_000 });
    const timers = watched(fleet);
    expect(timers.nextAt()).toBeNull();
    const at = fleet.at;
    done(fleet);
    fleet.wait(10);
    done(fleet);
    expect(timers.nextAt()).toBe(at + 1_050);
    expect(timers.takeDue(at + 1_049)).toBeNull();
    expect(timers.takeDue(at + 1_050)).toEqual({ kind: 'tasks.drop', at: at + 1_050 });
    expect(timers.takeDue(Infinity)).toBeNull();
  });

  it('go in batches, one for each moment of ledger time', () => {
    const fleet = fleetOf({ endedTasksMs: 100, endedTasksMax: 5_000 });
    const timers = watched(fleet);
    done(fleet, 2 * DROP_BATCH_MAX + 1);
    fleet.wait(1_000);
    const sizes = (): number[] => fleet.events('tasks.dropped').map(({ ids }) => ids.length);
    passed(fleet, timers);
    expect(sizes()).toEqual([DROP_BATCH_MAX]);
    for (let i = 0; i < 3; i += 1) {
      fleet.wait(1);
      passed(fleet, timers);
    }
    expect(sizes()).toEqual([DROP_BATCH_MAX, DROP_BATCH_MAX, 1]);
  });

  it('say what they take in an entry before they are dropped', () => {
    const fleet = fleetOf({ endedTasksMax: 1 });
    done(fleet, 9);
    const said: unknown[] = [];
    const { state, settings, chance, emit } = fleet;
    const healthOf = (): number => 1;
    const mayBreak = (bytes?: number): void => {
      said.push([bytes, fleet.events('tasks.dropped').length]);
    };
    decideTasksDrop({ state, settings, at: fleet.at, chance, emit, healthOf, mayBreak });
    expect(said).toEqual([[8 * 32, 0]]);
  });

  it('that are retried by hand wait no longer to be dropped, and are at the end when they end again', () => {
    const fleet = fleetOf({ endedTasksMax: 1 });
    const failed = fleet.running('a');
    fleet.failed(failed, true);
    const other = done(fleet);
    accept(decideRetry(fleet, failed));
    expect([...fleet.state.ended]).toEqual(other);
    fleet.assign(failed, 'a');
    fleet.completed(failed);
    expect([...fleet.state.ended]).toEqual([...other, failed]);
    expect(fleet.state.counts).toMatchObject({ retriedByHand: 1, outcomes: { failed: 1, completed: 2 } });
  });

  it('are told of by the timer of the next oldest when the oldest is retried by hand', () => {
    const fleet = fleetOf({ endedTasksMs: 1_000 });
    const timers = watched(fleet);
    const failed = fleet.running('a');
    fleet.failed(failed, true);
    expect(timers.nextAt()).toBe(fleet.at + 1_050);
    fleet.wait(500);
    const [other] = done(fleet);
    accept(decideRetry(fleet, failed));
    expect(timers.nextAt()).toBe(fleet.at + 1_050);
    fleet.wait(1_050);
    passed(fleet, timers);
    expect(fleet.events('tasks.dropped').map(({ ids }) => ids)).toEqual([[other]]);
  });

  it('leave room: a fleet that has had as many tasks as it may keep goes on', () => {
    const fleet = fleetOf({ tasksMax: 10, endedTasksMax: 4 });
    const timers = watched(fleet);
    for (let i = 0; i < 50; i += 1) {
      done(fleet);
      fleet.wait(2);
      passed(fleet, timers);
    }
    expect(fleet.state.tasksCreated).toBe(50);
    expect(fleet.state.tasks.size).toBeLessThanOrEqual(4 + slackOf(4));
  });
});

describe('of a task that was dropped', () => {
  const dropped = (given: object = {}): { fleet: Harness; id: TaskId } => {
    const fleet = fleetOf({ endedTasksMs: 10 });
    const id = fleet.running('a', given);
    fleet.completed(id);
    fleet.wait(20);
    decideTasksDrop(fleet);
    expect(fleet.state.tasks.has(id)).toBe(false);
    return { fleet, id };
  };

  it('the totals stay, and the counts are of what is kept', () => {
    const { fleet } = dropped();
    const { counts, tasksCreated } = fleet.state;
    expect(tasksCreated).toBe(1);
    expect(counts.outcomes).toEqual({ completed: 1, failed: 0, cancelled: 0 });
    expect(counts.tasks.completed).toBe(0);
    expect([...counts.tasksByType]).toEqual([]);
  });

  it('the idempotency key and the request key answer with its id', () => {
    const fleet = fleetOf({ endedTasksMs: 10 });
    const task = taskOf({ idempotencyKey: 'k' });
    const request = { key: 'r', digest: 'd', tasks: [task] };
    const [id] = accept(decideSubmit(fleet, request)) as [TaskId];
    accept(decideCancel(fleet, id));
    fleet.wait(20);
    decideTasksDrop(fleet);
    expect(fleet.state.tasks.size).toBe(0);
    const events = fleet.events().length;
    expect(accept(decideSubmit(fleet, request))).toEqual([id]);
    expect(accept(decideSubmit(fleet, { ...request, key: 'again', tasks: [task] }))).toEqual([id]);
    expect(fleet.events()).toHaveLength(events);
    expect(fleet.state.tasks.size).toBe(0);
    const changed = { ...task, digest: 'other' };
    expect(refusalOf(decideSubmit(fleet, { ...request, key: 'new', tasks: [changed] }))).toBe('CONFLICT');
  });

  it('nothing can be asked for any more, in words that leave open whether it ever was', () => {
    const { fleet, id } = dropped();
    for (const verdict of [decideCancel(fleet, id), decideRetry(fleet, id)]) {
      expect(verdict).toMatchObject({
        problem: { code: 'NOT_FOUND', message: expect.stringContaining('dropped') },
      });
    }
  });

  it('a report is stale', () => {
    const { fleet, id } = dropped();
    const from = { agent: agent('a'), incarnation: fleet.member('a').incarnation };
    const before = fleet.events().length;
    expect(decideReport(fleet, from, { id, attempt: 1, kind: 'completed', result: 1 })).toBe('stale');
    expect(fleet.events()).toHaveLength(before);
  });
});

describe('a handler that outlived a dropped task', () => {
  const lingering = (): { fleet: Harness; id: TaskId } => {
    const fleet = fleetOf({ endedTasksMs: 10, maxRetries: 0 });
    const id = fleet.running('a', { runTimeoutMs: 5 });
    decideTimer(fleet, { kind: 'task.timeout', at: fleet.at + 5, id, attempt: 1 });
    fleet.wait(20);
    decideTasksDrop(fleet);
    expect(fleet.state.tasks.size).toBe(0);
    expect(fleet.member('a').lingering.size).toBe(1);
    return { fleet, id };
  };
  const report = (fleet: Harness, id: TaskId, incarnation = fleet.member('a').incarnation) =>
    decideReport(fleet, { agent: agent('a'), incarnation }, { id, attempt: 1, kind: 'completed', result: 1 });

  it('keeps its slot until it returns', () => {
    const { fleet, id } = lingering();
    expect(violations(fleet.state)).toEqual([]);
    const from = { agent: agent('a'), incarnation: fleet.member('a').incarnation };
    expect(decideReport(fleet, from, { id, attempt: 1, kind: 'started' })).toBe('stale');
    expect(fleet.member('a').lingering.size).toBe(1);
    expect(report(fleet, id)).toBe('recorded');
    expect(fleet.member('a').lingering.size).toBe(0);
    expect(report(fleet, id)).toBe('stale');
  });

  it('is not freed by another life of its agent', () => {
    const { fleet, id } = lingering();
    expect(report(fleet, id, 'a-0' as never)).toBe('stale');
    expect(fleet.member('a').lingering.size).toBe(1);
  });

  it('goes with its agent', () => {
    const { fleet } = lingering();
    decideDeath(fleet, fleet.member('a'), 'fell silent');
    expect(violations(fleet.state)).toEqual([]);
  });
});

describe('decided proposals', () => {
  it('are dropped by number and by age, the oldest first', () => {
    const fleet = fleetOf({ decidedProposalsMax: 2, decidedProposalsMs: 1_000 });
    const timers = watched(fleet);
    const ids = [1, 2, 3].map(() => decided(fleet));
    expect(passed(fleet, timers)).toBe(0);
    ids.push(decided(fleet));
    passed(fleet, timers);
    expect([...fleet.state.proposals.keys()]).toEqual(ids.slice(2));
    fleet.wait(1_050);
    const open = fleet.propose();
    passed(fleet, timers);
    expect([...fleet.state.proposals.keys()]).toEqual([open]);
    expect(fleet.state.counts.decisions.approved).toBe(4);
    expect(fleet.state.proposalsCreated).toBe(5);
  });

  it('go with the task that waited for them, and not before', () => {
    const fleet = fleetOf({ decidedProposalsMs: 10, endedTasksMs: 1_000 });
    const id = fleet.submit({ approval: proposalOf() });
    const gate = fleet.task(id).spec.proposal as ProposalId;
    accept(decideBallot(fleet, { proposal: gate, voter: 'a', decision: 'reject', reason: null }));
    expect(fleet.task(id).status).toBe('failed');
    fleet.wait(100);
    decideProposalsDrop(fleet);
    expect(fleet.state.proposals.has(gate)).toBe(true);
    fleet.wait(1_000);
    expect(fleet.typesOf(() => decideTasksDrop(fleet))).toEqual(['tasks.dropped', 'proposals.dropped']);
    expect(fleet.state.proposals.size).toBe(0);
  });
});

describe('what has not ended', () => {
  it('cannot be dropped', () => {
    const fleet = fleetOf();
    const id = fleet.running('a');
    expect(() => fleet.emit({ type: 'tasks.dropped', ids: [id] })).toThrow(InvariantBroken);
    const proposal = fleet.propose();
    expect(() => fleet.emit({ type: 'proposals.dropped', ids: [proposal] })).toThrow(InvariantBroken);
    expect(() => fleet.emit({ type: 'tasks.dropped', ids: ['nothing' as TaskId] })).toThrow(InvariantBroken);
  });
});
