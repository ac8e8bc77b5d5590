/**
 * When a healthy leader gives way to a better one: SPEC E6. Never by default. With a margin, only to one whose score
 * exceeds its own by more than that in several looks in a row, and not before it has led for the tenure: so between
 * two preemptions there is at least the tenure.
 */
import type { Settings } from './settings.ts';

/** What a leader remembers of its looks; a new one for each term. */
export interface Reign {
  /** Monotonic. */
  readonly since: number;
  /** Looks in a row in which it was outscored. */
  readonly outscored: number;
}

export interface PreemptionLook {
  readonly now: number;
  readonly own: number;
  /** The best score among those that could lead at once; null: there are none. */
  readonly best: number | null;
}

/** Scores pass by, and one beat may tell of a moment only. */
const LOOKS = 3;

export function looked(
  reign: Reign,
  { now, own, best }: PreemptionLook,
  { preemptMargin, preemptTenureMs }: Pick<Settings, 'preemptMargin' | 'preemptTenureMs'>,
): { readonly reign: Reign; readonly givesWay: boolean } {
  const isOutscored = preemptMargin > 0 && best !== null && best - own > preemptMargin;
  const outscored = isOutscored ? reign.outscored + 1 : 0;
  const givesWay = outscored >= LOOKS && now - reign.since >= preemptTenureMs;
  return { reign: { ...reign, outscored }, givesWay };
}
