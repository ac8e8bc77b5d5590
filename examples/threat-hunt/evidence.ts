/**
 * Looks at one file, in constant memory: its SHA-256, and whether it holds the EICAR test string. It judges
 * nothing. Opens regular files only: no symbolic link is followed, no pipe is waited for. Everything here throws
 * the system's error (with a `code`) for a file that cannot be read, and the signal's reason when aborted.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

export interface Sum {
  /** Lower-case hex. */
  readonly sha256: string;
  readonly bytes: number;
}

const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const chunkBytes = 256 * 1024;

/** In halves, so that this source is not itself taken for the test file. */
const eicarHalves = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD', '-ANTIVIRUS-TEST-FILE!$H+H*'];

/** The industry's harmless test string (eicar.org): every scanner agrees to call it malware. */
export function eicarString(): string {
  return eicarHalves.join('');
}

export async function sha256Of(path: string, signal?: AbortSignal): Promise<Sum> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of chunksOf(path, signal)) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { sha256: hash.digest('hex'), bytes };
}

export async function holdsEicar(path: string, signal?: AbortSignal): Promise<boolean> {
  const search = eicarSearch();
  for await (const chunk of chunksOf(path, signal)) {
    search.feed(chunk);
    if (search.isFound()) return true;
  }
  return false;
}

/** The system's code of a file that cannot be looked at; null: not the file's fault. */
export function unreadableCode(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null;
  // Too many open files says nothing about this one.
  return ['EMFILE', 'ENFILE', 'ABORT_ERR'].includes(error.code) ? null : error.code;
}

/** A chunk is valid until the next one is asked for. */
async function* chunksOf(path: string, signal?: AbortSignal): AsyncGenerator<Buffer> {
  signal?.throwIfAborted();
  const file = await open(path, flags);
  try {
    yield* regularChunks(file, path, signal);
  } finally {
    await file.close();
  }
}

async function* regularChunks(file: FileHandle, path: string, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const stats = await file.stat();
  if (!stats.isFile())
    throw Object.assign(new Error(`${path} is not a regular file`), { code: 'NOT_A_FILE' });
  const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, stats.size + 1));
  for (;;) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, buffer.length);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

interface Search {
  feed(chunk: Buffer): void;
  isFound(): boolean;
}

/** Also finds the string where it spans two chunks. */
function eicarSearch(): Search {
  const needle = Buffer.from(eicarString(), 'latin1');
  const kept = needle.length - 1;
  let tail = Buffer.alloc(0);
  let found = false;
  return {
    feed(chunk) {
      if (found) return;
      const seam = Buffer.concat([tail, chunk.subarray(0, kept)]);
      found = seam.includes(needle) || chunk.includes(needle);
      tail = Buffer.concat([tail, chunk.subarray(-kept)]).subarray(-kept);
    },
    isFound: () => found,
  };
}
