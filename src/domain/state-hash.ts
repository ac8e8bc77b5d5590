/**
 * The fleet as one text that depends on nothing but its content: equal states give equal texts, whatever order
 * their maps were filled in. Callers hash it; the same sequence gives the same hash on every replica.
 *
 * `undefined` and null are told apart nowhere on the wire, and not here.
 */
import type { FleetState } from './state.ts';

export function canonical(state: FleetState): string {
  return JSON.stringify(plain(state));
}

/** Maps and objects as lists of pairs sorted by key, sets as sorted lists: there is one way to write each. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Map) return pairs(value as ReadonlyMap<string, unknown>);
  if (value instanceof Set) return [...(value as ReadonlySet<string>)].sort();
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Uint8Array) return { bytes: [...value] };
  if ('toJSON' in value) return value;
  return Object.fromEntries(pairs(new Map(Object.entries(value))));
}

function pairs(of: ReadonlyMap<string, unknown>): [string, unknown][] {
  return [...of]
    .filter(([, value]) => value !== undefined && value !== null)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => [key, plain(value)]);
}
