/** The clock that deadlines are measured with. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { realClock } from '../../src/nats/clock.ts';

const HOUR_MS = 3_600_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test.each([
  ['ahead', HOUR_MS],
  ['back', -HOUR_MS],
])('of a process goes on when the wall clock is set %s by an hour', (_, byMs) => {
  const before = { now: realClock.now(), wall: realClock.wallNow() };
  vi.setSystemTime(before.wall + byMs);
  expect(realClock.wallNow()).toBe(before.wall + byMs);
  const passedMs = realClock.now() - before.now;
  expect(passedMs).toBeGreaterThanOrEqual(0);
  expect(passedMs).toBeLessThan(HOUR_MS);
});
