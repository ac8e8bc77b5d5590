/**
 * A nats-server with JetStream for one machine: started from here, on 127.0.0.1 only, with its own
 * folder, and gone when this process is gone, however this process ends.
 *
 * It owns the server's process, configuration and (if it made it) folder. It does not speak NATS beyond
 * the greeting that says that the server is ready. Not for clusters.
 *
 * Two servers never serve one folder: JetStream does not lock it, and they would overwrite the ledger. When `start`
 * and `restart` resolve, clients can connect and JetStream has recovered its streams.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Logger } from 'pino';
import type { FsyncPolicy } from '../domain/durability.ts';
import { ConclaveError } from '../domain/errors.ts';
import { makeFolder } from './make-folder.ts';
import { findNatsServer } from './server-binary.ts';
import { wantedVersion } from './server-version.ts';

const host = '127.0.0.1';
const logLinesKept = 40;
const stopPatienceMs = 5_000;

export interface PrivateServerOptions {
  /** The nats-server to run; the caller passes `CONCLAVE_NATS_SERVER` here. Default: searched for. */
  readonly binary?: string | undefined;
  /** Default: a free one, chosen by the server and kept over restarts. */
  readonly port?: number | undefined;
  /** Kept at stop. Default: a fresh temporary folder, removed at stop and when this process ends. */
  readonly storeDir?: string | undefined;
  /** True (default): fsync before every acknowledgement. False is faster and may lose acknowledged entries. */
  readonly syncAlways?: boolean | undefined;
  /** What JetStream may keep on disk. Default 16 GiB; reserved by nobody. */
  readonly fileStoreBytesMax?: number | undefined;
  /** How long a start may take, recovery of the store included. Default 30 s. */
  readonly startTimeoutMs?: number | undefined;
  /** Gets a line per start and stop, and the warning about an old server. */
  readonly log?: Pick<Logger, 'info' | 'warn'> | undefined;
}

export interface PrivateServer {
  readonly url: string;
  readonly port: number;
  readonly storeDir: string;
  /** Of the running server, or of the last one that ran; changes at `restart`. */
  readonly pid: number;
  readonly version: string;
  /** How it writes to disk: as it was told to. */
  readonly fsync: FsyncPolicy;
  /** Ends the server and removes its folder if it was a temporary one. Repeating it does nothing. */
  stop(): Promise<void>;
  /** Sends a signal; unless it is SIGSTOP or SIGCONT, resolves when the process has ended. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port and folder, ending it first if it still runs. */
  restart(): Promise<void>;
}

/**
 * Starts a server and resolves when it is ready. Throws `NATS_SERVER_MISSING`, or `NATS_SERVER_FAILED`
 * with the end of the server's log when it does not come up or something else already serves `storeDir`.
 */
export async function startPrivateServer(options: PrivateServerOptions = {}): Promise<PrivateServer> {
  const binary = await findNatsServer({ binary: options.binary });
  if (!binary.isDurable) {
    const { path, version } = binary;
    options.log?.warn(
      { path, version },
      `this nats-server may lose acknowledged entries: use ${wantedVersion} or newer`,
    );
  }
  const isTemporary = options.storeDir === undefined;
  const storeDir = resolve(options.storeDir ?? mkdtempSync(join(tmpdir(), 'conclave-nats-')));
  const removeStore = (): void => {
    if (isTemporary) rmSync(storeDir, { recursive: true, force: true });
  };
  const start = async (port: number): Promise<RunningServer> => {
    const running = await run({ ...options, binary: binary.path, port, storeDir, isTemporary });
    options.log?.info(
      { pid: running.pid, port: running.port, version: running.version, storeDir },
      'nats-server started',
    );
    return running;
  };

  // -1 lets the server choose a free port, which nobody can take in between.
  let running = await start(options.port ?? -1).catch((error: unknown) => {
    removeStore();
    throw error;
  });
  // The watchdog ends the server too, but only after this process; this way it is gone before.
  const endWithProcess = (): void => {
    running.child.kill('SIGKILL');
    removeStore();
  };
  process.once('exit', endWithProcess);
  const { port, version } = running;

  return {
    url: `nats://${host}:${port}`,
    port,
    storeDir,
    version,
    fsync: options.syncAlways === false ? 'lazy' : 'always',
    get pid() {
      return running.pid;
    },
    async stop() {
      await end(running.child);
      process.off('exit', endWithProcess);
      removeStore();
      options.log?.info({ pid: running.pid, port }, 'nats-server stopped');
    },
    async kill(signal) {
      if (hasEnded(running.child)) return;
      const exit = once(running.child, 'exit');
      running.child.kill(signal);
      if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await exit;
    },
    async restart() {
      await end(running.child);
      running = await start(port);
    },
  };
}

interface RunningServer {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly port: number;
  readonly version: string;
}

interface RunOptions extends PrivateServerOptions {
  readonly binary: string;
  readonly port: number;
  readonly storeDir: string;
  readonly isTemporary: boolean;
}

async function run(options: RunOptions): Promise<RunningServer> {
  makeFolder(options.storeDir);
  const pidFile = join(options.storeDir, 'nats-server.pid');
  const configFile = join(options.storeDir, 'nats-server.conf');
  refuseSecondServer({ storeDir: options.storeDir, pidFile, configFile });
  writeFileSync(configFile, configOf(options, pidFile));

  // Its own process group: Ctrl-C in a terminal then reaches only us, and agents can leave before it goes.
  const child = spawn(options.binary, ['-c', configFile], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  const lines: string[] = [];
  try {
    endWithUs(child, options.isTemporary ? options.storeDir : '');
    const port = await untilReady(child, lines, options.startTimeoutMs ?? 30_000);
    const greeting = await greetingOf(port);
    if (!greeting.jetstream) throw new Error('JetStream is not enabled');
    return { child, pid: child.pid ?? 0, port, version: greeting.version };
  } catch (error) {
    await end(child);
    const reason = error instanceof Error ? error.message : String(error);
    throw failed(
      `nats-server did not start: ${reason}. Its last words:\n${lines.join('\n') || '(none)'}`,
      error,
    );
  }
}

function configOf(options: RunOptions, pidFile: string): string {
  const lines = [
    '# Written by Conclave at every start; changes here are lost.',
    `listen: ${JSON.stringify(`${host}:${options.port}`)}`,
    `pid_file: ${JSON.stringify(pidFile)}`,
    'jetstream {',
    `  store_dir: ${JSON.stringify(options.storeDir)}`,
    '  max_memory_store: 64MB',
    `  max_file_store: ${options.fileStoreBytesMax ?? 16 * 1024 ** 3}`,
    ...(options.syncAlways === false ? [] : ['  sync_interval: always']),
    '}',
  ];
  return `${lines.join('\n')}\n`;
}

/** Keeps a second server out of the folder. A recorded process that is gone, or is something else by now, does not count. */
function refuseSecondServer(paths: { storeDir: string; pidFile: string; configFile: string }): void {
  const pid = Number(textOf(paths.pidFile) ?? '');
  if (!(pid > 0) || !isAlive(pid)) return;
  // Where /proc exists it tells a server on this folder from a stranger that got its number.
  const command = textOf(`/proc/${pid}/cmdline`);
  if (command !== undefined && !command.includes(paths.configFile)) return;
  throw failed(
    `A nats-server (process ${pid}) already serves ${paths.storeDir}. Stop it, or use another folder.`,
  );
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // Absence is the answer.
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Resolves with the port once the server says that it is ready. Reads its log for as long as it runs (a
 * full pipe would block it) and keeps the last lines in `lines`.
 */
function untilReady(child: ChildProcess, lines: string[], timeoutMs: number): Promise<number> {
  return new Promise((ready, fail) => {
    const timer = setTimeout(() => {
      fail(new Error(`not ready within ${timeoutMs} ms`));
    }, timeoutMs);
    const settle = (done: () => void): void => {
      clearTimeout(timer);
      done();
    };
    let port = 0;
    child.once('error', (error) => {
      settle(() => fail(error));
    });
    child.once('exit', (code, signal) => {
      settle(() => fail(new Error(`it ended with ${signal ?? `code ${String(code)}`}`)));
    });
    if (child.stderr === null) return;
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (lines.push(line) > logLinesKept) lines.shift();
      port = Number(/Listening for client connections on \S+:(\d+)/.exec(line)?.[1] ?? port);
      if (line.endsWith('Server is ready') && port > 0) settle(() => ready(port));
    });
  });
}

/** The INFO line with which a server greets every connection. */
async function greetingOf(port: number): Promise<{ version: string; jetstream: boolean }> {
  const socket = connect({ host, port });
  socket.setTimeout(stopPatienceMs, () => socket.destroy(new Error('no greeting from the server')));
  try {
    for await (const line of createInterface({ input: socket })) {
      const info = JSON.parse(line.replace(/^INFO /, '')) as { version: string; jetstream?: boolean };
      return { version: info.version, jetstream: info.jetstream === true };
    }
    throw new Error('no greeting from the server');
  } finally {
    socket.destroy();
  }
}

/**
 * A process that cannot run code when it is killed leaves this behind: a shell that waits for the end of
 * its input, which comes when we are gone, then ends the server and removes the temporary folder.
 */
function endWithUs(child: ChildProcess, folderToRemove: string): void {
  if (child.pid === undefined) return;
  const script = 'read -r _; kill -9 "$1"; [ -n "$2" ] && rm -rf "$2"';
  const args = ['-c', script, 'conclave-watchdog', String(child.pid), folderToRemove];
  const watchdog = spawn('/bin/sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  watchdog.unref();
  // Without a shell we lose only this precaution.
  watchdog.on('error', () => undefined);
  child.once('exit', () => watchdog.kill('SIGKILL'));
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** Ends a server in an orderly way, also a stopped one, or by force when that takes too long. */
async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  child.kill('SIGCONT');
  const force = setTimeout(() => child.kill('SIGKILL'), stopPatienceMs);
  await exit;
  clearTimeout(force);
}

function failed(message: string, cause?: unknown): ConclaveError {
  return new ConclaveError('NATS_SERVER_FAILED', message, { cause });
}
