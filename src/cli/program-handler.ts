/**
 * Handlers that are programs: one process per attempt, payload in, result out. The program and whatever it starts
 * are one process group, which is ended as a whole.
 */
import { execa, parseCommandString } from 'execa';
import { accessSync, constants, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { invalidField } from '../domain/errors.ts';
import { DoNotRetry, type Handler, type HandlerContext, type RunningTask } from '../runtime/attempts.ts';
import type { Log } from '../runtime/log.ts';
import type { HandlerSet } from './handler-module.ts';
import { codeOf } from './values.ts';

/** sysexits.h, EX_DATAERR: the input is wrong, and will be wrong next time. */
const EXIT_DO_NOT_RETRY = 65;
const KILL_AFTER_MS = 5_000;
/** Far more than a result may have: the agent says then by how much it is too large. */
const OUTPUT_CHARS_MAX = 4_194_304;
const STDERR_LINES = 10;
/** `progress 0.4 half of the hosts` */
const PROGRESS_LINE = /^progress ([01]|[01]?\.\d+)(?: +(\S.*))?$/;

/** Throws bad input when a program is named by a path that is none. */
export function handlersOfPrograms(programs: Readonly<Record<string, string>>, log: Log): HandlerSet {
  const handlers = Object.entries(programs).map(
    ([type, line]) => [type, handlerOf(type, line, log)] as const,
  );
  return { tasks: Object.fromEntries(handlers) };
}

function handlerOf(type: string, line: string, log: Log): Handler {
  const [program, ...words] = parseCommandString(line);
  if (program === undefined) throw invalidField('run', `must name a program for ${type}`);
  if (program.includes('/')) checkProgram(program);
  return (task, { signal, progress }) => run({ program, words, task, signal, progress, log });
}

function checkProgram(program: string): void {
  try {
    accessSync(program, constants.X_OK);
  } catch (error) {
    const what = codeOf(error) === 'ENOENT' ? 'is not there' : 'is not executable';
    throw invalidField('run', `must name a program that can be run; ${program} ${what}`, error);
  }
  if (!statSync(program).isFile())
    throw invalidField('run', `must name a program that can be run; ${program} is a folder`);
}

interface Run {
  readonly program: string;
  readonly words: readonly string[];
  readonly task: RunningTask;
  readonly signal: AbortSignal;
  readonly progress: HandlerContext['progress'];
  readonly log: Log;
}

async function run({ program, words, task, signal, progress, log }: Run): Promise<unknown> {
  signal.throwIfAborted();
  const child = execa(program, words, {
    input: JSON.stringify(task.payload ?? null),
    env: environmentOf(task),
    // A process group of its own, so that its children can be ended with it.
    detached: true,
    reject: false,
    buffer: { stdout: true, stderr: false },
    maxBuffer: { stdout: OUTPUT_CHARS_MAX },
  });
  const lastWords = linesOf(child.stderr, (line) => {
    log.debug({ task: task.id, line }, 'program');
    return isProgress(line, progress);
  });
  const release = endGroupOn(signal, child.pid);
  try {
    const result = await child;
    signal.throwIfAborted();
    if (result.isMaxBuffer) throw new DoNotRetry(`${program} wrote more than ${OUTPUT_CHARS_MAX} characters`);
    if (result.exitCode === 0) return parsed(result.stdout);
    const why = lastWords.length === 0 ? '' : `: ${lastWords.join('\n')}`;
    if (result.exitCode === EXIT_DO_NOT_RETRY) throw new DoNotRetry(`${program} refuses the task${why}`);
    if (result.exitCode !== undefined)
      throw new Error(`${program} ended with exit code ${result.exitCode}${why}`);
    if (result.signal !== undefined) throw new Error(`${program} was ended by ${result.signal}${why}`);
    throw new DoNotRetry(`${program} cannot be started (${result.code ?? 'no reason given'})`);
  } finally {
    release();
  }
}

function environmentOf(task: RunningTask): Record<string, string> {
  return {
    CONCLAVE_TASK_ID: task.id,
    CONCLAVE_TASK_TYPE: task.type,
    CONCLAVE_ATTEMPT: String(task.attempt),
    CONCLAVE_FENCING_TOKEN: String(task.fencingToken),
  };
}

function parsed(output: string): unknown {
  if (output.trim() === '') return null;
  try {
    return JSON.parse(output) as unknown;
  } catch {
    // A program that prints text is fine.
    return { output };
  }
}

/** Reports the progress that a line tells of, if it does. */
function isProgress(line: string, progress: HandlerContext['progress']): boolean {
  const [, share, note] = PROGRESS_LINE.exec(line) ?? [];
  if (share === undefined) return false;
  progress(Number(share), note);
  return true;
}

/** The last lines, as they come, without those that were meant for us. */
function linesOf(stream: Readable, isTaken: (line: string) => boolean): string[] {
  const lines: string[] = [];
  createInterface({ input: stream }).on('line', (line) => {
    if (isTaken(line)) return;
    if (lines.push(line) > STDERR_LINES) lines.shift();
  });
  return lines;
}

/** SIGTERM when the attempt is aborted, SIGKILL later or when this process ends. */
function endGroupOn(signal: AbortSignal, pid: number | undefined): () => void {
  if (pid === undefined) return () => undefined;
  let timer: NodeJS.Timeout | undefined;
  const end = (how: NodeJS.Signals): void => {
    try {
      process.kill(-pid, how);
    } catch {
      // It is gone, which was the aim.
    }
  };
  const abort = (): void => {
    end('SIGTERM');
    timer = setTimeout(end, KILL_AFTER_MS, 'SIGKILL');
  };
  const kill = (): void => end('SIGKILL');
  signal.addEventListener('abort', abort, { once: true });
  process.once('exit', kill);
  return () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    process.removeListener('exit', kill);
  };
}
