/** The leader's life: only what the ledger says moves it. */
import { expect, it } from 'vitest';
import { coordinatorMachine, type Claim } from '../../actors/coordinator.ts';
import type { AgentId } from '../../src/domain/ids.ts';
import { at, start, step, walk } from './chart.ts';
import { expectAllReached, matrixOf, plain, untaken, type Matrix } from './matrix.ts';

const claim: Claim = { cause: 'leader.gone', candidates: [{ id: 'a' as AgentId, score: 1 }], since: 7 };
const events = {
  claim: { type: 'claim', claim },
  ...plain('caughtUp', 'catchUp.failed', 'append.committed', 'append.foreign', 'append.unresolved'),
  resign: { type: 'resign', reason: 'lameDuck' },
};

const expected: Matrix = {
  standby: { claim: 'catchingUp ! catchUp' },
  catchingUp: { caughtUp: 'claiming ! appendTermStart', 'catchUp.failed': 'standby ! claimLost' },
  claiming: {
    'append.committed': 'office.leading ! takeOffice',
    'append.foreign': 'standby ! claimLost',
    'append.unresolved': 'standby ! claimLost',
  },
  'office.leading': {
    'append.foreign': 'standby ! leaveOffice',
    'append.unresolved': 'standby ! leaveOffice',
    resign: 'office.resigning ! appendHandover',
  },
  'office.resigning': {
    'append.committed': 'standby ! leaveOffice',
    'append.foreign': 'standby ! leaveOffice',
    'append.unresolved': 'standby ! leaveOffice',
  },
};

it('begins as a standby', () => {
  expect(start(coordinatorMachine).text).toBe('standby');
});

it('does in every state, with every event, what the table says', () => {
  expect(matrixOf(coordinatorMachine, events)).toEqual(expected);
});

it('has no edge that the table does not take, and no state that is never reached', () => {
  expect(untaken([{ machine: coordinatorMachine, events }])).toEqual([]);
  expectAllReached(coordinatorMachine, events);
});

it('leads only after its own term-start is committed, and never again without another claim', () => {
  const { claim: stand, caughtUp, resign, 'append.committed': committed, 'append.foreign': foreign } = events;
  expect(
    walk(coordinatorMachine, [
      stand,
      caughtUp,
      committed,
      foreign,
      committed,
      stand,
      caughtUp,
      committed,
      resign,
      committed,
    ]),
  ).toEqual([
    'catchingUp ! catchUp',
    'claiming ! appendTermStart',
    'office.leading ! takeOffice',
    'standby ! leaveOffice',
    'standby',
    'catchingUp ! catchUp',
    'claiming ! appendTermStart',
    'office.leading ! takeOffice',
    'office.resigning ! appendHandover',
    'standby ! leaveOffice',
  ]);
});

it('appends the claim that was made: its cause, its candidates and since when', () => {
  const catchingUp = step(coordinatorMachine, at(coordinatorMachine, 'standby'), events.claim).snapshot;
  const { actions } = step(coordinatorMachine, catchingUp, events.caughtUp);
  expect(actions).toMatchObject([{ type: 'appendTermStart', params: { claim } }]);
});

it('says in the handover why it resigns', () => {
  const { actions } = step(coordinatorMachine, at(coordinatorMachine, 'office.leading'), events.resign);
  expect(actions).toMatchObject([{ type: 'appendHandover', params: { reason: 'lameDuck' } }]);
});
