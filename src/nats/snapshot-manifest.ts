/** The last part of a snapshot to be stored, as JSON: how large the whole is, how it was cut, and its hash. */
import { createHash } from 'node:crypto';

/** Of one snapshot. */
export const snapshotBytesMax = 256 * 1024 ** 2;

export interface Manifest {
  readonly sequence: number;
  readonly bytes: number;
  /** Of each chunk but the last, which may be shorter. */
  readonly chunkBytes: number;
  /** SHA-256 of the whole, hexadecimal. */
  readonly hash: string;
}

const version = 1;
const hashForm = /^[0-9a-f]{64}$/;
/** Hashed between two turns of the loop: about ten milliseconds' worth. */
const hashedBytes = 4 * 1024 ** 2;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function chunkCount({ bytes, chunkBytes }: Manifest): number {
  return Math.ceil(bytes / chunkBytes);
}

export function encodeManifest(manifest: Manifest): Uint8Array {
  return encoder.encode(JSON.stringify({ v: version, ...manifest }));
}

/** Null for anything else than a manifest of this version, within the limits. */
export function decodeManifest(data: Uint8Array): Manifest | null {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(data));
  } catch {
    // Not JSON, so no manifest: the caller says what that means.
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { v, sequence, bytes, chunkBytes, hash } = value as Partial<Record<string, unknown>>;
  if (v !== version || !isCount(sequence) || !isCount(bytes) || !isCount(chunkBytes)) return null;
  if (bytes > snapshotBytesMax || chunkBytes === 0) return null;
  return typeof hash === 'string' && hashForm.test(hash) ? { sequence, bytes, chunkBytes, hash } : null;
}

/** SHA-256, hexadecimal; other work of the process goes on in between. */
export async function contentHash(data: Uint8Array): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < data.length; at += hashedBytes) {
    if (at > 0) await new Promise<void>((resolve) => setImmediate(resolve));
    hash.update(data.subarray(at, at + hashedBytes));
  }
  return hash.digest('hex');
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
