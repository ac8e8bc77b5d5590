/** The renaming between the wire and HTTP: along the schema, there and back, and never inside what users put in. */
import fc from 'fast-check';
import Type from 'typebox';
import { describe, expect, test } from 'vitest';
import { fieldPath, shapeOf, snakeCase } from '../../src/http/naming.ts';
import { shapes } from '../../src/http/schemas.ts';

const Inner = Type.Object({ startedAt: Type.Number(), id: Type.String() });
const Outer = Type.Object({
  id: Type.String(),
  runTimeoutMs: Type.Optional(Type.Number()),
  payload: Type.Optional(Type.Unknown()),
  labels: Type.Record(Type.String(), Type.String()),
  lastAttempt: Type.Union([Inner, Type.Null()]),
  allAttempts: Type.Array(Inner),
});
const shape = shapeOf(Outer, new Map([[Outer, { id: { name: 'task_id' } }]]));

const attempt = fc.record({ startedAt: fc.integer(), id: fc.string() });
const anyOuter = fc.record(
  {
    id: fc.string(),
    runTimeoutMs: fc.integer(),
    payload: fc.jsonValue(),
    labels: fc.dictionary(
      fc.string({ minLength: 1 }).filter((key) => key !== '__proto__'),
      fc.string(),
    ),
    lastAttempt: fc.option(attempt, { nil: null }),
    allAttempts: fc.array(attempt),
  },
  { requiredKeys: ['id', 'labels', 'lastAttempt', 'allAttempts'] },
);

test('there and back, any value is what it was', () => {
  fc.assert(
    fc.property(anyOuter, (value) => {
      expect(shape.inward(shape.outward(value))).toEqual(value);
    }),
  );
});

test('what users put in stays as it is, whatever its keys are', () => {
  fc.assert(
    fc.property(anyOuter, (value) => {
      const shown = shape.outward(value) as Record<string, unknown>;
      expect(shown['payload']).toBe(value.payload);
      expect(shown['labels']).toBe(value.labels);
    }),
  );
});

test('fields are renamed at every depth, and by name where that is said', () => {
  const value = {
    id: 'a',
    labels: { zoneName: 'eu' },
    lastAttempt: { startedAt: 1, id: 'x' },
    allAttempts: [{ startedAt: 2, id: 'y' }],
  };
  expect(shape.outward(value)).toEqual({
    task_id: 'a',
    labels: { zoneName: 'eu' },
    last_attempt: { started_at: 1, id: 'x' },
    all_attempts: [{ started_at: 2, id: 'y' }],
  });
  expect(shape.outward({ ...value, lastAttempt: null })).toMatchObject({ last_attempt: null });
});

test('the schema says the same', () => {
  expect(shape.schema).toMatchObject({
    required: ['task_id', 'labels', 'last_attempt', 'all_attempts'],
    properties: { all_attempts: { items: { properties: { started_at: { type: 'number' } } } } },
  });
  expect(Object.keys(shape.schema.properties ?? {})).not.toContain('runTimeoutMs');
});

test('a union of two objects whose fields would be renamed is refused at the start', () => {
  expect(() => shapeOf(Type.Union([Inner, Outer]), new Map())).toThrow('union');
});

describe('errors of the leader name the fields as the caller did', () => {
  test.each([
    ['maxRetries', 'max_retries'],
    ['type', 'task_type'],
    ['approval.timeoutMs', 'approval.timeout_seconds'],
    ['payload.aB', 'payload.aB'],
    ['requiredCapabilities.3', 'required_capabilities.3'],
    ['unknown', 'unknown'],
  ])('%s → %s', (wire, http) => {
    expect(fieldPath(shapes.taskInput, wire)).toBe(http);
  });
});

test('names in snake_case', () => {
  expect(['a', 'runTimeoutMs', 'byStatus'].map(snakeCase)).toEqual(['a', 'run_timeout_ms', 'by_status']);
});

test('seconds are milliseconds on the wire', () => {
  const given = { proposal_type: 'x', timeout_seconds: 1.5 };
  expect(shapes.proposalInput.inward(given)).toEqual({ type: 'x', timeoutMs: 1_500 });
  expect(shapes.proposalInput.outward({ type: 'x', timeoutMs: 1_500 })).toEqual(given);
});
