/**
 * Compares what handlers were given with what the ledger had assigned, in whatever order the two are heard of. An
 * attempt has one number for good and one agent, so whoever starts it must be that agent, with the fencing token of the
 * term that assigned it, and once at most in the life of its process.
 *
 * A task is forgotten when it has ended and each of its attempts was started. Whoever starts one of them after that is
 * never found to have had an entry for it, which is as good.
 */
import type { Entry, LedgerEvent } from '../../src/domain/events.ts';
import { attemptKey } from '../../src/domain/state.ts';
import type { TaskId } from '../../src/domain/ids.ts';
import type { Start } from '../support/agent-process.ts';
import { Finding, type Check } from './finding.ts';

/** A process that dies takes what it has told and nobody has read yet with it: so many starts at the most. */
const UNHEARD_PER_DEATH_MAX = 1_000;

interface Assigned {
  readonly agent: string;
  readonly fencingToken: number;
  /** Of the processes that have started it. */
  readonly lives: Set<number>;
}

interface TaskAttempts {
  readonly byNumber: Map<number, Assigned>;
  isEnded: boolean;
  /** The attempt that did it. */
  completedBy: number | null;
}

export class Executions {
  readonly #tasks = new Map<string, TaskAttempts>();
  /** Heard of before their entry, or without one. */
  readonly #early = new Map<string, Start[]>();
  readonly #baseless = new Finding('starts of attempts that the ledger has not, or has ended');
  readonly #elsewhere = new Finding(
    'starts by another agent, or with another fencing token, than the ledger has',
  );
  readonly #again = new Finding('attempts that one process started twice');
  readonly #unseen = new Finding('attempts that completed and that nobody was heard to start');
  readonly #deaths = new Map<string, number>();
  #fencingToken = 0;
  #heard = 0;

  /** Starts that were heard of. */
  get heard(): number {
    return this.#heard;
  }

  started(start: Start): void {
    this.#heard += 1;
    const assigned = this.#tasks.get(start.task)?.byNumber.get(start.attempt);
    if (assigned === undefined) this.#keep(start);
    else this.#judge(start, assigned);
    this.#forgetIfDone(start.task);
  }

  /** A process of this agent has ended. */
  died(agent: string): void {
    this.#deaths.set(agent, (this.#deaths.get(agent) ?? 0) + 1);
  }

  /** In the order of the ledger. */
  entry(sequence: number, { events }: Entry): void {
    for (const event of events) this.#event(sequence, event);
  }

  /** When the ledger has come to rest, and all of it was handed over. */
  checks(): readonly Check[] {
    for (const starts of this.#early.values()) for (const start of starts) this.#baseless.note(textOf(start));
    this.#noteUnseen();
    return [this.#baseless, this.#elsewhere, this.#again, this.#unseen].map((finding) => finding.check());
  }

  #noteUnseen(): void {
    const unheard = new Map<string, number>();
    for (const [id, { byNumber, completedBy }] of this.#tasks) {
      const by = completedBy === null ? undefined : byNumber.get(completedBy);
      if (by === undefined || by.lives.size > 0) continue;
      const count = (unheard.get(by.agent) ?? 0) + 1;
      unheard.set(by.agent, count);
      if (count > UNHEARD_PER_DEATH_MAX * (this.#deaths.get(by.agent) ?? 0))
        this.#unseen.note(`task ${id}, attempt ${completedBy} by ${by.agent}`);
    }
  }

  #event(sequence: number, event: LedgerEvent): void {
    switch (event.type) {
      case 'term.started':
        this.#fencingToken = sequence;
        return;
      case 'task.assigned':
        return this.#assigned(event.id, event.attempt, event.agent);
      case 'task.completed':
        return this.#ended(event.id, event.attempt);
      case 'task.failed':
      case 'task.cancelled':
        return this.#ended(event.id, null);
      default:
        return;
    }
  }

  #assigned(id: TaskId, attempt: number, agent: string): void {
    const task = this.#tasks.get(id) ?? { byNumber: new Map(), isEnded: false, completedBy: null };
    this.#tasks.set(id, task);
    const assigned = { agent, fencingToken: this.#fencingToken, lives: new Set<number>() };
    task.byNumber.set(attempt, assigned);
    const key = attemptKey(id, attempt);
    for (const start of this.#early.get(key) ?? []) this.#judge(start, assigned);
    this.#early.delete(key);
  }

  #ended(id: string, completedBy: number | null): void {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    task.isEnded = true;
    task.completedBy = completedBy;
    this.#forgetIfDone(id);
  }

  #keep(start: Start): void {
    const key = attemptKey(start.task, start.attempt);
    this.#early.set(key, [...(this.#early.get(key) ?? []), start]);
  }

  #judge(start: Start, { agent, fencingToken, lives }: Assigned): void {
    if (start.agent !== agent || start.fencingToken !== fencingToken)
      this.#elsewhere.note(`${textOf(start)}; the ledger has ${agent} and ${fencingToken}`);
    if (lives.has(start.life)) this.#again.note(textOf(start));
    lives.add(start.life);
  }

  #forgetIfDone(id: string): void {
    const task = this.#tasks.get(id);
    if (task?.isEnded !== true) return;
    if ([...task.byNumber.values()].every(({ lives }) => lives.size > 0)) this.#tasks.delete(id);
  }
}

const textOf = ({ task, attempt, agent, fencingToken, life }: Start): string =>
  `task ${task}, attempt ${attempt} by ${agent} (process ${life}) with token ${fencingToken}`;
