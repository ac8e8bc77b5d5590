/** What the passing of time will do: the index over the timers that are data in the state. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideDeath, decideLeave } from '../../src/domain/decide-members.ts';
import { decideCancel } from '../../src/domain/decide-tasks.ts';
import { decideTimer } from '../../src/domain/decide-time.ts';
import type { TaskId } from '../../src/domain/ids.ts';
import { defaultSettings } from '../../src/domain/settings.ts';
import { Timers, type Timer } from '../../src/domain/timers.ts';
import { Harness, proposalOf } from './harness.ts';
import { act, histories, placeSome, SoftState } from './random-history.ts';

const FORGET = 600_000;
const settings = { ...defaultSettings, forgetMembersMs: FORGET };

/** All timers, in the order in which they come due. */
function timersOf(timers: Timers): Timer[] {
  const all: Timer[] = [];
  for (let next = timers.takeDue(Infinity); next !== null; next = timers.takeDue(Infinity)) all.push(next);
  return all;
}

describe('there is a timer for', () => {
  it('a task that must not run before a time', () => {
    const fleet = new Harness();
    const id = fleet.submit({ delayMs: 700 });
    expect(timersOf(new Timers(fleet.state, settings))).toEqual([
      { kind: 'task.due', at: fleet.at + 700, id },
    ]);
  });

  it('a failed attempt that is tried again after its backoff', () => {
    const fleet = new Harness({ retryBackoffMs: 500 }, [0]);
    fleet.join('a');
    const id = fleet.running('a');
    fleet.failed(id);
    expect(timersOf(new Timers(fleet.state, settings))).toEqual([
      { kind: 'task.due', at: fleet.at + 250, id },
    ]);
  });

  it('the run timeout of a running attempt, from its start', () => {
    const fleet = new Harness();
    fleet.join('a');
    const id = fleet.submit({ runTimeoutMs: 40 });
    fleet.assign(id, 'a');
    expect(new Timers(fleet.state, settings).nextAt()).toBeNull();
    fleet.wait(1_000);
    fleet.started(id);
    const timer = { kind: 'task.timeout', at: fleet.at + 40, id, attempt: 1 };
    expect(timersOf(new Timers(fleet.state, settings))).toEqual([timer]);
  });

  it('the deadline of an open proposal, and of no other', () => {
    const fleet = new Harness();
    fleet.join('a');
    const id = fleet.propose({ timeoutMs: 90 });
    const timer = { kind: 'proposal.deadline', at: fleet.at + 90, id };
    expect(timersOf(new Timers(fleet.state, settings))).toEqual([timer]);
    decideTimer(fleet, { kind: 'proposal.deadline', at: fleet.at + 90, id });
    const kinds = timersOf(new Timers(fleet.state, settings)).map(({ kind }) => kind);
    expect(kinds).toEqual(['proposals.drop']);
  });

  it('forgetting who left and who died', () => {
    const fleet = new Harness();
    fleet.join('alive');
    decideLeave(fleet, fleet.join('left'));
    fleet.wait(5);
    decideDeath(fleet, fleet.join('dead'), 'fell silent');
    expect(timersOf(new Timers(fleet.state, settings))).toEqual([
      { kind: 'member.forget', at: fleet.at - 5 + FORGET, id: 'left' },
      { kind: 'member.forget', at: fleet.at + FORGET, id: 'dead' },
    ]);
  });
});

it('nothing is taken before it is due', () => {
  const fleet = new Harness();
  fleet.submit({ delayMs: 100 });
  const timers = new Timers(fleet.state, settings);
  expect(timers.nextAt()).toBe(fleet.at + 100);
  expect(timers.takeDue(fleet.at + 99)).toBeNull();
  expect(timers.takeDue(fleet.at + 100)).toMatchObject({ kind: 'task.due' });
  expect(timers.nextAt()).toBeNull();
});

it('there are no more timers than records that wait for a time, whatever has ended before its timer was due', () => {
  const fleet = new Harness();
  fleet.join('a', { slots: 1_000 });
  const timers = new Timers(fleet.state, settings);
  let told = fleet.events().length;
  const tell = (id: TaskId): TaskId => {
    for (const event of fleet.events().slice(told)) timers.observe(event);
    told = fleet.events().length;
    return id;
  };
  const runTimeoutMs = 3_600_000;
  const approval = proposalOf({ voters: ['eve'], timeoutMs: 3_600_000 });
  for (let turn = 0; turn < 50; turn += 1) {
    fleet.completed(tell(fleet.running('a', { runTimeoutMs })));
    decideCancel(fleet, tell(fleet.running('a', { runTimeoutMs })));
    decideCancel(fleet, tell(fleet.submit({ delayMs: 3_600_000 })));
    decideCancel(fleet, tell(fleet.submit({ approval })));
  }
  const running = tell(fleet.running('a', { runTimeoutMs }));
  const ofTasks = timersOf(timers).filter(({ kind }) => !kind.endsWith('.drop'));
  expect(ofTasks).toEqual([{ kind: 'task.timeout', at: fleet.at + 3_600_000, id: running, attempt: 1 }]);
});

it('an index that followed every event decides what a fresh one would', () => {
  fc.assert(
    fc.property(histories(50), (steps) => {
      const fleet = new Harness({ forgetMembersMs: FORGET }, [0, 0.5]);
      const timers = new Timers(fleet.state, settings);
      let told = fleet.events().length;
      for (const step of steps) {
        if (step.kind === 'place') placeSome(fleet, new SoftState());
        else act(fleet, step, new SoftState());
        const all = fleet.events();
        for (const event of all.slice(told)) timers.observe(event);
        told = all.length;
      }
      const [followed, fresh] = [timersOf(timers), timersOf(new Timers(fleet.state, settings))];
      expect(ofRecords(followed)).toEqual(ofRecords(fresh));
      expect(decidedBy(followed, fleet)).toEqual(decidedBy(fresh, fleet));
    }),
    { numRuns: 150 },
  );
});

/** All but those of drops, each of which is one however much there is to drop. */
function ofRecords(timers: readonly Timer[]): string[] {
  return timers
    .filter(({ kind }) => !kind.endsWith('.drop'))
    .map((timer) => JSON.stringify(timer))
    .sort();
}

/** What these timers would decide long after, in a copy of the fleet. */
function decidedBy(timers: readonly Timer[], fleet: Harness): string[] {
  const copy = new Harness(fleet.settings, [0]);
  for (const entry of fleet.entries.slice(1)) {
    copy.wait(entry.at - copy.at);
    if (entry.events[0]?.type === 'term.started') copy.lead(entry.leader);
    else entry.events.forEach(copy.emit);
  }
  copy.wait(2 * FORGET);
  const before = copy.events().length;
  for (const timer of timers) decideTimer(copy, timer);
  return copy
    .events()
    .slice(before)
    .map((event) => `${event.type} ${'id' in event ? event.id : ''}`)
    .sort();
}
