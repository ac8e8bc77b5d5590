import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { connect } from 'nats';
import { afterEach, describe, expect, it } from 'vitest';
import {
  startPrivateServer,
  type PrivateServer,
  type PrivateServerOptions,
} from '../../src/nats/private-server.ts';
import { findNatsServer } from '../../src/nats/server-binary.ts';
import { binary } from '../support/nats-server.ts';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(options: PrivateServerOptions = {}): Promise<PrivateServer> {
  const server = await startPrivateServer({ binary, ...options });
  cleanups.push(() => server.stop());
  return server;
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'conclave-test-'));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

describe('a private server', () => {
  it('accepts clients as soon as it has started, says its version, and has JetStream', async () => {
    const server = await start();
    const connection = await connect({ servers: server.url });
    expect(connection.info?.version).toBe(server.version);
    expect(server.version).toBe((await findNatsServer({ binary })).version);
    expect((await (await connection.jetstreamManager()).getAccountInfo()).streams).toBe(0);
    await connection.close();
  });

  it('writes to disk before it acknowledges, unless it is told otherwise', async () => {
    const configOf = ({ storeDir }: { readonly storeDir: string }): string =>
      readFileSync(join(storeDir, 'nats-server.conf'), 'utf8');
    const always = await start();
    expect(always.fsync).toBe('always');
    expect(configOf(always)).toMatch(/^ *sync_interval: always$/m);
    const lazy = await start({ syncAlways: false });
    expect(lazy.fsync).toBe('lazy');
    expect(configOf(lazy)).not.toContain('sync_interval');
  });

  it('takes its temporary folder with it, and stopping twice is fine', async () => {
    const server = await start();
    expect(existsSync(join(server.storeDir, 'jetstream'))).toBe(true);
    await server.stop();
    await server.stop();
    expect(existsSync(server.storeDir)).toBe(false);
    await expect(connect({ servers: server.url, reconnect: false })).rejects.toThrow('CONNECTION_REFUSED');
  });

  it('leaves a folder that was given to it, and a later server continues there', async () => {
    const storeDir = folder();
    const first = await start({ storeDir });
    await append(first, 'one');
    await first.stop();
    const second = await start({ storeDir });
    expect(await append(second, 'two')).toBe(2);
  });

  it('killed without warning and restarted, keeps port and store and gets a new process', async () => {
    const server = await start();
    const { pid, url } = server;
    await append(server, 'one');
    await server.kill('SIGKILL');
    await server.restart();
    expect(server.url).toBe(url);
    expect(server.pid).not.toBe(pid);
    expect(await append(server, 'two')).toBe(2);
  });

  it('frozen, can still be stopped', async () => {
    const server = await start();
    await server.kill('SIGSTOP');
    await server.stop();
    expect(existsSync(server.storeDir)).toBe(false);
  });

  it('refuses a folder that another server serves', async () => {
    const storeDir = folder();
    const server = await start({ storeDir });
    await expect(start({ storeDir })).rejects.toThrow(`process ${server.pid}) already serves`);
  });

  it('that cannot start says why, with the end of its log', async () => {
    const { port } = await start();
    const failure = await start({ port }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code: 'NATS_SERVER_FAILED' });
    expect(String(failure)).toContain('address already in use');
  });

  it('that is not there says what to do', async () => {
    const failure = await startPrivateServer({ binary: '/nowhere/nats-server' }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code: 'NATS_SERVER_MISSING' });
    expect(String(failure)).toContain('make setup');
  });

  it('ends with its parent, and so does its folder, also when the parent is killed outright', async () => {
    const module = join(import.meta.dirname, '../../src/nats/private-server.ts');
    const script = `import { startPrivateServer } from ${JSON.stringify(module)};
      const { url, pid, storeDir } = await startPrivateServer(${JSON.stringify({ binary })});
      console.log(JSON.stringify({ url, pid, storeDir }));
      setInterval(() => {}, 60_000);`;
    const tsx = join(import.meta.dirname, '../../node_modules/tsx/dist/loader.mjs');
    const parent = spawn(process.execPath, ['--import', tsx, '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    cleanups.push(() => void parent.kill('SIGKILL'));
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    const { url, storeDir } = JSON.parse(line) as { url: string; storeDir: string };
    const connection = await connect({ servers: url, reconnect: false });
    parent.kill('SIGKILL');
    // The server's end is what closes the connection.
    await connection.closed();
    await untilGone(storeDir);
  });
});

/** Appends to a stream, made on first use; gives the sequence that the broker acknowledged. */
async function append(server: PrivateServer, text: string): Promise<number> {
  const connection = await connect({ servers: server.url });
  try {
    const manager = await connection.jetstreamManager();
    await manager.streams.add({ name: 'KEPT', subjects: ['kept'] });
    return (await connection.jetstream().publish('kept', new TextEncoder().encode(text))).seq;
  } finally {
    await connection.close();
  }
}

/** `rm -rf` of the watchdog runs after the connection broke; asks the shell rather than the clock. */
async function untilGone(path: string): Promise<void> {
  await promisify(execFile)('/bin/sh', ['-c', 'while [ -e "$0" ]; do sleep 0.02; done', path], {
    timeout: 10_000,
  });
}
