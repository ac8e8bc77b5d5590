/**
 * Bearer tokens: what the file of them looks like, and how one is told. The file holds digests, so reading it gives
 * nobody a token. A token is 256 random bits, which is why one round of SHA-256 is enough.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { isRecord } from '../domain/fields.ts';
import { invalidField, invalidFields, type FieldProblem } from '../domain/errors.ts';
import { isName } from '../domain/ids.ts';

/** read: look. operate: tasks, proposals, ballots. admin: elections and agents. None includes another. */
export const scopes = ['read', 'operate', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** One token, as the file holds it. Several may have one name: while one replaces another. */
export interface TokenEntry {
  /** Who uses it, in the log and as voter and proposer: 1–63 of `A-Za-z0-9_-`. */
  readonly name: string;
  /** SHA-256 of the token's text, 64 hexadecimal digits. */
  readonly sha256: string;
  readonly scopes: readonly Scope[];
}

/** Who calls. */
export type Identity = Pick<TokenEntry, 'name' | 'scopes'>;

const TOKEN_BYTES = 32;

/** A fresh token, to be shown once, and what the file keeps of it. */
export function makeToken(
  name: string,
  granted: readonly Scope[],
): { readonly token: string; readonly entry: TokenEntry } {
  const token = `conclave_${randomBytes(TOKEN_BYTES).toString('base64url')}`;
  return { token, entry: { name, sha256: digestOf(token).toString('hex'), scopes: granted } };
}

/** Reads the text of a file `{"tokens":[{"name","sha256","scopes"}]}`. Throws `INVALID` naming every bad field. */
export function tokensFrom(text: string): TokenEntry[] {
  const given = parsed(text);
  return checkTokens(isRecord(given) ? given['tokens'] : undefined);
}

/** Throws `INVALID` naming every bad field, below `tokens`. */
export function checkTokens(list: unknown): TokenEntry[] {
  if (!Array.isArray(list) || list.length === 0) {
    throw invalidField('tokens', 'must be a list with a token or more under the key `tokens`');
  }
  const problems = list.flatMap((entry: unknown, i) => problemsOf(entry, `tokens.${i}`));
  if (problems.length > 0) throw invalidFields(problems);
  return list as TokenEntry[];
}

/** Finds who has the token, or null. Takes as long whether it is known or not. */
export function identify(tokens: readonly TokenEntry[], token: string): Identity | null {
  const digest = digestOf(token);
  let found: Identity | null = null;
  for (const entry of tokens) {
    if (timingSafeEqual(digest, Buffer.from(entry.sha256, 'hex'))) found ??= entry;
  }
  return found;
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function problemsOf(entry: unknown, at: string): FieldProblem[] {
  if (!isRecord(entry)) return [{ field: at, message: 'must be an object' }];
  const { name, sha256, scopes: granted, ...others } = entry;
  const rules: readonly (readonly [boolean, string, string])[] = [
    [typeof name === 'string' && isName(name), 'name', 'must be 1–63 of A-Z a-z 0-9 _ -'],
    [typeof sha256 === 'string' && /^[0-9a-f]{64}$/i.test(sha256), 'sha256', 'must be 64 hexadecimal digits'],
    [areScopes(granted), 'scopes', `must be a list of ${scopes.join(', ')}`],
    ...Object.keys(others).map((key) => [false, key, 'is unknown'] as const),
  ];
  return rules
    .filter(([holds]) => !holds)
    .map(([, field, message]) => ({ field: `${at}.${field}`, message }));
}

function areScopes(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((each) => scopes.includes(each as Scope));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw invalidField('tokens', 'must be JSON', cause);
  }
}
