/**
 * Events as JSON text: one envelope, keys in snake_case. What users gave (payload, result, data, labels) stays as it
 * is, whatever its keys look like.
 */
import type { Told } from '../runtime/narrator.ts';
import { snakeCase } from './naming.ts';

/** Fields whose content is the users' own. */
const opaque = new Set(['payload', 'result', 'data', 'labels']);
/** Keys are our own words, so there are few. */
const renamed = new Map<string, string>();

/** `{"id":"12.3","sequence":12,"kind":…,"term":…,"at":…,"committed":true,"item":{…}}`; `at` is ledger time. */
export function committedJson(
  { kind, item }: Told,
  where: { readonly sequence: number; readonly index: number; readonly term: number; readonly at: number },
): string {
  const { sequence, index, term, at } = where;
  const id = `${sequence}.${index}`;
  return JSON.stringify({ id, sequence, kind, term, at, committed: true, item: snakeKeys(item) });
}

/** Heard, and not in the ledger: it has no id, and is not told again. */
export function hearsayJson(
  kind: string,
  item: Readonly<Record<string, unknown>>,
  where: { readonly term: number; readonly at: number },
): string {
  return JSON.stringify({ kind, ...where, committed: false, item: snakeKeys(item) });
}

export function snakeKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeKeys);
  if (typeof value !== 'object' || value === null) return value;
  const made: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value))
    made[snake(key)] = opaque.has(key) ? inner : snakeKeys(inner);
  return made;
}

function snake(key: string): string {
  const known = renamed.get(key);
  if (known !== undefined) return known;
  const made = snakeCase(key);
  renamed.set(key, made);
  return made;
}
