/**
 * Walks a directory tree and cuts it into hashing tasks: one per directory, several for a large one. Follows no
 * symbolic link. What it cannot list it reports, and goes on.
 */
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { unreadableCode } from './evidence.ts';
import { bytesMax, filesMax, type HashWork, type Skipped } from './work.ts';

export interface Cut {
  readonly works: readonly HashWork[];
  readonly directories: number;
  readonly files: number;
  /** Directories and files that could not be listed; their names are paths here. */
  readonly skipped: readonly Skipped[];
  readonly symbolicLinks: number;
}

/** Leaves out the folders in `except` (real paths). Throws when `root` is no directory. */
export async function cutIntoTasks(
  root: string,
  { except }: { readonly except: readonly string[] },
): Promise<Cut> {
  const top = await realpath(root);
  if (!(await stat(top)).isDirectory()) throw new Error(`${root} is not a directory`);
  const works: HashWork[] = [];
  const skipped: Skipped[] = [];
  const counts = { directories: 0, files: 0, symbolicLinks: 0 };
  const waiting = [top];
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    const listed = await list(directory, skipped);
    if (listed === null) continue;
    counts.directories += 1;
    counts.files += listed.files.length;
    counts.symbolicLinks += listed.symbolicLinks;
    works.push(...partsOf(directory, listed.files));
    const folders = listed.folders
      .map((name) => join(directory, name))
      .filter((path) => !except.includes(path));
    waiting.push(...folders.reverse());
  }
  return { works, skipped, ...counts };
}

interface Sized {
  readonly name: string;
  readonly bytes: number;
}

interface Listed {
  readonly files: readonly Sized[];
  readonly folders: readonly string[];
  readonly symbolicLinks: number;
}

async function list(directory: string, skipped: Skipped[]): Promise<Listed | null> {
  const entries = await orSkip(directory, skipped, () => readdir(directory, { withFileTypes: true }));
  if (entries === null) return null;
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const sized = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async ({ name }): Promise<Sized | null> => {
        const stats = await orSkip(join(directory, name), skipped, () => lstat(join(directory, name)));
        return stats === null ? null : { name, bytes: stats.size };
      }),
  );
  return {
    files: sized.filter((file) => file !== null),
    folders: entries.filter((entry) => entry.isDirectory()).map(({ name }) => name),
    symbolicLinks: entries.filter((entry) => entry.isSymbolicLink()).length,
  };
}

async function orSkip<T>(path: string, skipped: Skipped[], look: () => Promise<T>): Promise<T | null> {
  try {
    return await look();
  } catch (error) {
    const why = unreadableCode(error);
    if (why === null) throw error;
    skipped.push({ name: path, why });
    return null;
  }
}

function partsOf(directory: string, files: readonly Sized[]): HashWork[] {
  const parts: HashWork[] = [];
  let names: string[] = [];
  let bytes = 0;
  for (const file of files) {
    if (names.length > 0 && (names.length >= filesMax || bytes + file.bytes > bytesMax)) {
      parts.push({ directory, names });
      names = [];
      bytes = 0;
    }
    names.push(file.name);
    bytes += file.bytes;
  }
  if (names.length > 0) parts.push({ directory, names });
  return parts;
}
