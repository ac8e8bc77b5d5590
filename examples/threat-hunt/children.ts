/** The processes that main starts: each is waited for until it is ready, and ended by its own id. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Told } from './orders.ts';

const gracePatienceMs = 5_000;
/** `.js` when built, `.ts` when run from source. */
const extension = extname(import.meta.url);

interface StartOptions {
  readonly signal: AbortSignal;
  readonly onTold?: (told: Told) => void;
}

export class Children {
  readonly #logFile: number;
  readonly #children = new Set<ChildProcess>();

  /** What they write goes to an open file. */
  constructor(logFile: number) {
    this.#logFile = logFile;
  }

  /** Runs `./<name>` and resolves when it says that it is ready. Throws when it ends before, or when aborted. */
  async start(name: string, orders: object, { signal, onTold }: StartOptions): Promise<void> {
    signal.throwIfAborted();
    const file = fileURLToPath(new URL(`./${name}${extension}`, import.meta.url));
    const child = fork(file, [JSON.stringify(orders)], {
      stdio: ['ignore', this.#logFile, this.#logFile, 'ipc'],
    });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, killedBy) => {
        reject(new Error(`${name} ended before it was ready (${killedBy ?? `code ${String(code)}`})`));
      });
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      child.on('message', (told) => {
        if ((told as Told).kind === 'ready') resolve();
        onTold?.(told as Told);
      });
    });
  }

  /** Asks all to end, and makes those end who do not. */
  async dismiss(): Promise<void> {
    await Promise.all([...this.#children].map((child) => end(child, 'SIGTERM')));
  }

  /** Ends all at once. */
  async close(): Promise<void> {
    await Promise.all([...this.#children].map((child) => end(child, 'SIGKILL')));
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  const force = setTimeout(() => child.kill('SIGKILL'), gracePatienceMs);
  await exit;
  clearTimeout(force);
}
