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

/** Whether two parts of states would give the same text, without writing it. */
export function areAlike(one: unknown, other: unknown): boolean {
  if ((one ?? null) === (other ?? null)) return true;
  if (typeof one !== 'object' || typeof other !== 'object') return false;
  if (one === null || other === null) return false;
  if (one instanceof Map) return other instanceof Map && areAlikeMaps(one, other);
  if (one instanceof Set) return other instanceof Set && areAlikeSets(one, other);
  if (Array.isArray(one))
    return (
      Array.isArray(other) && one.length === other.length && one.every((each, i) => areAlike(each, other[i]))
    );
  return areAlikeRecords(one as Fields, other as Fields);
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

type Fields = Readonly<Record<string, unknown>>;

function areAlikeMaps(one: ReadonlyMap<unknown, unknown>, other: ReadonlyMap<unknown, unknown>): boolean {
  for (const [key, value] of one) if (!areAlike(value, other.get(key))) return false;
  for (const [key, value] of other) if (!one.has(key) && !areAlike(value, null)) return false;
  return true;
}

function areAlikeSets(one: ReadonlySet<unknown>, other: ReadonlySet<unknown>): boolean {
  if (one.size !== other.size) return false;
  for (const value of one) if (!other.has(value)) return false;
  return true;
}

function areAlikeRecords(one: Fields, other: Fields): boolean {
  if (Array.isArray(other) || other instanceof Map || other instanceof Set) return false;
  for (const key in one) if (!areAlike(one[key], other[key])) return false;
  for (const key in other) if (!(key in one) && !areAlike(other[key], null)) return false;
  return true;
}
