/** The life of an agent: every state with every event, and what it remembers while it is offline. */
import { describe, expect, it } from 'vitest';
import { agentMachine } from '../../actors/agent.ts';
import { delaysOf, start, walk } from './chart.ts';
import { expectAllReached, matrixOf, plain, untaken, type Matrix } from './matrix.ts';

const load = (running: number) => ({ type: 'load.changed', running, slots: 2 }) as const;
const events = {
  ...plain('connection.up', 'connection.lost', 'join.accepted', 'join.postponed', 'join.refused'),
  ...plain('membership.unknown', 'expelled', 'leave', 'leave.answered'),
  'nothing runs': load(0),
  'one of two runs': load(1),
  'both slots run': load(2),
};

const whileActive = {
  'connection.lost': 'offline',
  'membership.unknown': 'online.joining.asking ! requestJoin',
  expelled: 'left ! abandonWork stopWorking',
  leave: 'online.draining ! announceDrain +leaveGrace',
};

const expected: Matrix = {
  'online.connecting': {
    'connection.up': 'online.joining.asking ! requestJoin',
    'connection.lost': 'offline',
    expelled: 'left ! abandonWork stopWorking',
    leave: 'left ! stopWorking',
  },
  'online.joining.asking': {
    'connection.lost': 'offline',
    'join.accepted': 'online.active.idle ! startWorking',
    'join.postponed': 'online.joining.waiting ! +joinRetry',
    'join.refused': 'left ! stopWorking',
    expelled: 'left ! abandonWork stopWorking',
    leave: 'online.leaving ! requestLeave +leavePatience',
  },
  'online.joining.waiting': {
    'connection.lost': 'offline ! -joinRetry',
    'join.accepted': 'online.active.idle ! -joinRetry startWorking',
    'join.refused': 'left ! -joinRetry stopWorking',
    expelled: 'left ! -joinRetry abandonWork stopWorking',
    leave: 'online.leaving ! -joinRetry requestLeave +leavePatience',
    'after joinRetry': 'online.joining.asking ! -joinRetry requestJoin',
  },
  'online.active.idle': {
    ...whileActive,
    'one of two runs': 'online.active.busy',
    'both slots run': 'online.active.full',
  },
  'online.active.busy': {
    ...whileActive,
    'nothing runs': 'online.active.idle',
    'both slots run': 'online.active.full',
  },
  'online.active.full': {
    ...whileActive,
    'nothing runs': 'online.active.idle',
    'one of two runs': 'online.active.busy',
  },
  'online.draining': {
    'connection.lost': 'offline ! -leaveGrace',
    expelled: 'left ! -leaveGrace abandonWork stopWorking',
    'nothing runs': 'online.leaving ! -leaveGrace requestLeave +leavePatience',
    'after leaveGrace': 'online.leaving ! -leaveGrace handBack requestLeave +leavePatience',
  },
  'online.leaving': {
    'connection.lost': 'offline ! -leavePatience',
    expelled: 'left ! -leavePatience abandonWork stopWorking',
    'leave.answered': 'left ! -leavePatience stopWorking',
    'after leavePatience': 'left ! -leavePatience stopWorking',
  },
  offline: { 'connection.up': 'online.connecting', leave: 'left ! stopWorking' },
  left: {},
};

it('begins by connecting', () => {
  expect(start(agentMachine).text).toBe('online.connecting');
});

it('does in every state, with every event, what the table says', () => {
  expect(matrixOf(agentMachine, events)).toEqual(expected);
});

it('has no edge that the table does not take, and no state that is never reached', () => {
  expect(untaken([{ machine: agentMachine, events }])).toEqual([]);
  expectAllReached(agentMachine, events);
});

describe('an agent that loses its connection', () => {
  const { 'connection.up': up, 'connection.lost': lost, 'join.accepted': accepted, leave } = events;
  const grace = delaysOf(agentMachine, 'online.draining').get('after leaveGrace')!;

  it.each([
    ['while it asks to join, asks again', [up, lost, up], 'online.joining.asking ! requestJoin'],
    [
      'while it waits to ask again, waits again',
      [up, events['join.postponed'], lost, up],
      'online.joining.waiting ! +joinRetry',
    ],
    [
      'while it is full, is full and works on',
      [up, accepted, load(2), lost, up],
      'online.active.full ! startWorking',
    ],
    [
      'while it is busy, is busy and works on',
      [up, accepted, load(1), lost, up],
      'online.active.busy ! startWorking',
    ],
    [
      'while it drains, says so again',
      [up, accepted, leave, lost, up],
      'online.draining ! announceDrain +leaveGrace',
    ],
    [
      'while it leaves, asks again to leave',
      [up, accepted, leave, grace, lost, up],
      'online.leaving ! requestLeave +leavePatience',
    ],
    [
      'twice, remembers the same',
      [up, accepted, load(2), lost, up, lost, up],
      'online.active.full ! startWorking',
    ],
    ['and leaves meanwhile, is gone at once', [up, accepted, load(1), lost, leave], 'left ! stopWorking'],
  ])('%s', (_, path, last) => {
    expect(walk(agentMachine, path).at(-1)).toBe(last);
  });
});

it('is full also with more than its slots, after they became fewer', () => {
  const path = [
    events['connection.up'],
    events['join.accepted'],
    { type: 'load.changed', running: 5, slots: 2 },
  ];
  expect(walk(agentMachine, path).at(-1)).toBe('online.active.full');
});
