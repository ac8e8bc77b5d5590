/**
 * `mkdir -p`, one folder at a time. Node's own, with `recursive`, never returns where a folder exists and can hold no
 * new one without saying so, as /proc does.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Throws what the file system says, `ENOTDIR` for a path that is something else. */
export function makeFolder(path: string): void {
  const missing: string[] = [];
  for (let at = resolve(path); !existsSync(at); at = dirname(at)) missing.push(at);
  for (const each of missing.reverse()) mkdirSync(each);
  if (!statSync(path).isDirectory())
    throw Object.assign(new Error(`${path} is no folder`), { code: 'ENOTDIR' });
}
