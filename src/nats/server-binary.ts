/**
 * Finds a nats-server on this machine: the same places, in the same order, as
 * infra/scripts/setup-nats-server.sh. It installs nothing.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ConclaveError } from '../domain/errors.ts';
import { isAtLeast, oldestVersion, wantedVersion } from './server-version.ts';

export interface NatsServerBinary {
  /** A path or, when it was found through `PATH`, the bare name: either can be spawned. */
  readonly path: string;
  /** `major.minor.patch`, at least 2.10.0. */
  readonly version: string;
  /** False for versions before 2.14.6, on which an acknowledged entry may be lost. Warn about it. */
  readonly isDurable: boolean;
}

/**
 * The first server of at least 2.14.6, else the first of at least 2.10. With `binary` (where a caller
 * that reads the environment passes `CONCLAVE_NATS_SERVER`) only that one is looked at.
 * Throws `NATS_SERVER_MISSING`, saying what to do.
 */
export async function findNatsServer(
  options: { binary?: string | undefined } = {},
): Promise<NatsServerBinary> {
  const candidates = options.binary
    ? [options.binary]
    : ['nats-server', '/usr/sbin/nats-server', join(packageRoot(), '.local', 'bin', 'nats-server')];
  let older: NatsServerBinary | undefined;
  for (const path of candidates) {
    const version = await versionOf(path);
    if (version === undefined || !isAtLeast({ version, floor: oldestVersion })) continue;
    if (isAtLeast({ version, floor: wantedVersion })) return { path, version, isDurable: true };
    older ??= { path, version, isDurable: false };
  }
  if (older !== undefined) return older;
  throw new ConclaveError(
    'NATS_SERVER_MISSING',
    `No nats-server >= ${oldestVersion} found (looked at ${candidates.join(', ')}). Run \`make setup\` in Conclave's ` +
      'repository, or install nats-server so that it is in PATH, or set CONCLAVE_NATS_SERVER to its path.',
  );
}

/** `major.minor.patch` of a binary that runs and says so; undefined for anything else. */
async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 10_000 });
    return /^nats-server: v(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  } catch {
    // Not there, not executable, or not a nats-server: all the same to a search.
    return undefined;
  }
}

/** The folder of Conclave's package.json, whether this file runs from src/ or from dist/. */
function packageRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}
