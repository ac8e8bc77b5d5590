/**
 * The agents of `conclave up`: child processes of this same program, each in a process group of its own, so that
 * Ctrl-C in a terminal reaches only the parent, which then tells them to leave. They end when this process ends.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { ConclaveError } from '../domain/errors.ts';
import type { ParentMessage } from './parent-process.ts';

export interface AgentProcess {
  readonly id: string;
  readonly pid: number;
  /** Settles when it is a member; rejects when it ends before. */
  readonly joined: Promise<void>;
}

export interface AgentEnd {
  readonly id: string;
  readonly pid: number;
  /** `exit code 1` or `SIGKILL`. */
  readonly how: string;
}

export interface AgentProcessesOptions {
  /** How long an agent finishes what it runs, by its own settings. */
  readonly leaveGraceMs: number;
  /** Hears of those that end without being told to. */
  readonly onEnd: (end: AgentEnd) => void;
}

/** For handing back, saying goodbye and ending, after the grace. */
const GOODBYE_MS = 3_000;

/** The only thing that agents say. */
function isFromAgent(message: unknown): message is ParentMessage {
  return typeof message === 'object' && message !== null && 'kind' in message && message.kind === 'joined';
}

export class AgentProcesses {
  readonly #running = new Map<ChildProcess, AgentProcess>();
  readonly #options: AgentProcessesOptions;
  #isStopping = false;

  constructor(options: AgentProcessesOptions) {
    this.#options = options;
  }

  /** Starts `conclave` with these words, which must be an agent's. */
  start(id: string, words: readonly string[]): AgentProcess {
    const child = fork(process.argv[1] ?? '', words, {
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const joined = new Promise<void>((resolve, reject) => {
      child.on('message', (message) => {
        if (isFromAgent(message)) resolve();
      });
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        this.#running.delete(child);
        const how = signal ?? `exit code ${code ?? 0}`;
        reject(new ConclaveError('INTERNAL', `${id} ended with ${how} before it had joined`));
        if (!this.#isStopping) this.#options.onEnd({ id, pid: child.pid ?? 0, how });
      });
    });
    // Whoever does not wait for it must not be killed by it.
    joined.catch(() => undefined);
    const started = { id, pid: child.pid ?? 0, joined };
    this.#running.set(child, started);
    return started;
  }

  get count(): number {
    return this.#running.size;
  }

  /** All leave in good order; who has not gone in time is killed. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const children = [...this.#running.keys()];
    const ends = children.map((child) => once(child, 'exit'));
    for (const child of children) child.kill('SIGTERM');
    const force = setTimeout(() => {
      this.kill();
    }, this.#options.leaveGraceMs + GOODBYE_MS);
    await Promise.all(ends);
    clearTimeout(force);
  }

  kill(): void {
    this.#isStopping = true;
    for (const child of this.#running.keys()) child.kill('SIGKILL');
  }
}
