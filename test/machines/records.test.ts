/** Members, tasks and proposals as charts: every state with every event, and the tables compiled from them. */
import { describe, expect, it } from 'vitest';
import { createMachine } from 'xstate';
import type { AnyMachineSnapshot, AnyStateMachine, EventObject } from 'xstate';
import { memberMachine } from '../../actors/member.ts';
import { proposalMachine } from '../../actors/proposal.ts';
import { charts, compile } from '../../actors/table.ts';
import { taskMachine } from '../../actors/task.ts';
import { proposalGuards } from '../../src/domain/apply-proposal.ts';
import { taskGuards } from '../../src/domain/apply-task.ts';
import { emptyState } from '../../src/domain/state.ts';
import { allows, follow, type Chart, type EventGuards } from '../../src/domain/transitions.ts';
import { at, leafOf, leavesOf, start, step } from './chart.ts';
import { expectAllReached, matrixOf, plain, untaken, type Events, type Matrix } from './matrix.ts';

interface Sheet {
  readonly machine: AnyStateMachine;
  readonly chart: Chart;
  readonly guards: EventGuards;
  readonly events: Events;
  readonly initial: string;
  readonly expected: Matrix;
}

const submitted = (proposal: string | null, notBefore: number | null) => ({
  type: 'task.submitted',
  task: { proposal, notBefore },
});
const approved = (notBefore: number | null) => ({ type: 'task.approved', notBefore });
const decided = (outcome: string) => ({ type: 'proposal.decided', outcome });
const ends = {
  'task.completed': 'completed',
  'task.attemptFailed': 'waiting.scheduled',
  'task.attemptLost': 'waiting.pending',
  'task.attemptReturned': 'waiting.pending',
  'task.failed': 'failed',
  'task.cancelling': 'cancelling',
};

const records: Readonly<Record<'member' | 'task' | 'proposal', Sheet>> = {
  member: {
    machine: memberMachine,
    chart: charts.member,
    guards: {},
    events: {
      ...plain('member.joined', 'member.updated', 'member.draining', 'member.resumed', 'member.left'),
      ...plain('member.died', 'member.forgotten', 'member.removed', 'missed', 'answered', 'silent'),
    },
    initial: 'unknown',
    expected: {
      unknown: { 'member.joined': 'present.alive' },
      'present.alive': {
        'member.draining': 'present.draining',
        'member.left': 'left',
        'member.died': 'dead',
        missed: 'present.suspect ! probe',
        silent: 'present.alive ! declareDead',
      },
      'present.suspect': {
        'member.draining': 'present.draining',
        'member.left': 'left',
        'member.died': 'dead',
        missed: 'present.suspect ! probe',
        answered: 'present.alive',
        silent: 'present.suspect ! declareDead',
      },
      'present.draining': {
        'member.resumed': 'present.alive',
        'member.left': 'left',
        'member.died': 'dead',
        missed: 'present.draining ! probe',
        silent: 'present.draining ! declareDead',
      },
      left: {
        'member.joined': 'present.alive',
        'member.forgotten': 'forgotten',
        'member.removed': 'forgotten',
      },
      dead: {
        'member.joined': 'present.alive',
        'member.forgotten': 'forgotten',
        'member.removed': 'forgotten',
      },
      forgotten: {},
    },
  },
  task: {
    machine: taskMachine,
    chart: charts.task,
    guards: taskGuards,
    events: {
      submitted: submitted(null, null),
      'submitted for later': submitted(null, 5),
      'submitted for approval': submitted('p', null),
      'submitted for approval and later': submitted('p', 5),
      approved: approved(null),
      'approved for later': approved(5),
      ...plain('task.due', 'task.assigned', 'task.started', 'task.completed', 'task.attemptFailed'),
      ...plain('task.attemptLost', 'task.attemptReturned', 'task.failed', 'task.cancelling'),
      ...plain('task.cancelled', 'task.retried'),
    },
    initial: 'unborn',
    expected: {
      unborn: {
        submitted: 'waiting.pending',
        'submitted for later': 'waiting.scheduled',
        'submitted for approval': 'waiting.awaiting_approval',
        'submitted for approval and later': 'waiting.awaiting_approval',
      },
      'waiting.awaiting_approval': {
        approved: 'waiting.pending',
        'approved for later': 'waiting.scheduled',
        'task.failed': 'failed',
        'task.cancelled': 'cancelled',
      },
      'waiting.scheduled': { 'task.due': 'waiting.pending', 'task.cancelled': 'cancelled' },
      'waiting.pending': { 'task.assigned': 'active.assigned', 'task.cancelled': 'cancelled' },
      'active.assigned': { ...ends, 'task.started': 'active.running' },
      'active.running': ends,
      cancelling: { 'task.cancelled': 'cancelled' },
      completed: {},
      failed: { 'task.retried': 'waiting.pending' },
      cancelled: {},
    },
  },
  proposal: {
    machine: proposalMachine,
    chart: charts.proposal,
    guards: proposalGuards,
    events: {
      ...plain('proposal.opened', 'ballot.cast'),
      approved: decided('approved'),
      rejected: decided('rejected'),
      expired: decided('expired'),
      withdrawn: decided('withdrawn'),
    },
    initial: 'unborn',
    expected: {
      unborn: { 'proposal.opened': 'open' },
      open: { approved: 'approved', rejected: 'rejected', expired: 'expired', withdrawn: 'withdrawn' },
      approved: {},
      rejected: {},
      expired: {},
      withdrawn: {},
    },
  },
};

/** A state's own name: what the ledger calls it. */
const ownName = (leaf: string): string => leaf.split('.').at(-1) ?? leaf;

describe.each(Object.entries(records))(
  'the chart of a %s',
  (_, { machine, chart, guards, events, initial, expected }) => {
    it('begins where the table begins', () => {
      expect(leafOf(start(machine).snapshot)).toBe(initial);
      expect(chart.initial).toBe(initial);
    });

    it('does in every state, with every event, what the table says', () => {
      expect(matrixOf(machine, events)).toEqual(expected);
    });

    it('has no edge that is never taken, and no state that is never reached', () => {
      expect(untaken([{ machine, events }])).toEqual([]);
      expectAllReached(machine, events);
    });

    it('compiles to a table with a row for every leaf', () => {
      expect(Object.keys(chart.table).sort()).toEqual(leavesOf(machine).map(ownName).sort());
    });

    it.each(
      leavesOf(machine).flatMap((leaf) =>
        Object.entries(events).map(([name, event]) => [leaf, name, event] as const),
      ),
    )('and its table agree in %s on: %s', (leaf, _name, event) => {
      const status = ownName(leaf);
      const isKnown = isHandled(machine, at(machine, leaf), event);
      expect(allows(chart, status, event.type)).toBe(isKnown);
      const next = (): string => follow(chart, guards, { what: 'it', status }, event);
      if (isKnown) expect(next()).toBe(ownName(leafOf(step(machine, at(machine, leaf), event).snapshot)));
      else expect(next).toThrow(`no edge for ${event.type} from ${status}`);
    });
  },
);

function isHandled(machine: AnyStateMachine, snapshot: AnyMachineSnapshot, event: EventObject): boolean {
  return machine.getTransitionData(snapshot as never, event).length > 0;
}

describe('the statuses that the state counts', () => {
  const { counts } = emptyState();
  it('of tasks are the leaves of the chart, unborn aside', () => {
    const leaves = leavesOf(taskMachine).map(ownName);
    expect(Object.keys(counts.tasks).sort()).toEqual(leaves.filter((name) => name !== 'unborn').sort());
  });

  it('of proposals are the leaves of the chart, unborn aside', () => {
    const leaves = leavesOf(proposalMachine).map(ownName);
    expect(Object.keys(counts.proposals).sort()).toEqual(leaves.filter((name) => name !== 'unborn').sort());
  });
});

describe('following a table', () => {
  const chart = compile(taskMachine);
  it('tries a state’s own edges before those of the state around it', () => {
    const nested = createMachine({
      initial: 'outer',
      states: {
        outer: {
          initial: 'inner',
          on: { go: 'last' },
          states: { inner: { on: { go: { guard: 'isFirst', target: 'other' } } }, other: {} },
        },
        last: {},
      },
    });
    const compiled = compile(nested);
    const next = (isFirst: boolean): string =>
      follow(compiled, { isFirst: () => isFirst }, { what: 'it', status: 'inner' }, { type: 'go' });
    expect([next(true), next(false)]).toEqual(['other', 'last']);
  });

  it('an unknown guard is a broken invariant', () => {
    const event = { type: 'task.submitted' };
    expect(() => follow(chart, {}, { what: 'it', status: 'unborn' }, event)).toThrow(
      'guard isGated is unknown',
    );
  });

  it('without a guard that holds is an error, not a guess', () => {
    const edges = [{ guard: 'never', target: 'b' }];
    const one: Chart = { initial: 'a', table: { a: { go: edges } } };
    expect(() => follow(one, { never: () => false }, { what: 'it', status: 'a' }, { type: 'go' })).toThrow(
      'no guard',
    );
  });

  it('takes the first edge whose guard holds', () => {
    const edges = ['b', 'c'].map((target) => ({ guard: 'always', target }));
    const one: Chart = { initial: 'a', table: { a: { go: edges } } };
    expect(follow(one, { always: () => true }, { what: 'it', status: 'a' }, { type: 'go' })).toBe('b');
  });
});
