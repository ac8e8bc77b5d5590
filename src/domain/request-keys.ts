/**
 * How a repeat of a request is told from a new one: by the key that its caller gave it. A key of one call's own
 * repeats lives for `requestWindowMs`, an idempotency key for `idempotencyWindowMs`; each kind has a store of its own.
 */
import { refused, type DecisionContext, type Refusal } from './decision.ts';
import type { RequestKey } from './events.ts';
import type { Remembered } from './state.ts';

/** A key with the digest of the body that it stands for. */
export type NamedRequest = Omit<RequestKey, 'expiresAt'>;

/** What became of the same request before; undefined: it is new. Refused when the key named another body. */
export function repeatOf(
  { state }: DecisionContext,
  { key, digest, isIdempotency }: NamedRequest,
): Remembered | Refusal | undefined {
  const known = (isIdempotency === true ? state.keys : state.requests).get(key);
  if (known === undefined || known.digest === digest) return known;
  const what = isIdempotency === true ? `idempotency key ${key}` : `request ${key}`;
  return refused('CONFLICT', `${what} was used before with another body`);
}

/** The key as it is remembered from now on. */
export function rememberedKey({ at, settings }: DecisionContext, request: NamedRequest): RequestKey {
  const windowMs = request.isIdempotency === true ? settings.idempotencyWindowMs : settings.requestWindowMs;
  const { key, digest } = request;
  const expiresAt = at + windowMs;
  return { key, digest, expiresAt, ...(request.isIdempotency === true ? { isIdempotency: true } : {}) };
}

/**
 * Why this key, and those of `keyedTasks` tasks, cannot be remembered now; null: they can. Keys are never evicted
 * before their time.
 */
export function keyLimitOf(
  { state, settings }: DecisionContext,
  { isIdempotency }: NamedRequest,
  keyedTasks = 0,
): string | null {
  const { requestKeysMax } = settings;
  const requests = state.requests.size + (isIdempotency === true ? 0 : 1);
  const keys = state.keys.size + keyedTasks + (isIdempotency === true ? 1 : 0);
  const isOver = Math.max(requests, keys) > requestKeysMax;
  return isOver ? `the fleet remembers ${requestKeysMax} request keys` : null;
}
