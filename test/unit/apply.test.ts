/** What only the ledger itself can say: terms, order of entries, ledger time, and events that fit no edge. */
import { describe, expect, it } from 'vitest';
import { charts } from '../../actors/table.ts';
import { applyEntry, beginEntry } from '../../src/domain/apply.ts';
import { InvariantBroken } from '../../src/domain/assert.ts';
import type { ElectionCause, Entry, LedgerEvent } from '../../src/domain/events.ts';
import { emptyState } from '../../src/domain/state.ts';
import type { TaskId } from '../../src/domain/ids.ts';
import { agent, Harness, life, profileOf } from './harness.ts';

const entryOf = (term: number, leader: string, events: LedgerEvent[], at = 1_000): Entry => ({
  v: 1,
  genesis: 'g',
  term,
  leader: agent(leader),
  incarnation: life(`${leader}-1`),
  at,
  previous: '',
  events,
});
const started = (cause: ElectionCause = 'start'): LedgerEvent => ({
  type: 'term.started',
  cause,
  candidates: [{ id: agent('a'), score: 1 }],
  durationMs: 12,
});

describe('a term', () => {
  it('names its leader, its token, and how the one before ended', () => {
    const state = emptyState();
    applyEntry(state, entryOf(1, 'a', [started()]), 1, charts);
    applyEntry(state, entryOf(1, 'a', [{ type: 'term.handedOver', reason: 'leave' }], 2_000), 2, charts);
    expect(state).toMatchObject({ handover: 'leave', previousHandover: null });
    applyEntry(state, entryOf(2, 'b', [started('handover')], 3_000), 3, charts);
    expect(state).toMatchObject({
      genesis: 'g',
      term: 2,
      fencingToken: 3,
      leader: { id: 'b', incarnation: 'b-1' },
      leaderSince: 3_000,
      handover: null,
      previousHandover: 'leave',
      lastElection: { cause: 'handover', durationMs: 12 },
    });
  });

  it('is counted, as a change of leader only if it is another one, as a re-election only if one was missed', () => {
    const state = emptyState();
    const terms: [string, ElectionCause][] = [
      ['a', 'start'],
      ['a', 'trigger'],
      ['b', 'leader.gone'],
      ['b', 'leader.silent'],
    ];
    terms.forEach(([leader, cause], i) => {
      applyEntry(state, entryOf(i + 1, leader, [started(cause)]), i + 1, charts);
    });
    expect(state.counts).toMatchObject({ elections: 4, leaderChanges: 2, reElections: 2 });
  });

  it.each([0, 1, 3])('follows the one before: not %d after 1', (term) => {
    const state = emptyState();
    applyEntry(state, entryOf(1, 'a', [started()]), 1, charts);
    expect(() => applyEntry(state, entryOf(term, 'b', [started()]), 2, charts)).toThrow(InvariantBroken);
  });
});

describe('an entry', () => {
  it.each([1, 3])('has the next sequence: not %d after 1', (sequence) => {
    const state = emptyState();
    beginEntry(state, { sequence: 1, term: 1, at: 5 });
    expect(() => beginEntry(state, { sequence, term: 1, at: 5 })).toThrow(InvariantBroken);
  });

  it('is never earlier than the one before', () => {
    const state = emptyState();
    beginEntry(state, { sequence: 1, term: 1, at: 5 });
    beginEntry(state, { sequence: 2, term: 1, at: 5 });
    expect(() => beginEntry(state, { sequence: 3, term: 1, at: 4 })).toThrow(InvariantBroken);
  });
});

describe('an event that fits no edge of its chart is a broken invariant:', () => {
  const fleet = (): { fleet: Harness; id: TaskId } => {
    const one = new Harness();
    one.join('a');
    return { fleet: one, id: one.submit() };
  };
  it.each<[string, (id: TaskId) => LedgerEvent]>([
    ['a pending task completes', (id) => ({ type: 'task.completed', id, attempt: 0, result: 1 })],
    ['a pending task starts', (id) => ({ type: 'task.started', id, attempt: 1 })],
    ['an unknown task is due', () => ({ type: 'task.due', id: 'nothing' as TaskId })],
    ['an attempt is skipped', (id) => ({ type: 'task.assigned', id, agent: agent('a'), attempt: 2 })],
    [
      'an unknown agent is given a task',
      (id) => ({ type: 'task.assigned', id, agent: agent('b'), attempt: 1 }),
    ],
    ['an alive member is forgotten', () => ({ type: 'member.forgotten', id: agent('a') })],
    ['an unknown member drains', () => ({ type: 'member.draining', id: agent('b') })],
    [
      'a present member joins',
      () => ({ type: 'member.joined', id: agent('a'), incarnation: life('a-2'), profile: profileOf() }),
    ],
  ])('%s', (_, event) => {
    const { fleet: one, id } = fleet();
    expect(() => one.emit(event(id))).toThrow(InvariantBroken);
  });

  it('a member goes while it has work', () => {
    const { fleet: one, id } = fleet();
    one.assign(id, 'a');
    expect(() => one.emit({ type: 'member.left', id: agent('a') })).toThrow(InvariantBroken);
  });

  it('a task is submitted twice', () => {
    const { fleet: one, id } = fleet();
    const task = one.task(id).spec;
    expect(() => one.emit({ type: 'task.submitted', task })).toThrow(InvariantBroken);
  });

  it('an attempt that is not the current one ends', () => {
    const { fleet: one, id } = fleet();
    one.assign(id, 'a');
    expect(() => one.emit({ type: 'task.completed', id, attempt: 2, result: 1 })).toThrow(InvariantBroken);
  });

  it('somebody votes twice', () => {
    const { fleet: one } = fleet();
    one.join('b');
    one.join('c');
    const ballot: LedgerEvent = {
      type: 'ballot.cast',
      id: one.propose(),
      voter: 'a',
      decision: 'approve',
      reason: null,
    };
    one.emit(ballot);
    expect(() => one.emit(ballot)).toThrow(InvariantBroken);
  });
});
