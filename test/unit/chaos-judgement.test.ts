/** The figures of a chaos run are judged: what no fault gives is found, what one gives is not. */
import { expect, test } from 'vitest';
import { judge } from '../chaos/judgement.ts';
import type { LoadFigures, Tally } from '../chaos/load.ts';
import { Recovery } from '../chaos/recovery.ts';
import { isLeaderInTime, LEADER_AFTER_MS_MAX, type Report } from '../chaos/report.ts';

const all = (asked: number): Tally => ({ asked, answered: asked, refused: 0 });
const good: LoadFigures = {
  calls: { tasks: all(100), outcomes: all(100), proposals: all(10), decisions: all(10) },
  heldBack: 100,
  refused: {},
  seconds: 1,
};
const withCalls = (calls: Partial<LoadFigures['calls']>): LoadFigures => ({
  ...good,
  calls: { ...good.calls, ...calls },
});
const found = (load: LoadFigures, ends: Readonly<Record<string, number>> = {}): Record<string, number> =>
  Object.fromEntries(
    judge(load, ends).flatMap(({ name, found: count }) => (count === 0 ? [] : [[name, count] as const])),
  );

const refused = 'calls refused for a reason that no fault gives';
const ended = 'agents that ended for a reason that no fault gives';
const unanswered = 'tasks and proposals, and ends of both, that a client was told nothing of';
const missing = 'tasks that are missing to half of those that were due';

test('a load that was answered, half of what was due, has no finding', () => {
  expect(found(good)).toEqual({});
});

test.each([
  ['a call out of time', 'TIMEOUT', {}],
  ['nobody leads for a minute', 'NO_LEADER', {}],
  ['a conflict', 'CONFLICT', { [refused]: 3 }],
  ['an error of the leader', 'INTERNAL', { [refused]: 3 }],
  ['what is no error of Conclave’s', 'TypeError: x is undefined', { [refused]: 3 }],
])('refusals: %s', (_, code, expected) => {
  expect(found({ ...good, refused: { [code]: 3 } })).toEqual(expected);
});

test.each([
  ['NO_NATS before it joined', {}],
  ['NO_NATS', { [ended]: 2 }],
  ['no reason given before it joined', { [ended]: 2 }],
  ['no reason given', { [ended]: 2 }],
  ['REPLACED', { [ended]: 2 }],
  ['LEDGER_BROKEN', { [ended]: 2 }],
])('agents that end: %s', (why, expected) => {
  expect(found(good, { [why]: 2 })).toEqual(expected);
});

test.each<readonly [what: string, load: LoadFigures, expected: Record<string, number>]>([
  [
    'a task',
    withCalls({ tasks: { asked: 101, answered: 100, refused: 0 } }),
    { [unanswered]: 1, [missing]: 1 },
  ],
  ['an end', withCalls({ outcomes: { asked: 100, answered: 97, refused: 1 } }), { [unanswered]: 2 }],
  ['a handle', withCalls({ outcomes: all(99) }), { [unanswered]: 1 }],
  ['a decision', withCalls({ decisions: { asked: 10, answered: 9, refused: 0 } }), { [unanswered]: 1 }],
  ['an id of a proposal', withCalls({ decisions: all(9) }), { [unanswered]: 1 }],
])('what a client was told nothing of: %s', (_, load, expected) => {
  expect(found(load)).toEqual(expected);
});

test('a fleet that acknowledges less than half of what is due is found, also when nothing is due at all', () => {
  expect(found({ ...good, heldBack: 120 })).toEqual({ [missing]: 10 });
  expect(found({ ...withCalls({ tasks: all(0), outcomes: all(0) }), heldBack: 0 })).toEqual({ [missing]: 1 });
});

/** A recovery at a clock of its own; `answer` acknowledges what was asked first and is open. */
function recovering() {
  let at = 0;
  const open: (() => void)[] = [];
  const recovery = new Recovery({
    now: () => at,
    untilAcknowledged: () => new Promise((resolve) => open.push(resolve)),
  });
  return {
    recovery,
    pass: (ms: number): void => {
      at += ms;
    },
    answer: async (): Promise<void> => {
      open.shift()?.();
      await Promise.resolve();
      await Promise.resolve();
    },
    asked: () => open.length,
  };
}

test('the longest recovery is told, each from the end of its round', async () => {
  const { recovery, pass, answer } = recovering();
  for (const ms of [300, 700, 200]) {
    recovery.struck();
    pass(5_000);
    recovery.relieved();
    pass(ms);
    await answer();
  }
  expect([recovery.count, recovery.longestMs]).toEqual([3, 700]);
});

test('a recovery that the next round interrupts goes on after it, through calms, and asks once', async () => {
  const { recovery, pass, answer, asked } = recovering();
  recovery.relieved();
  pass(1_000);
  recovery.struck();
  pass(5_000);
  recovery.relieved();
  pass(2_000);
  // A calm is over.
  recovery.relieved();
  pass(4_000);
  expect([recovery.longestMs, asked()]).toEqual([null, 1]);
  await answer();
  expect([recovery.count, recovery.longestMs]).toEqual([1, 7_000]);
});

const late = LEADER_AFTER_MS_MAX + 1;
test.each([
  ['in time', 100, { count: 3, longestMs: 200 }, true],
  ['never after the last fault', null, { count: 3, longestMs: 200 }, false],
  ['late after the last fault', late, { count: 3, longestMs: 200 }, false],
  ['late after one of the others', 100, { count: 3, longestMs: late }, false],
  ['never after one of them', 100, { count: 3, longestMs: null }, false],
  ['not measured', 100, { count: 0, longestMs: 0 }, false],
])('a leader is there: %s', (_, leaderAfterMs, recoveries, expected) => {
  expect(isLeaderInTime({ leaderAfterMs, recoveries } as Report)).toBe(expected);
});
