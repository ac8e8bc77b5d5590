/** The checks of a chaos run find what is wrong with a history: each is fed one that is, beside one that is not. */
import { expect, test } from 'vitest';
import type { Entry, LedgerEvent } from '../../src/domain/events.ts';
import { Audit, type Told } from '../chaos/audit.ts';
import { compareHashes, compareReplicas, compareWithRead } from '../chaos/comparison.ts';
import { Executions } from '../chaos/executions.ts';
import type { Check } from '../chaos/finding.ts';
import type { ReplicaCopy } from '../chaos/replicas.ts';
import type { Start } from '../support/agent-process.ts';

const submitted = (id: string, mark: number): LedgerEvent =>
  ({ type: 'task.submitted', task: { id, payload: { mark } } }) as unknown as LedgerEvent;
const completed = (id: string, result: unknown): LedgerEvent =>
  ({ type: 'task.completed', id, attempt: 1, result }) as unknown as LedgerEvent;
const failed = (id: string): LedgerEvent => ({ type: 'task.failed', id }) as unknown as LedgerEvent;
const opened = (id: string): LedgerEvent =>
  ({ type: 'proposal.opened', proposal: { id } }) as unknown as LedgerEvent;
const decided = (id: string, outcome: string): LedgerEvent =>
  ({ type: 'proposal.decided', id, outcome }) as unknown as LedgerEvent;
const started = { type: 'term.started' } as unknown as LedgerEvent;
const assigned = (id: string, attempt: number, agent: string): LedgerEvent =>
  ({ type: 'task.assigned', id, attempt, agent }) as unknown as LedgerEvent;

type Step = { readonly term: number; readonly events: readonly LedgerEvent[] } | Told | Start;

const entry = (...events: readonly LedgerEvent[]): Step => ({ term: 1, events });
const ofTerm = (term: number, ...events: readonly LedgerEvent[]): Step => ({ term, events });
const accepted = (id: string, mark: number): Step => ({ kind: 'accepted', id, mark });
const toldCompleted = (id: string, result: unknown): Step => ({
  kind: 'ended',
  id,
  status: 'completed',
  result,
});
/** The first term starts with entry 1. */
const start = (task: string, about: Partial<Start> = {}): Step => ({
  task,
  attempt: 1,
  fencingToken: 1,
  agent: 'x',
  life: 1,
  ...about,
});
const toldDecided = (id: string, outcome: string): Step => ({ kind: 'decided', id, outcome });

/** Names of the checks that found something, with how much. */
function findings(checks: readonly Check[]): Record<string, number> {
  return Object.fromEntries(checks.filter(({ found }) => found > 0).map(({ name, found }) => [name, found]));
}

function audited(steps: readonly Step[]): Record<string, number> {
  const audit = new Audit();
  let sequence = 0;
  for (const step of steps) {
    if ('kind' in step) audit.told(step);
    else if ('life' in step) audit.started(step);
    else audit.entry((sequence += 1), step as unknown as Entry);
  }
  return findings(audit.report());
}

const whole = [
  ofTerm(1, started),
  entry(submitted('a', 1), submitted('b', 2), opened('p')),
  accepted('a', 1),
  { kind: 'opened', id: 'p' } as const,
  entry(completed('a', { mark: 1 }), decided('p', 'approved')),
  toldDecided('p', 'approved'),
  toldCompleted('a', { mark: 1 }),
  // Told before its entry was read.
  accepted('c', 3),
  toldCompleted('c', { mark: 3 }),
  ofTerm(2, started),
  ofTerm(2, submitted('c', 3), completed('c', { mark: 3 }), failed('b')),
];

test('a history in which all is as it was told has no finding', () => {
  expect(audited(whole)).toEqual({});
});

const wrong: readonly (readonly [name: string, steps: readonly Step[], findings: Record<string, number>])[] =
  [
    [
      'a lost acknowledged task',
      [...whole, accepted('gone', 9)],
      { 'acknowledged tasks that the ledger does not have': 1 },
    ],
    [
      'a task that never ends',
      [...whole, ofTerm(2, submitted('d', 4)), accepted('d', 4)],
      { 'tasks of the ledger that have not ended': 1 },
    ],
    [
      'two outcomes, the second when all have forgotten the task',
      [...whole, ofTerm(2, failed('a'))],
      { 'tasks with two outcomes': 1 },
    ],
    [
      'two outcomes before the client was told of one',
      [...whole, ofTerm(2, submitted('d', 4), completed('d', { mark: 4 })), ofTerm(2, failed('d'))],
      { 'tasks with two outcomes': 1 },
    ],
    [
      'a request that is stored twice',
      [...whole, ofTerm(2, submitted('d', 1), failed('d'))],
      { 'tasks that are in the ledger twice': 1 },
    ],
    [
      'another result than the client was told',
      [
        ...whole,
        accepted('d', 4),
        ofTerm(2, submitted('d', 4), completed('d', { mark: 4 })),
        toldCompleted('d', { mark: 5 }),
      ],
      { 'outcomes and decisions told otherwise than the ledger has them': 1 },
    ],
    [
      'a result that is another task’s, though the client was told the same',
      [
        ...whole,
        accepted('d', 4),
        ofTerm(2, submitted('d', 4), completed('d', { mark: 2 })),
        toldCompleted('d', { mark: 2 }),
      ],
      { 'results that are not those of their tasks': 1 },
    ],
    [
      'a second decision, though it is the one that was told',
      [...whole, ofTerm(2, decided('p', 'approved'))],
      { 'proposals with two decisions': 1 },
    ],
    [
      'an outcome that was told and never came',
      [...whole, accepted('d', 4), ofTerm(2, submitted('d', 4)), toldCompleted('d', { mark: 4 })],
      {
        'outcomes and decisions told otherwise than the ledger has them': 1,
        'tasks of the ledger that have not ended': 1,
      },
    ],
    [
      'another task than the one that was acknowledged',
      [...whole, accepted('d', 5), ofTerm(2, submitted('d', 4), failed('d'))],
      { 'outcomes and decisions told otherwise than the ledger has them': 2 },
    ],
    [
      'another decision than was told',
      [...whole, ofTerm(2, opened('q'), decided('q', 'rejected')), toldDecided('q', 'approved')],
      { 'outcomes and decisions told otherwise than the ledger has them': 1 },
    ],
    [
      'a lost acknowledged proposal',
      [...whole, { kind: 'opened', id: 'gone' }],
      { 'acknowledged proposals that the ledger does not have': 1 },
    ],
    [
      'a proposal that never closes',
      [...whole, ofTerm(2, opened('q'))],
      { 'proposals that have not closed': 1 },
    ],
    [
      'an entry of an old term after a newer term-start',
      [...whole, ofTerm(1)],
      { 'entries of an old term after a newer term-start': 1 },
    ],
    ['a term that starts twice', [...whole, ofTerm(2, started)], { 'terms that started twice': 1 }],
  ];

test.each(wrong)('the audit finds %s', (_, steps, expected) => {
  expect(audited(steps)).toEqual(expected);
});

const baseless = 'starts of attempts that the ledger has not, or has ended';
const elsewhere = 'starts by another agent, or with another fencing token, than the ledger has';
const again = 'attempts that one process started twice';
const unseen = 'attempts that completed and that nobody was heard to start';

/** A task that one agent could not start, and that another did in the next term, whose start is told late. */
const moved = [
  ofTerm(1, started),
  entry(submitted('a', 1), assigned('a', 1, 'x')),
  ofTerm(2, started),
  start('a', { attempt: 2, fencingToken: 3, agent: 'y', life: 2 }),
  ofTerm(2, assigned('a', 2, 'y'), completed('a', { mark: 1 })),
  start('a'),
];

test.each<readonly [what: string, steps: readonly Step[], findings: Record<string, number>]>([
  ['nothing wrong', moved, {}],
  ['a start without an entry', [...moved, start('b')], { [baseless]: 1 }],
  ['an attempt that was never assigned', [...moved, start('a', { attempt: 3 })], { [baseless]: 1 }],
  ['a start by another agent', [...moved.slice(0, -1), start('a', { agent: 'y' })], { [elsewhere]: 1 }],
  ['an older fencing token', [...moved.slice(0, -1), start('a', { fencingToken: 0 })], { [elsewhere]: 1 }],
  [
    'the fencing token of a later term, told before the entry is read',
    [ofTerm(1, started), start('a', { fencingToken: 2 }), entry(assigned('a', 1, 'x'))],
    { [elsewhere]: 1 },
  ],
  ['a second start', [...moved.slice(0, 2), start('a'), start('a')], { [again]: 1 }],
  [
    'the same start in two lives, if anybody could have it',
    [...moved.slice(0, 2), start('a'), start('a', { life: 2 })],
    {},
  ],
  ['a second start when the task has ended', [...moved, start('a')], { [baseless]: 1 }],
  [
    'an attempt that completed unseen',
    [ofTerm(1, started), entry(assigned('a', 1, 'x')), entry(completed('a', { mark: 1 }))],
    { [unseen]: 1 },
  ],
])('what handlers began is compared with what was assigned: %s', (_, steps, expected) => {
  const executions = new Executions();
  let sequence = 0;
  for (const step of steps) {
    if ('life' in step) executions.started(step);
    else if ('events' in step) executions.entry((sequence += 1), step as unknown as Entry);
  }
  expect(findings(executions.checks())).toEqual(expected);
});

test('what a process has told may die with it; of one that lives, everything is heard', () => {
  const executions = new Executions();
  executions.entry(1, ofTerm(1, assigned('a', 1, 'x'), assigned('b', 1, 'y')) as unknown as Entry);
  executions.entry(2, entry(completed('a', {}), completed('b', {})) as unknown as Entry);
  executions.died('y');
  expect(executions.checks().filter(({ found }) => found > 0)).toEqual([
    { name: unseen, found: 1, evidence: ['task a, attempt 1 by x'] },
  ]);
});

test('the audit hears of starts, and reports them', () => {
  expect(audited([...whole, start('nobody asked for')])).toEqual({ [baseless]: 1 });
});

const copy = (server: ReplicaCopy['server'], slots: Record<number, string>, about = ''): ReplicaCopy => {
  const sequences = Object.keys(slots).map(Number);
  return {
    server,
    first: Math.min(...sequences),
    last: Math.max(...sequences),
    slots: new Map(Object.entries(slots).map(([sequence, hash]) => [Number(sequence), { hash, about }])),
  };
};
const slots = { 3: 'x', 4: 'y', 5: 'z' };
const differing = 'slots of the ledger that differ between its replicas';

test.each([
  ['the same on all three', copy('three', slots), {}],
  ['other bytes in a slot', copy('three', { ...slots, 4: 'other' }), { [differing]: 1 }],
  ['a missing slot', copy('three', { 3: 'x', 5: 'z' }), { [differing]: 1 }],
  ['a tail that one lacks: its end, and the slot', copy('three', { 3: 'x', 4: 'y' }), { [differing]: 2 }],
  ['one that was purged further', copy('three', { 4: 'y', 5: 'z' }), { [differing]: 1 }],
  ['other headers or times', copy('three', slots, 'late'), { [differing]: 3 }],
])('replicas are compared: %s', (_, third, expected) => {
  expect(findings([compareReplicas([copy('one', slots), copy('two', slots), third])])).toEqual(expected);
});

test('what is kept is compared with what was read', () => {
  const read = new Map([[2, 'w'], ...Object.entries(slots).map(([at, hash]) => [Number(at), hash] as const)]);
  expect(compareWithRead(copy('one', slots), read).found).toBe(0);
  expect(compareWithRead(copy('one', { ...slots, 5: 'rewritten' }), read)).toMatchObject({
    found: 1,
    evidence: ['entry 5 on one'],
  });
});

test('states are compared', () => {
  const hashes = (last: string) =>
    new Map([
      ['replay', 'x'],
      ['agent_1', 'x'],
      ['agent_2', last],
    ]);
  expect(compareHashes(hashes('x')).found).toBe(0);
  expect(compareHashes(hashes('y')).evidence).toEqual(['agent_2 has y, replay x']);
});
