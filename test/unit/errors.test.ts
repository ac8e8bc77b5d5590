/** The table of errors: stable codes, and the same on every way out. */
import { describe, expect, it } from 'vitest';
import {
  ConclaveError,
  errorKinds,
  errorOf,
  problem,
  problemOf,
  type ErrorCode,
  type Problem,
} from '../../src/domain/errors.ts';

const codes = Object.keys(errorKinds) as ErrorCode[];

describe('every code', () => {
  it.each(codes)('%s has an HTTP-like status, and survives the wire', (code) => {
    const error = new ConclaveError(code, 'what to do', { fields: [{ field: 'a', message: 'is wrong' }] });
    expect(error.status).toBe(errorKinds[code].status);
    expect(error.status).toBeGreaterThanOrEqual(400);
    expect(error.status).toBeLessThan(600);
    const back = errorOf(JSON.parse(JSON.stringify(problemOf(error))) as Problem);
    expect([back.code, back.message, back.fields]).toEqual([code, 'what to do', error.fields]);
    expect(back.isRetryable).toBe(errorKinds[code].isRetryable);
  });

  it('that asks the caller to try again is retryable, and no other', () => {
    const retryable = codes.filter((code) => errorKinds[code].isRetryable);
    expect(retryable.sort()).toEqual(['HOLDER_SILENT', 'LIMIT_REACHED', 'NO_LEADER', 'NO_NATS', 'TIMEOUT']);
  });

  it.each([
    ['INVALID', 400],
    ['NOT_FOUND', 404],
    ['CONFLICT', 409],
    ['ALREADY_ENDED', 409],
    ['TOO_LARGE', 413],
    ['LIMIT_REACHED', 429],
    ['NO_LEADER', 503],
  ] as const)('%s is %d, as the specification says', (code, status) => {
    expect(errorKinds[code].status).toBe(status);
  });
});

it('an error keeps its cause', () => {
  const cause = new Error('socket closed');
  expect(new ConclaveError('NO_NATS', 'gone', { cause }).cause).toBe(cause);
});

it('a problem without fields has none, not an empty list', () => {
  expect(problem('INVALID', 'x', [])).toEqual({ code: 'INVALID', message: 'x' });
});

it.each([
  [new Error('boom'), 'boom'],
  ['boom', 'boom'],
  [undefined, 'undefined'],
])('anything else that is thrown (%s) is INTERNAL', (thrown, message) => {
  expect(problemOf(thrown)).toEqual({ code: 'INTERNAL', message });
});
