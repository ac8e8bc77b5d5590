/**
 * The real Clock: the process's monotonic clock and Node's timers. Timers keep the process alive; whoever
 * stops a node clears them.
 */
import type { Clock, TimerHandle } from '../ports.ts';

/** Node fires a longer timer at once; ours fires after this long instead, early by the rest. */
const timeoutMsMax = 2 ** 31 - 1;

export const realClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  setTimeout: (run, ms) =>
    // A timer of 0 ms would wait for a millisecond; an immediate waits only for the input that is there.
    ms <= 0 ? setImmediate(run) : setTimeout(run, Math.min(ms, timeoutMsMax)),
  clearTimeout: (timer) =>
    isTimeout(timer) ? clearTimeout(timer) : clearImmediate(timer as NodeJS.Immediate),
};

function isTimeout(timer: TimerHandle): timer is NodeJS.Timeout {
  return typeof timer === 'object' && 'refresh' in timer;
}
