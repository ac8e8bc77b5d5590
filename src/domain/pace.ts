/**
 * How often agents beat: SPEC A6. The interval grows with the fleet so that heartbeats per second stay under a cap,
 * in coarse steps, and shrinks late: a fleet that grows and shrinks by one must not tell everybody each time.
 */

/** What an agent can be told, whatever its leader's settings say. */
export const HEARTBEAT_MS_MIN = 10;
export const HEARTBEAT_MS_MAX = 60_000;

/** Each step of the ladder is so much longer than the one before. */
const STEP = 1.5;
/** A shorter step is taken only when the fleet would fill no more than this share of the cap with it. */
const SHRINK_SHARE = 0.8;

export interface Pace {
  /** Agents that beat. */
  readonly agents: number;
  /** The interval as it is. */
  readonly presentMs: number;
}

/** The interval that the leader should order. */
export function intervalFor(
  { agents, presentMs }: Pace,
  settings: { readonly heartbeatIntervalMs: number; readonly heartbeatsPerSecondMax: number },
): number {
  const { heartbeatIntervalMs, heartbeatsPerSecondMax } = settings;
  const neededMs = (agents * 1_000) / heartbeatsPerSecondMax;
  const longer = stepFor(neededMs, heartbeatIntervalMs);
  if (longer >= presentMs) return longer;
  const shorter = stepFor(neededMs / SHRINK_SHARE, heartbeatIntervalMs);
  return Math.min(presentMs, shorter);
}

/** Whatever it was told, an agent goes on beating, and not without pause. */
export function bearable(intervalMs: number): number {
  return Math.min(HEARTBEAT_MS_MAX, Math.max(HEARTBEAT_MS_MIN, intervalMs));
}

/** The first step that is not below what is needed. */
function stepFor(neededMs: number, firstMs: number): number {
  let stepMs = firstMs;
  while (stepMs < neededMs && stepMs < HEARTBEAT_MS_MAX) stepMs = Math.ceil(stepMs * STEP);
  return bearable(stepMs);
}
