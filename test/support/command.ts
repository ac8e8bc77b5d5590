/**
 * The command `conclave` as its users run it: the built program in a process of its own. Everything started here is
 * ended at the end of the test that started it.
 */
import { execa } from 'execa';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { freePort } from './free-port.ts';

/** `CONCLAVE_TEST_COMMAND`: another build than the one that `make build` leaves. */
export const program =
  process.env['CONCLAVE_TEST_COMMAND'] ?? join(import.meta.dirname, '../../dist/src/cli/main.js');
if (!existsSync(program)) throw new Error(`${program} is missing: run \`make build\` before these tests`);

/** As on a machine where nothing is set. */
const env = {
  NO_COLOR: '1',
  CI: undefined,
  FORCE_COLOR: undefined,
  // Nobody's own configuration.
  XDG_CONFIG_HOME: join(import.meta.dirname, 'no-such-folder'),
  ...Object.fromEntries(
    Object.keys(process.env)
      .filter((name) => /^(NATS|CONCLAVE)_(?!TEST_|NATS_SERVER$)/.test(name))
      .map((name) => [name, undefined]),
  ),
};
const options = {
  env,
  reject: false,
  stripFinalNewline: false,
  timeout: 25_000,
  killSignal: 'SIGKILL',
} as const;

export interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What else a command sees; default: nothing set, in the folder of the tests. */
export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs it to its end. */
export async function conclave(
  words: readonly string[],
  given: Surroundings & { readonly input?: string | Uint8Array } = {},
): Promise<Ended> {
  const child = execa(process.execPath, [program, ...words], {
    ...options,
    input: given.input ?? '',
    env: { ...env, ...given.env },
    ...(given.cwd === undefined ? {} : { cwd: given.cwd }),
  });
  const { exitCode = -1, stdout, stderr } = await child;
  return { exitCode, stdout, stderr };
}

/** Runs it with --json; the answer is parsed. Throws unless the exit code is 0. */
export async function answerOf<T>(words: readonly string[]): Promise<T> {
  const { exitCode, stdout, stderr } = await conclave([...words, '--json']);
  if (exitCode !== 0) throw new Error(`conclave ${words.join(' ')} ended with ${exitCode}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

export interface Running {
  readonly pid: number;
  /** What it has printed, line by line. */
  readonly lines: readonly string[];
  /** What it has said on standard error. */
  said(): string;
  /** The first line, printed already or to come, that fits. */
  line(pattern: RegExp): Promise<string>;
  signal(signal: NodeJS.Signals): void;
  readonly ended: Promise<Ended>;
}

const running = new Set<Running>();
afterEach(async () => {
  for (const each of running) each.signal('SIGKILL');
  await Promise.all([...running].map(({ ended }) => ended));
  running.clear();
});

/** Starts it; for commands that go on until they are told to end. */
export function startConclave(words: readonly string[], given: Surroundings = {}): Running {
  const child = execa(process.execPath, [program, ...words], {
    ...options,
    timeout: 0,
    env: { ...env, ...given.env },
    ...(given.cwd === undefined ? {} : { cwd: given.cwd }),
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  let said = '';
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    for (const look of waiting) look();
  });
  child.stderr.on('data', (data: Buffer) => {
    said += data.toString();
  });
  const ended = child.then(({ exitCode = -1, stdout, stderr }) => ({ exitCode, stdout, stderr }));
  const started: Running = {
    pid: child.pid ?? 0,
    lines,
    said: () => said,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = lines.find((line) => pattern.test(line));
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
        void ended.then(({ exitCode }) => {
          reject(new Error(`it ended with ${exitCode} before it printed ${String(pattern)}: ${said}`));
        });
      }),
    signal: (signal) => void child.kill(signal),
    ended,
  };
  running.add(started);
  return started;
}

export interface UpDocument {
  readonly servers: string;
  readonly leader: string;
  readonly term: number;
  readonly agents: readonly { readonly id: string; readonly pid: number }[];
  readonly server: { readonly pid: number; readonly dir: string };
}

/** A fleet on a port that nobody else uses. Resolves when it runs. */
export async function startUp(words: readonly string[] = []): Promise<{ up: Running; document: UpDocument }> {
  const up = startConclave(['up', '--json', '--port', String(await freePort()), ...words]);
  return { up, document: JSON.parse(await up.line(/"kind":"up"/)) as UpDocument };
}

/** A fleet for all tests of a describe; the returned function gives it, inside tests only. */
export function withUp(
  words: readonly string[],
): () => { readonly up: Running; readonly document: UpDocument } {
  let fleet: { readonly up: Running; readonly document: UpDocument } | undefined;
  beforeAll(async () => {
    fleet = await startUp(words);
    running.delete(fleet.up);
  });
  afterAll(async () => {
    fleet?.up.signal('SIGTERM');
    await fleet?.up.ended;
  });
  return () => {
    if (fleet === undefined) throw new Error('withUp(): the fleet runs inside tests only');
    return fleet;
  };
}

/** False also for one that has ended and that nobody has collected. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    // No /proc on this system, or just gone.
    return !existsSync('/proc/self/stat');
  }
}
