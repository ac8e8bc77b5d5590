/**
 * What must hold of a simulated fleet at every moment, whatever befalls it. Reads the ledger as the broker stores
 * it, before any process does, and holds everything that the fleet says and does against that.
 */
import type { Entry, LedgerEvent } from '../../src/domain/events.ts';
import { HistoryChecker } from '../../src/domain/history.ts';
import type { TaskId } from '../../src/domain/ids.ts';
import {
  currentAttempt,
  isPresent,
  type FleetState,
  type Task,
  type TaskOutcome,
} from '../../src/domain/state.ts';
import type { Charts } from '../../src/domain/transitions.ts';
import type { SimulatedFleet, StoredEntry } from '../../src/simulation/index.ts';
import { decodeEntry, hashOf } from '../../src/wire/entry.ts';
import { Copies } from './copies.ts';
import { watchPurges } from './purges.ts';

export type EntrySink = (sequence: number, entry: Entry, atMs: number) => void;

export class Witness {
  readonly problems: string[] = [];
  readonly #fleet: SimulatedFleet;
  readonly #onEntry: EntrySink | undefined;
  readonly #history: HistoryChecker;
  readonly #copies = new Copies(() => this.state);
  /** Term → its term-starts. */
  readonly #starts = new Map<number, number>();
  /** Every task that was ever submitted → how it has ended; null: it has not. */
  readonly #outcomes = new Map<string, TaskOutcome | null>();
  /** Every proposal that was ever decided → how. */
  readonly #decisions = new Map<string, string>();
  /** Marks of submitted tasks → how often the ledger has them. */
  readonly #submits = new Map<string, number>();

  constructor(fleet: SimulatedFleet, charts: Charts, onEntry?: EntrySink) {
    this.#fleet = fleet;
    this.#onEntry = onEntry;
    this.#history = new HistoryChecker(charts);
    const hear = (entry: StoredEntry): void => this.#stored(entry);
    const ledger = fleet.world.ledger(fleet.name);
    ledger.stream.consume(1, { hear, gone: () => undefined });
    watchPurges(ledger, ({ upTo, covered }) => {
      if (upTo > covered) this.note(`a purge up to ${upTo}, and snapshots cover only ${covered}`);
    });
  }

  /** The fleet as the ledger has it now. */
  get state(): FleetState {
    return this.#history.state;
  }

  note(problem: string): void {
    if (this.problems.length < 50) this.problems.push(`${this.#fleet.world.now.toFixed(0)} ms: ${problem}`);
  }

  /** Every replica: sound in itself, and the same as the ledger when it has read as far. */
  inspect(): void {
    for (const [host, { contender }] of this.#fleet.nodes) {
      if (contender === null) continue;
      const { office, replica } = contender;
      const isAhead = office !== null && !office.committer.isSettled;
      for (const what of this.#copies.look(replica, isAhead)) {
        this.note(`replica of ${host} at ${replica.state.sequence}: ${what}`);
      }
    }
  }

  /** Everything once more, and the whole history: at the end, when nobody is ahead of the ledger. */
  conclude(): void {
    for (const [host, { contender }] of this.#fleet.nodes) {
      if (contender === null) continue;
      for (const what of this.#copies.lookAtWhole(contender.replica))
        this.note(`replica of ${host}: ${what}`);
    }
    for (const problem of this.#history.report().problems) this.note(problem);
  }

  /** A submit with this mark was acknowledged with this id. */
  acknowledged(mark: string, id: string): void {
    const times = this.#submits.get(mark) ?? 0;
    if (times !== 1) this.note(`submit ${mark} is acknowledged, and in the ledger ${times} times`);
    if (!this.#outcomes.has(id)) this.note(`task ${id} is acknowledged and not in the ledger`);
  }

  /** A handler starts: its assignment must be in the ledger. */
  handlerStarted(agent: string, { id, attempt, fencingToken }: AttemptName): void {
    const recorded = this.#task(id)?.attempts.find((each) => each.attempt === attempt);
    if (recorded?.agent === agent && recorded.fencingToken === fencingToken) return;
    this.note(`${agent} runs attempt ${attempt} of ${id}, which the ledger does not know`);
  }

  /** A handler is told to stop: only what the ledger has ended, or an agent that leaves, may say so. */
  handlerAborted(
    agent: { id: string; incarnation: string; isLeaving: boolean },
    { id, attempt }: AttemptName,
  ): void {
    const task = this.#task(id);
    const current = task === undefined ? undefined : currentAttempt(task);
    const isOver = current?.attempt !== attempt || current.endedAt !== null || task?.status === 'cancelling';
    const member = [...this.state.members.values()].find((each) => each.id === agent.id);
    const isReplaced = member !== undefined && isPresent(member) && member.incarnation !== agent.incarnation;
    if (isOver || isReplaced || agent.isLeaving) return;
    this.note(`${agent.id} is told to stop attempt ${attempt} of ${id}, which is ${String(task?.status)}`);
  }

  /** A caller was told that the task has this status for good. */
  outcomeTold(id: string, status: string): void {
    const outcome = this.#outcomes.get(id) ?? null;
    if (outcome !== status)
      this.note(`task ${id} was said to be ${status}; the ledger says ${String(outcome)}`);
  }

  /** A caller was told that the proposal was decided so. */
  decisionTold(id: string, status: string): void {
    const decision = this.#decisions.get(id);
    if (decision !== status)
      this.note(`proposal ${id} was said to be ${status}; the ledger says ${String(decision)}`);
  }

  #task(id: string): Task | undefined {
    return this.state.tasks.get(id as TaskId);
  }

  #stored({ sequence, data }: StoredEntry): void {
    const entry = decodeEntry(data);
    const before = this.#history.problems.length;
    this.#history.add({ sequence, entry, hash: hashOf(data) });
    for (const problem of this.#history.problems.slice(before)) this.note(problem);
    for (const problem of this.#copies.stored(entry?.events ?? [])) {
      this.note(`after entry ${sequence}: ${problem}`);
    }
    if (entry === null) return;
    this.#onEntry?.(sequence, entry, this.#fleet.world.now);
    for (const event of entry.events) this.#heard(event, entry.term);
  }

  #heard(event: LedgerEvent, term: number): void {
    if (event.type === 'term.started') this.#count(this.#starts, term, 'term-start of term');
    if (event.type === 'task.completed') this.#outcomes.set(event.id, 'completed');
    if (event.type === 'task.failed') this.#outcomes.set(event.id, 'failed');
    if (event.type === 'task.cancelled') this.#outcomes.set(event.id, 'cancelled');
    if (event.type === 'proposal.decided') {
      if (this.#decisions.has(event.id)) this.note(`proposal ${event.id} is decided a second time`);
      this.#decisions.set(event.id, event.outcome);
    }
    if (event.type !== 'task.submitted') return;
    this.#outcomes.set(event.task.id, null);
    const mark = (event.task.payload as { mark?: string } | null)?.mark;
    if (mark !== undefined) this.#count(this.#submits, mark, 'submit');
  }

  #count<K>(counts: Map<K, number>, key: K, what: string): void {
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    if (count > 1) this.note(`${what} ${String(key)} is in the ledger ${count} times`);
  }
}

export interface AttemptName {
  readonly id: string;
  readonly attempt: number;
  readonly fencingToken: number;
}
