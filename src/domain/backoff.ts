/**
 * Growing, jittered delays. Equal jitter (half fixed, half random) as described by Marc Brooker,
 * "Exponential Backoff and Jitter", 2015: never close to zero, and no two clients in step.
 */

/** `failures` counts from 1. `chance` is in [0, 1). */
export function backoffMs(of: { failures: number; baseMs: number; maxMs: number; chance: number }): number {
  const full = Math.min(of.maxMs, of.baseMs * 2 ** Math.min(of.failures - 1, 30));
  return Math.round(full / 2 + (full / 2) * of.chance);
}
