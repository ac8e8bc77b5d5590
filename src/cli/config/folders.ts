/** Where a user's files are: the configuration, the XDG folder for it, and `~`. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { variable } from '../environment.ts';

/** Of a program: `$XDG_CONFIG_HOME/<program>`, or `~/.config/<program>`. */
export function configFolder(program: string): string {
  return join(variable('XDG_CONFIG_HOME') ?? join(homedir(), '.config'), program);
}

const names = ['conclave.yaml', 'conclave.yml', 'conclave.json'];

/** The first configuration that is there: in the working folder, then in the user's; null if none is. */
export function findConfigFile(): string | null {
  const here = names.map((name) => resolve(name));
  const own = names.map((name) => join(configFolder('conclave'), name));
  return [...here, ...own].find((file) => existsSync(file)) ?? null;
}

/** With the home folder for `~`. */
export function expanded(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}
