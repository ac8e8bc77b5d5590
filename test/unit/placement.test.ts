/** Which agent gets which task, SPEC T3: examples, and `placement-twin.ts` as the judge of everything else. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideDeath, decideDrain } from '../../src/domain/decide-members.ts';
import { decideCancel } from '../../src/domain/decide-tasks.ts';
import { decideTimer } from '../../src/domain/decide-time.ts';
import type { LedgerEvent } from '../../src/domain/events.ts';
import type { AgentId, TaskId } from '../../src/domain/ids.ts';
import { Placement, type Placed, type PlacementOptions } from '../../src/domain/placement.ts';
import { agent, Harness } from './harness.ts';
import { PlacementTwin } from './placement-twin.ts';
import { act, histories, SoftState } from './random-history.ts';

const nobodyKnown: PlacementOptions = { loadOf: () => 0, isEligible: () => true };

/** Places all that can be placed, by a placement built just now. */
function place(fleet: Harness, limit = 1_000, options = nobodyKnown): Placed[] {
  const placement = new Placement(fleet.state, options);
  const all: Placed[] = [];
  placement.place(limit, (placed) => {
    all.push(placed);
    emitAndTell(fleet, placement, { type: 'task.assigned', ...placed });
  });
  return all;
}

function emitAndTell(fleet: Harness, placement: Placement, event: LedgerEvent): void {
  fleet.emit(event);
  placement.observe(event);
}

describe('a task goes to', () => {
  it('an agent that handles its type, or any type', () => {
    const fleet = new Harness();
    fleet.join('other', { handles: ['clean'], slots: 9 });
    fleet.join('right', { handles: ['scan'] });
    fleet.join('any', { handles: ['*'] });
    fleet.submitAll([{}, {}, {}]);
    expect(place(fleet).map((each) => each.agent)).toEqual(['any', 'right']);
  });

  it('an agent that has all required capabilities', () => {
    const fleet = new Harness();
    fleet.join('half', { capabilities: ['a'], slots: 9 });
    fleet.join('whole', { capabilities: ['a', 'b'] });
    fleet.submitAll([{ requiredCapabilities: ['a', 'b'] }, { requiredCapabilities: ['a', 'b'] }]);
    expect(place(fleet).map((each) => each.agent)).toEqual(['whole']);
  });

  it('the agent with the least load, whatever its number of slots', () => {
    const fleet = new Harness();
    fleet.join('big', { slots: 10 });
    fleet.join('small', { slots: 2 });
    for (let i = 0; i < 3; i++) fleet.running('big');
    fleet.running('small');
    fleet.submit();
    expect(place(fleet)).toMatchObject([{ agent: 'big' }]);
  });

  it('the agent whose author says it has less to do', () => {
    const fleet = new Harness();
    fleet.join('a', { slots: 4 });
    fleet.join('b', { slots: 4 });
    fleet.submit();
    const options = { ...nobodyKnown, loadOf: (id: AgentId) => (id === 'a' ? 0.9 : 0) };
    expect(place(fleet, 1, options)).toMatchObject([{ agent: 'b' }]);
  });

  it('nobody who is draining, suspect, dead or full', () => {
    const fleet = new Harness();
    for (const id of ['draining', 'suspect', 'dead', 'full']) fleet.join(id);
    decideDrain(fleet, agent('draining'));
    decideDeath(fleet, fleet.member('dead'), 'fell silent');
    fleet.running('full');
    fleet.submit();
    const options = { ...nobodyKnown, isEligible: (id: AgentId) => id !== 'suspect' };
    expect(place(fleet, 9, options)).toEqual([]);
  });

  it('nobody whose handlers have outlived their attempts', () => {
    const fleet = new Harness();
    fleet.join('a');
    const id = fleet.running('a', { runTimeoutMs: 1, maxRetries: 0 });
    decideTimer(fleet, { kind: 'task.timeout', at: fleet.at, id, attempt: 1 });
    fleet.submit();
    expect(place(fleet)).toEqual([]);
    expect(fleet.failed(id)).toBe('recorded');
    expect(place(fleet)).toHaveLength(1);
  });
});

describe('tasks go', () => {
  it('by priority, then age', () => {
    const fleet = new Harness();
    fleet.join('a', { slots: 9 });
    const ids = fleet.submitAll([{ priority: 5 }, { priority: 10 }, { priority: 5 }, { priority: 1 }]);
    expect(place(fleet).map((each) => ids.indexOf(each.id))).toEqual([1, 0, 2, 3]);
  });

  it('by age of submission, not of the last attempt', () => {
    const fleet = new Harness();
    fleet.join('a');
    const [first, second] = fleet.submitAll([{}, {}]) as [TaskId, TaskId];
    fleet.assign(first, 'a');
    fleet.report(first, { kind: 'returned' });
    expect(place(fleet).map((each) => each.id)).toEqual([first]);
    expect(fleet.task(second).status).toBe('pending');
  });

  it('past one that nobody can take', () => {
    const fleet = new Harness();
    fleet.join('a', { slots: 3 });
    const ids = fleet.submitAll([
      { priority: 10, requiredCapabilities: ['rare'] },
      { priority: 10, type: 'scan' },
      { priority: 1 },
    ]);
    expect(place(fleet).map((each) => ids.indexOf(each.id))).toEqual([1, 2]);
  });

  it('no further than the limit', () => {
    const fleet = new Harness();
    fleet.join('a', { slots: 9 });
    fleet.submitAll([{}, {}, {}]);
    expect(place(fleet, 2)).toHaveLength(2);
  });
});

it('equal agents share evenly: n agents and n × k tasks give each k', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 0, max: 3 }),
      (n, k, spare) => {
        const fleet = new Harness();
        for (let i = 0; i < n; i++) fleet.join(`a${i}`, { slots: k + spare });
        fleet.submitAll(Array.from({ length: n * k }, () => ({})));
        place(fleet);
        for (const member of fleet.state.members.values()) expect(member.held.size).toBe(k);
      },
    ),
    { numRuns: 50 },
  );
});

it('equal agents take turns also when each task ends before the next one comes', () => {
  const fleet = new Harness();
  for (const id of ['a', 'b', 'c']) fleet.join(id, { slots: 5 });
  const placement = new Placement(fleet.state, nobodyKnown);
  const order: string[] = [];
  for (let i = 0; i < 6; i++) {
    const id = fleet.submit();
    placement.observe(fleet.events('task.submitted').at(-1) as LedgerEvent);
    placement.place(9, (placed) => {
      order.push(placed.agent);
      emitAndTell(fleet, placement, { type: 'task.assigned', ...placed });
    });
    fleet.completed(id);
    placement.observe(fleet.events('task.completed').at(-1) as LedgerEvent);
  }
  expect(order).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
});

it('a slot that a handler gives back late is free for a placement that is kept', () => {
  const fleet = new Harness();
  fleet.join('a');
  const id = fleet.running('a', { runTimeoutMs: 1, maxRetries: 0 });
  const placement = new Placement(fleet.state, nobodyKnown);
  const placed: string[] = [];
  const tell = (): void => {
    placement.observe(fleet.events().at(-1) as LedgerEvent);
    placement.place(1, (choice) => {
      placed.push(choice.agent);
    });
  };
  decideTimer(fleet, { kind: 'task.timeout', at: fleet.at, id, attempt: 1 });
  tell();
  fleet.emit({ type: 'task.submitted', task: { ...fleet.task(id).spec, id: 'next' as TaskId } });
  tell();
  expect(placed).toEqual([]);
  expect(fleet.typesOf(() => fleet.failed(id))).toEqual(['attempt.released']);
  tell();
  expect(placed).toEqual(['a']);
});

it('after any history, a kept placement and a fresh one choose what the twin chooses', () => {
  let placed = 0;
  fc.assert(
    fc.property(histories(60), (steps) => {
      const fleet = new Harness({}, [0, 0.3, 0.9]);
      const soft = new SoftState();
      const kept = new Placement(fleet.state, soft);
      const twin = new PlacementTwin(fleet.state, soft);
      let told = fleet.events().length;
      const tell = (): void => {
        const all = fleet.events();
        for (const event of all.slice(told)) kept.observe(event);
        told = all.length;
        twin.observe();
      };
      const placeBoth = (limit: number): void => {
        kept.place(limit, (choice) => {
          expect(choice).toEqual(twin.choose());
          twin.place(1, (same) => {
            fleet.emit({ type: 'task.assigned', ...same });
          });
          tell();
          placed += 1;
        });
      };
      for (const step of steps) {
        if (step.kind === 'place') {
          expect(freshChoice(fleet, soft)).toEqual(new PlacementTwin(fleet.state, soft).choose());
          placeBoth(2);
          continue;
        }
        act(fleet, step, soft);
        tell();
        if (step.kind === 'load' || step.kind === 'suspect') kept.touch(agent(step.who));
      }
      placeBoth(Infinity);
      expect(twin.choose()).toBeNull();
    }),
    { numRuns: 300 },
  );
  // A random history in which nothing is placed proves nothing.
  expect(placed).toBeGreaterThan(500);
});

/** What a leader that begins now would place first; without placing it. */
function freshChoice(fleet: Harness, options: PlacementOptions): Placed | null {
  let chosen: Placed | null = null;
  const stop = new Error('chosen');
  try {
    new Placement(fleet.state, options).place(1, (placed) => {
      chosen = placed;
      throw stop;
    });
  } catch (error) {
    if (error !== stop) throw error;
  }
  return chosen;
}

it('tasks that were cancelled behind one that nobody can take are let go of', () => {
  const fleet = new Harness();
  fleet.submit({ priority: 9 });
  const placement = new Placement(fleet.state, nobodyKnown);
  let told = fleet.events().length;
  const tell = (): void => {
    for (const event of fleet.events().slice(told)) placement.observe(event);
    told = fleet.events().length;
  };
  for (let i = 0; i < 100; i += 1) {
    const id = fleet.submit();
    tell();
    decideCancel(fleet, id);
    tell();
  }
  expect(placement.size).toBeLessThanOrEqual(2);
});
