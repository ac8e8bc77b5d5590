/** Checks the hashes that agents reported: some are computed again here, and all can be written for `sha256sum -c`. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { once } from 'node:events';
import type { HashedFile } from './work.ts';

export interface SecondLook {
  readonly checked: number;
  /** Paths whose bytes hash to something else, though they have not changed. */
  readonly wrong: readonly string[];
}

/** Hashes a random sample in one go, with none of the agents' code. Leaves out what changed or vanished since. */
export async function lookAgain(
  hashed: ReadonlyMap<string, HashedFile>,
  { count, since }: { readonly count: number; readonly since: Date },
): Promise<SecondLook> {
  const wrong: string[] = [];
  let checked = 0;
  for (const [path, { sha256 }] of sampleOf([...hashed], count)) {
    const stats = await stat(path).catch(() => null);
    if (stats === null || stats.ctime >= since) continue;
    const again = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    checked += 1;
    if (again !== sha256) wrong.push(path);
  }
  return { checked, wrong };
}

/** In the format of `sha256sum`, which can check it. */
export async function writeHashes(file: string, hashed: ReadonlyMap<string, HashedFile>): Promise<void> {
  const out = createWriteStream(file);
  for (const [path, { sha256 }] of hashed) {
    const escaped = path.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
    const mark = escaped === path ? '' : '\\';
    if (!out.write(`${mark}${sha256}  ${escaped}\n`)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'close');
}

/** `count` of them, each as likely as the other; all when there are fewer. */
function sampleOf<T>(items: T[], count: number): T[] {
  const taken = Math.min(count, items.length);
  for (let i = 0; i < taken; i += 1) {
    const other = i + Math.floor(Math.random() * (items.length - i));
    [items[i], items[other]] = [items[other] as T, items[i] as T];
  }
  return items.slice(0, taken);
}
