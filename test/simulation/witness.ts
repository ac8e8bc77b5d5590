/**
 * What must hold of a simulated fleet at every moment, whatever befalls it. Reads the ledger as the broker stores
 * it, before any process does, and holds everything that the fleet says and does against that.
 */
import { canonical } from '../../src/domain/state-hash.ts';
import { HistoryChecker, type HistoryReport } from '../../src/domain/history.ts';
import { violations } from '../../src/domain/invariants.ts';
import type { TaskId } from '../../src/domain/ids.ts';
import { currentAttempt, isPresent, type FleetState, type Task } from '../../src/domain/state.ts';
import type { Charts } from '../../src/domain/transitions.ts';
import type { SimulatedFleet, StoredEntry } from '../../src/simulation/index.ts';
import { decodeEntry, hashOf } from '../../src/wire/entry.ts';

export class Witness {
  readonly problems: string[] = [];
  readonly #fleet: SimulatedFleet;
  readonly #history: HistoryChecker;
  /** The sequence at which each replica was looked at last. */
  readonly #inspected = new WeakMap<object, number>();
  #known = { sequence: -1, canonical: '' };
  /** Term → its term-starts. */
  readonly #starts = new Map<number, number>();
  /** Marks of submitted tasks → how often the ledger has them. */
  readonly #submits = new Map<string, number>();

  constructor(fleet: SimulatedFleet, charts: Charts) {
    this.#fleet = fleet;
    this.#history = new HistoryChecker(charts);
    const hear = (entry: StoredEntry): void => this.#stored(entry);
    fleet.world.ledger(fleet.name).stream.consume(1, { hear, gone: () => undefined });
  }

  /** The fleet as the ledger has it now. */
  get state(): FleetState {
    return this.#history.state;
  }

  get report(): HistoryReport {
    return this.#history.report();
  }

  note(problem: string): void {
    if (this.problems.length < 50) this.problems.push(`${this.#fleet.world.now.toFixed(0)} ms: ${problem}`);
  }

  /** Every replica: sound in itself, and the same as the ledger when it has read as far. */
  inspect(): void {
    for (const [host, { contender }] of this.#fleet.nodes) {
      if (contender === null) continue;
      const { office, replica } = contender;
      const { sequence } = replica.state;
      const isAhead = office !== null && !office.committer.isSettled;
      if (!isAhead && this.#inspected.get(replica) === sequence) continue;
      this.#inspected.set(replica, sequence);
      if (!isAhead && sequence === this.state.sequence) {
        if (canonical(replica.state) !== this.#canonical())
          this.note(`${host} differs from the ledger at ${sequence}`);
      } else {
        for (const what of violations(replica.state)) this.note(`replica of ${host} at ${sequence}: ${what}`);
      }
    }
  }

  /** A submit with this mark was acknowledged with this id. */
  acknowledged(mark: string, id: string): void {
    const times = this.#submits.get(mark) ?? 0;
    if (times !== 1) this.note(`submit ${mark} is acknowledged, and in the ledger ${times} times`);
    if (!this.state.tasks.has(id as TaskId)) this.note(`task ${id} is acknowledged and not in the ledger`);
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
    if (this.#task(id)?.status === status) return;
    this.note(`task ${id} was said to be ${status}; the ledger says ${String(this.#task(id)?.status)}`);
  }

  #task(id: string): Task | undefined {
    return this.state.tasks.get(id as TaskId);
  }

  #stored({ sequence, data }: StoredEntry): void {
    const entry = decodeEntry(data);
    const before = this.report.problems.length;
    this.#history.add({ sequence, entry, hash: hashOf(data) });
    for (const problem of this.report.problems.slice(before)) this.note(problem);
    for (const problem of violations(this.state)) this.note(`after entry ${sequence}: ${problem}`);
    for (const event of entry?.events ?? []) {
      if (event.type === 'term.started') this.#count(this.#starts, entry?.term ?? 0, 'term-start of term');
      if (event.type === 'task.submitted') {
        const mark = (event.task.payload as { mark?: string } | null)?.mark;
        if (mark !== undefined) this.#count(this.#submits, mark, 'submit');
      }
    }
  }

  #canonical(): string {
    const { sequence } = this.state;
    if (this.#known.sequence !== sequence) this.#known = { sequence, canonical: canonical(this.state) };
    return this.#known.canonical;
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
