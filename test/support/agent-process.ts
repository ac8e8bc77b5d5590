/** Starts agents as processes of their own and ends them, by their id. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { once } from 'node:events';

export interface AgentProcessOptions {
  readonly servers: string | readonly string[];
  readonly fleet: string;
  readonly id: string;
  readonly priority?: number;
  readonly slots?: number;
  /** Task types that it takes. Default: `echo`, `flaky`, `slow`, and those that harm it: `exits`, `dies` and `blocks`. */
  readonly handles?: readonly string[];
  readonly killAt?: 'before' | 'sent' | 'acked';
  /** Ranks itself first in every election. */
  readonly isEager?: boolean;
  readonly settings?: Record<string, number>;
  /** Of the ledger, when this process creates it. */
  readonly replicas?: 1 | 3;
  /** How far its wall clock is ahead. */
  readonly wallSkewMs?: number;
}

/** What a handler was given as it began, and by which process: each process has a life of its own, whatever its id. */
export interface Start {
  readonly task: string;
  readonly attempt: number;
  readonly fencingToken: number;
  readonly agent: string;
  readonly life: number;
}

/** How the process is started; by default as any child of this one. */
export interface AgentPlace {
  /** Words in front of its command line, which start it where it belongs. */
  readonly within?: readonly string[];
  /** An open file for what it says. Default: where this process says it. */
  readonly output?: number;
  /** Hears of every handler that begins. */
  readonly onStart?: (start: Start) => void;
}

/** What a process has of the fleet's state, all of it in the ledger. */
export interface Copy {
  readonly sequence: number;
  readonly hash: string;
  readonly isLeader: boolean;
}

export interface AgentProcess {
  readonly id: string;
  readonly pid: number;
  /** Attempts whose handlers were told to stop. */
  readonly aborted: string[];
  /** Rejects when it ends before. */
  readonly joined: Promise<void>;
  readonly ended: Promise<unknown>;
  /** Why it ended by itself, once it has; null: as it was told to, or it has not. */
  readonly problem: () => { readonly code: string } | null;
  tell(message: 'arm' | 'leave'): void;
  /** From now on its wall clock is ahead by this much. */
  setWallSkew(ms: number): void;
  /** Null: it is ahead of the ledger just now, or has ended. */
  copy(): Promise<Copy | null>;
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
}

const program = fileURLToPath(new URL('./agent-process.mjs', import.meta.url));
const running = new Set<ChildProcess>();
let lives = 0;

/** Resolves when it has joined. */
export async function startAgent(
  options: AgentProcessOptions,
  place: AgentPlace = {},
): Promise<AgentProcess> {
  const agent = launchAgent(options, place);
  await agent.joined;
  return agent;
}

/** What it says of itself. */
interface Message {
  readonly kind: string;
  readonly task?: string;
  readonly attempt?: number;
  readonly problem?: unknown;
  readonly start?: Pick<Start, 'task' | 'attempt' | 'fencingToken'>;
}

/** What can be ended before it has joined. */
export function launchAgent(
  options: AgentProcessOptions,
  { within = [], output, onStart }: AgentPlace = {},
): AgentProcess {
  const [execPath, ...execArgv] = [...within, process.execPath];
  const stdio = output === undefined ? 'inherit' : output;
  const child = fork(program, [JSON.stringify(options)], {
    execPath,
    execArgv,
    stdio: ['ignore', stdio, stdio, 'ipc'],
  });
  running.add(child);
  const ended = once(child, 'exit').then(() => running.delete(child));
  const aborted: string[] = [];
  const life = (lives += 1);
  let problem: { readonly code: string } | null = null;
  const joined = new Promise<void>((resolve, reject) => {
    child.on('message', (message: Message) => {
      if (message.kind === 'joined') resolve();
      if (message.kind === 'started' && message.start !== undefined)
        onStart?.({ ...message.start, agent: options.id, life });
      if (message.kind === 'aborted') aborted.push(`${String(message.task)}/${String(message.attempt)}`);
      if (message.kind !== 'ended') return;
      problem = message.problem as typeof problem;
      reject(new Error(`agent ${options.id} ended: ${JSON.stringify(message.problem)}`));
    });
    void ended.then(() => {
      reject(new Error(`agent ${options.id} ended before it joined`));
    });
  });
  // One that has just died: its exit tells.
  const send = (message: string | object): void => void child.send(message, () => undefined);
  return {
    id: options.id,
    pid: child.pid ?? 0,
    aborted,
    joined,
    ended,
    problem: () => problem,
    tell: send,
    setWallSkew: (wallSkewMs) => send({ wallSkewMs }),
    copy: () => copyIn(child),
    signal: (signal) => child.kill(signal),
  };
}

function copyIn(child: ChildProcess): Promise<Copy | null> {
  return new Promise((resolve) => {
    const end = (copy: Copy | null): void => {
      child.off('message', hear);
      child.off('exit', gone);
      resolve(copy);
    };
    const gone = (): void => {
      end(null);
    };
    const hear = (message: { readonly kind: string; readonly copy?: Copy | null }): void => {
      if (message.kind === 'shown') end(message.copy ?? null);
    };
    child.on('message', hear);
    child.on('exit', gone);
    if (!child.connected) gone();
    // One that has just died: its exit tells.
    else child.send('show', () => undefined);
  });
}

/** SIGKILL for all that still run. */
export async function endAgents(): Promise<void> {
  const ends = [...running].map((child) => once(child, 'exit'));
  for (const child of running) child.kill('SIGKILL');
  await Promise.all(ends);
}
