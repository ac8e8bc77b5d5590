/** Ledger entries as bytes, and the chain of hashes that makes a lost or foreign tail visible (DESIGN §3, rule 6). */
import { createHash } from 'node:crypto';
import type { Entry } from '../domain/events.ts';
import { decodeTrusted, encode } from './codec.ts';

export function encodeEntry(entry: Entry): Uint8Array {
  return encode(entry, 'msgpack');
}

/** Null when the bytes are not an entry of a version that is known here. */
export function decodeEntry(data: Uint8Array): Entry | null {
  try {
    const value = decodeTrusted(data);
    return isEntry(value) ? value : null;
  } catch {
    return null;
  }
}

/** SHA-256 of the entry's bytes, hex. */
export function hashOf(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null) return false;
  const { v, genesis, term, leader, incarnation, at, previous, events } = value as Record<
    keyof Entry,
    unknown
  >;
  return (
    v === 1 &&
    typeof genesis === 'string' &&
    Number.isSafeInteger(term) &&
    typeof leader === 'string' &&
    typeof incarnation === 'string' &&
    typeof at === 'number' &&
    typeof previous === 'string' &&
    Array.isArray(events)
  );
}
