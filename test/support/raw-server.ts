/** A nats-server with a configuration of the test's own: no JetStream, users, permissions. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { findNatsServer } from '../../src/nats/server-binary.ts';
import { binary } from './nats-server.ts';

export interface RawServer {
  readonly pid: number;
  readonly port: number;
  readonly url: string;
  /** Of its leaf nodes, if it has any; 0 if not. */
  readonly leafPort: number;
  /** Lines of its log about what it refused. */
  readonly complaints: readonly string[];
  /** Puts another configuration in place while it runs. */
  reload(config: string): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

/**
 * `$FOLDER` in a configuration is the server's own folder. `env`: what it takes from its environment. `program`: a nats-server
 * of any version.
 */
export async function startRawServer(
  config: string,
  env: Readonly<Record<string, string>> = {},
  program?: string,
): Promise<RawServer> {
  const folder = mkdtempSync(join(tmpdir(), 'conclave-raw-'));
  const file = join(folder, 'server.conf');
  const write = (text: string): void =>
    writeFileSync(file, `listen: "127.0.0.1:-1"\n${text.replaceAll('$FOLDER', folder)}\n`);
  write(config);
  const path = program ?? (await findNatsServer({ binary })).path;
  const child = spawn(path, ['-c', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  const said = new Set<(line: string) => void>();
  const complaints: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.includes('Violation')) complaints.push(line);
    for (const hear of said) hear(line);
  });
  const line = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve) => {
      const hear = (text: string): void => {
        const match = pattern.exec(text);
        if (match === null) return;
        said.delete(hear);
        resolve(match);
      };
      said.add(hear);
    });
  const ready = line(/Server is ready/);
  let leafPort = 0;
  void line(/Listening for leafnode connections on \S+:(\d+)/).then((match) => (leafPort = Number(match[1])));
  const port = Number((await line(/Listening for client connections on \S+:(\d+)/))[1]);
  await ready;
  return {
    pid: child.pid ?? 0,
    port,
    url: `nats://127.0.0.1:${port}`,
    leafPort,
    complaints,
    async reload(text) {
      write(text);
      const reloaded = line(/Reloaded server configuration/);
      child.kill('SIGHUP');
      await reloaded;
    },
    signal: (signal) => void child.kill(signal),
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
