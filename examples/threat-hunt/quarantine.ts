/**
 * Moves an approved file into the quarantine of the scratch folder.
 *
 * I1: nothing outside the scratch folder is ever moved, whatever the task says.
 * I2: what is moved has the bytes that were voted on.
 * I3: running it twice, as a retry may, ends as running it once.
 */
import { mkdir, realpath, rename, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { DoNotRetry } from 'conclave';
import { sha256Of } from './evidence.ts';
import type { Finding, QuarantineResult } from './work.ts';

/** Throws `DoNotRetry` for a path that is outside, or a file that has changed since. */
export async function quarantine(
  finding: Pick<Finding, 'path' | 'sha256'>,
  scratch: string,
): Promise<QuarantineResult> {
  const target = join(scratch, 'quarantine', `${finding.sha256.slice(0, 16)}-${basename(finding.path)}`);
  const path = await realpath(finding.path).catch(() => null);
  if (path === null) {
    if (await exists(target)) return { movedTo: target };
    throw new DoNotRetry(`${finding.path} is not there any more`);
  }
  if (!isInside(path, scratch)) throw new DoNotRetry(`${path} is outside the scratch folder: not touched`);
  const { sha256 } = await sha256Of(path);
  if (sha256 !== finding.sha256) throw new DoNotRetry(`${path} has changed since it was voted on`);
  await mkdir(join(scratch, 'quarantine'), { recursive: true });
  await rename(path, target);
  return { movedTo: target };
}

/** Both are real paths. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
