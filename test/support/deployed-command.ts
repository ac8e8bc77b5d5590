/**
 * A command line as a deployment file has it, given to the command itself with the files that the deployment mounts. Where
 * NATS should be nobody listens: a command that got as far as to say so has understood every word and read every file.
 */
import { makeToken } from '../../src/http/tokens.ts';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { conclave, type Ended } from './command.ts';
import { freePort } from './free-port.ts';

export interface DeployedCommand {
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Path in the deployment → path here. */
  readonly files: Readonly<Record<string, string>>;
}

export async function runWithoutNats({ words, env, files }: DeployedCommand): Promise<Ended> {
  // A container has its ports to itself; here another test may have this one.
  const port = String(await freePort());
  const here = words.map((word) =>
    Object.entries(files)
      .reduce((text, [path, real]) => text.replaceAll(path, real), word)
      .replace(/\b8201$/, port),
  );
  return conclave(here, { env: { ...env, NATS_URL: `nats://127.0.0.1:${await freePort()}` } });
}

export interface Scratch {
  file(name: string, content: string): string;
  tokens(): string;
  remove(): void;
}

/** For the files that a user makes: secrets, handlers out of a ConfigMap. */
export function newScratch(): Scratch {
  const folder = mkdtempSync(join(tmpdir(), 'conclave-deployed-'));
  const file: Scratch['file'] = (name, content) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  return {
    file,
    tokens: () => file('tokens.json', JSON.stringify({ tokens: [makeToken('test', ['read']).entry] })),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
