/**
 * The account of the hunt, drawn up from the ledger alone: what was submitted, who did what, and what came of it.
 * Fed with every entry in order. It does not judge; report.ts does.
 */
import { join } from 'node:path';
import { verifyLedger, type ConnectOptions, type HistoryReport, type VerifyOptions } from 'conclave';
import { readPayload, readResult, type HashedFile, type Skipped } from './work.ts';

type Entry = Parameters<NonNullable<VerifyOptions['onEntry']>>[0];
type LedgerEvent = Entry['events'][number];
type Submitted = Extract<LedgerEvent, { type: 'task.submitted' }>['task'];

export interface Share {
  readonly tasks: number;
  readonly files: number;
  readonly bytes: number;
}

const nothing: Share = { tasks: 0, files: 0, bytes: 0 };

export class Account {
  readonly #tasks = new Map<string, Submitted>();
  /** `task/attempt` → agent. */
  readonly #agents = new Map<string, string>();
  /** Task → `completed`, `failed` or `cancelled`, by its last outcome. */
  readonly outcomes = new Map<string, string>();
  /** Tasks that failed because the fleet did not approve them: nobody has run them. */
  readonly unapproved = new Set<string>();
  readonly shares = new Map<string, Share>();
  /** Path → what its hashing task found. */
  readonly hashed = new Map<string, HashedFile>();
  /** Files that could not be hashed. Names are paths here and in `unmatched`. */
  readonly skipped: Skipped[] = [];
  /** Files that were hashed, but gone when they were to be searched. */
  readonly unmatched: Skipped[] = [];
  /** Agent → attempts that ended with it. */
  readonly lostAttempts = new Map<string, number>();

  /** Every task that the ledger holds. */
  get tasks(): ReadonlySet<string> {
    return new Set(this.#tasks.keys());
  }

  /** Of what was hashed. */
  get bytes(): number {
    return [...this.hashed.values()].reduce((sum, file) => sum + file.bytes, 0);
  }

  add(event: LedgerEvent): void {
    switch (event.type) {
      case 'task.submitted':
        this.#tasks.set(event.task.id, event.task);
        break;
      case 'task.assigned':
        this.#agents.set(`${event.id}/${event.attempt}`, event.agent);
        break;
      case 'task.attemptLost': {
        const agent = this.#agents.get(`${event.id}/${event.attempt}`) ?? '';
        this.lostAttempts.set(agent, (this.lostAttempts.get(agent) ?? 0) + 1);
        break;
      }
      case 'task.completed':
        this.outcomes.set(event.id, 'completed');
        this.#credit(event);
        break;
      case 'task.failed':
        this.outcomes.set(event.id, 'failed');
        if (event.error.code === 'NOT_APPROVED') this.unapproved.add(event.id);
        break;
      case 'task.cancelled':
        this.outcomes.set(event.id, 'cancelled');
        break;
      default:
        break;
    }
  }

  #credit(event: Extract<LedgerEvent, { type: 'task.completed' }>): void {
    const agent = this.#agents.get(`${event.id}/${event.attempt}`) ?? '';
    const { tasks, files, bytes } = this.shares.get(agent) ?? nothing;
    const hashed = this.#keepFiles(event);
    this.shares.set(agent, {
      tasks: tasks + 1,
      files: files + hashed.length,
      bytes: hashed.reduce((sum, file) => sum + file.bytes, bytes),
    });
  }

  /** The files that the task hashed. */
  #keepFiles({ id, result }: Extract<LedgerEvent, { type: 'task.completed' }>): readonly HashedFile[] {
    const task = this.#tasks.get(id);
    if (task?.type === 'match') {
      const { directory } = readPayload('match', task.payload);
      this.unmatched.push(...pathsIn(directory, readResult('match', result).skipped));
    }
    if (task?.type !== 'hash') return [];
    const { directory } = readPayload('hash', task.payload);
    const { files, skipped } = readResult('hash', result);
    for (const file of files) this.hashed.set(join(directory, file.name), file);
    this.skipped.push(...pathsIn(directory, skipped));
    return files;
  }
}

function pathsIn(directory: string, skipped: readonly Skipped[]): Skipped[] {
  return skipped.map(({ name, why }) => ({ name: join(directory, name), why }));
}

/** Reads the whole ledger, has it checked, and draws up the account. */
export async function settle(where: ConnectOptions): Promise<{ account: Account; history: HistoryReport }> {
  const account = new Account();
  const history = await verifyLedger({
    ...where,
    onEntry: (entry) => {
      for (const event of entry.events) account.add(event);
    },
  });
  return { account, history };
}
