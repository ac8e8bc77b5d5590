/** Where inbound messages are checked: a typed value, or a problem that names every bad field. */
import { describe, expect, it } from 'vitest';
import Type from 'typebox';
import { encode } from '../../../src/wire/codec.ts';
import { digestOf, doorFor, type Door } from '../../../src/wire/door.ts';
import {
  BallotSchema,
  HeartbeatSchema,
  InboxReplySchema,
  JoinSchema,
  ProfileSchema,
  ProposeSchema,
  ReportSchema,
  SubmitManySchema,
  TaskSchema,
} from '../../../src/wire/messages.ts';
import { profileOf } from '../harness.ts';

/** Field → message; `ok` when there is nothing to say. */
function problemsOf(door: Door<unknown>, value: unknown): Record<string, string> | 'ok' {
  const checked = door.check(value);
  if (checked.kind === 'ok') return 'ok';
  expect(checked.problem.code).toBe('INVALID');
  const { fields = [], message } = checked.problem;
  for (const { field } of fields) expect(message).toContain(field);
  return Object.fromEntries(fields.map((each) => [each.field, each.message]));
}

describe('a task', () => {
  const door = doorFor(TaskSchema);

  it('needs a type, and nothing else', () => {
    expect(problemsOf(door, { type: 'scan' })).toBe('ok');
    expect(problemsOf(door, {})).toEqual({ type: 'is required' });
  });

  it('with everything is taken', () => {
    const task = {
      type: 'scan',
      payload: { any: ['thing'] },
      priority: 10,
      requiredCapabilities: ['a'],
      target: '192.168.1.100',
      maxRetries: 0,
      runTimeoutMs: 1,
      delayMs: 1,
      idempotencyKey: 'k',
      approval: { type: 'ok', description: 'd', quorum: 1, timeoutMs: 5, voters: ['bob'] },
    };
    expect(problemsOf(door, task)).toBe('ok');
  });

  it.each<[string, unknown]>([
    ['type', 'a b'],
    ['type', ''],
    ['type', 5],
    ['priority', 0],
    ['priority', 11],
    ['priority', 1.5],
    ['priority', '5'],
    ['requiredCapabilities', 'a'],
    ['target', 'x'.repeat(1_025)],
    ['maxRetries', -1],
    ['maxRetries', 1_001],
    ['runTimeoutMs', 0],
    ['delayMs', 0.5],
    ['idempotencyKey', ''],
    ['idempotencyKey', 'x'.repeat(256)],
    ['approval', true],
  ])('with a bad %s (%j) is told so', (field, value) => {
    expect(Object.keys(problemsOf(door, { type: 'scan', [field]: value }))).toEqual([field]);
  });

  it('is told of every bad field at once, also of those inside', () => {
    const bad = {
      type: 'a b',
      priority: 11,
      colour: 'red',
      maxRetries: -1,
      runTimeoutMs: 0,
      delayMs: 0,
      idempotencyKey: '',
      requiredCapabilities: ['fine', 'not fine'],
      approval: { quorum: 0, colour: 'red', voters: ['x y'] },
    };
    expect(Object.keys(problemsOf(door, bad)).sort()).toEqual([
      'approval.colour',
      'approval.quorum',
      'approval.voters.0',
      'colour',
      'delayMs',
      'idempotencyKey',
      'maxRetries',
      'priority',
      'requiredCapabilities.1',
      'runTimeoutMs',
      'type',
    ]);
  });

  it('gets a list that ends, however much is wrong', () => {
    const bad = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`field${i}`, 1]));
    expect(Object.keys(problemsOf(door, { type: 'scan', ...bad }))).toHaveLength(20);
  });

  it.each([null, 5, 'scan', [], [{ type: 'scan' }]])('is an object, not %j', (value) => {
    expect(problemsOf(door, value)).toEqual({ message: 'must be object' });
  });
});

describe('a batch', () => {
  const door = doorFor(SubmitManySchema);
  it('names the task of each bad field', () => {
    const bad = { tasks: [{ type: 'fine' }, { typ: 'scan' }, { type: 'scan', priority: 0 }] };
    expect(problemsOf(door, bad)).toEqual({
      'tasks.1.type': 'is required',
      'tasks.1.typ': 'is unknown',
      'tasks.2.priority': 'must be >= 1',
    });
  });

  it('holds at least one', () => {
    expect(problemsOf(door, { tasks: [] })).toHaveProperty('tasks');
  });
});

it('a word that must be one of several: all of them are named', () => {
  expect(problemsOf(doorFor(BallotSchema), { proposal: 'p', decision: 'yes' })).toEqual({
    decision: 'must be "approve" or "reject" or "abstain"',
  });
  expect(problemsOf(doorFor(ProposeSchema), { type: 'x', weighting: 'age', quorum: 0 })).toEqual({
    quorum: 'must be > 0',
    weighting: 'must be "equal" or "health" or "priority"',
  });
});

describe('a profile', () => {
  const door = doorFor(ProfileSchema);
  it('of the harness is one', () => {
    expect(problemsOf(door, profileOf())).toBe('ok');
    expect(
      problemsOf(door, profileOf({ priority: -5.5, handles: ['*', 'scan'], labels: { zone: 'a b' } })),
    ).toBe('ok');
  });

  it.each<[string, object]>([
    ['slots', { slots: 0 }],
    ['slots', { slots: 1.5 }],
    ['priority', { priority: NaN }],
    ['priority', { priority: Infinity }],
    ['electable', { electable: 'yes' }],
    ['capabilities.0', { capabilities: ['a b'] }],
    ['handles.0', { handles: ['scan.deep'] }],
    ['labels.zone', { labels: { zone: 5 } }],
    ['labels.a b', { labels: { 'a b': 'x' } }],
  ])('with bad %s is told so', (field, given) => {
    expect(problemsOf(door, { ...profileOf(), ...given })).toHaveProperty([field]);
  });
});

describe('between our own processes', () => {
  const beat = {
    incarnation: 'i',
    health: 1,
    load: 0,
    isLoadSet: false,
    intervalMs: 1_000,
    lagMs: 0,
    state: 'active.idle',
    electable: true,
    priority: 0,
    isStandby: true,
    ledgerAt: null,
    term: 0,
    running: [{ id: 't', attempt: 1 }],
    reportsPending: 0,
  };

  it('a heartbeat may say more than is known here: a newer version may beat', () => {
    const door = doorFor(HeartbeatSchema);
    expect(problemsOf(door, beat)).toBe('ok');
    expect(problemsOf(door, { ...beat, mood: 'fine' })).toBe('ok');
    expect(problemsOf(door, { ...beat, health: 1.01 })).toHaveProperty('health');
    expect(problemsOf(door, { ...beat, load: NaN })).toHaveProperty('load');
  });

  it('so may the answer to a probe', () => {
    const reply = { incarnation: 'i', isLeading: false, term: 0, sequence: 0 };
    expect(problemsOf(doorFor(InboxReplySchema), { ...reply, mood: 'fine' })).toBe('ok');
  });

  it('a join, a drain and a leave are three messages', () => {
    const door = doorFor(JoinSchema);
    expect(problemsOf(door, { kind: 'join', incarnation: 'i', profile: profileOf() })).toBe('ok');
    expect(problemsOf(door, { kind: 'leave', incarnation: 'i' })).toBe('ok');
    expect(problemsOf(door, { kind: 'drain', incarnation: 'i', profile: profileOf() })).not.toBe('ok');
    expect(problemsOf(door, { kind: 'join', incarnation: 'i' })).not.toBe('ok');
  });

  it('a report names its attempt', () => {
    const door = doorFor(ReportSchema);
    const report = (given: object) => ({ incarnation: 'i', reports: [{ id: 't', attempt: 1, ...given }] });
    expect(problemsOf(door, report({ kind: 'started' }))).toBe('ok');
    expect(problemsOf(door, report({ kind: 'completed', result: null }))).toBe('ok');
    expect(problemsOf(door, report({ kind: 'failed', error: { message: 'x' }, isFinal: true }))).toBe('ok');
    expect(problemsOf(door, report({ kind: 'failed', isFinal: true }))).not.toBe('ok');
    expect(problemsOf(door, report({ kind: 'started', attempt: 0 }))).toHaveProperty(['reports.0.attempt']);
  });
});

describe('a message', () => {
  const door = doorFor(Type.Object({ a: Type.Integer() }));

  it.each(['json', 'msgpack'] as const)('is admitted as %s', (format) => {
    expect(door.admit(encode({ a: 1 }, format), {})).toEqual({ kind: 'ok', value: { a: 1 } });
  });

  it('that cannot be read is a problem, not an exception', () => {
    expect(door.admit(new TextEncoder().encode('{a:1}'), {})).toEqual({
      kind: 'bad',
      problem: { code: 'INVALID', message: 'the message is not JSON' },
    });
  });

  it('that is empty lacks its fields', () => {
    expect(door.admit(new Uint8Array(), {})).toMatchObject({
      problem: { fields: [{ field: 'a', message: 'is required' }] },
    });
  });
});

it('a digest tells bodies apart, and is the same for text and its bytes', () => {
  expect(digestOf('a')).toBe(digestOf(new TextEncoder().encode('a')));
  expect(digestOf('a')).not.toBe(digestOf('b'));
  expect(digestOf('a')).toMatch(/^[A-Za-z0-9_-]{22}$/);
});
