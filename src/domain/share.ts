/** A share is a number from 0 to 1: of work that is done, of health, of load. What users give may be any number. */

/** The nearest share; 0 for what is no number. */
export function shareOf(value: number): number {
  return Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 0;
}
