/**
 * Checks a recorded ledger from its first entry: one leader per term, a whole chain, every change along the
 * charts, one outcome per task, tallies that are right. What it finds is listed; it never stops at the first.
 */
import { apply, beginEntry, leaderOf } from './apply.ts';
import type { ElectionCause, Entry, EventOf, LedgerEvent } from './events.ts';
import { violations } from './invariants.ts';
import { outcomeOf, tally } from './quorum.ts';
import type { Restored } from './snapshot.ts';
import { emptyState, isEnded, type FleetState, type TaskOutcome } from './state.ts';
import type { Charts } from './transitions.ts';

export interface TermRecord {
  readonly term: number;
  readonly leader: string;
  readonly incarnation: string;
  readonly sequence: number;
  readonly at: number;
  readonly cause: ElectionCause;
  readonly durationMs: number;
}

export interface HistoryReport {
  readonly ok: boolean;
  /** What is wrong, in plain words; at most 100. */
  readonly problems: readonly string[];
  readonly entries: number;
  readonly events: number;
  readonly lastSequence: number;
  /** Entries up to here were purged: they are not checked but taken from a snapshot. 0: none. */
  readonly snapshotSequence: number;
  readonly genesis: string;
  readonly terms: readonly TermRecord[];
  /** Tasks that are kept at the end, by status. */
  readonly tasks: Readonly<Record<string, number>>;
  /** Ends of tasks, dropped ones too; one that failed and was retried by hand ends again. */
  readonly outcomes: Readonly<Record<TaskOutcome, number>>;
  readonly tasksDropped: number;
  /** Outcomes recorded for a task that had one already. */
  readonly doubleOutcomes: number;
  readonly proposals: Readonly<Record<string, number>>;
  readonly retries: number;
  readonly reassigned: number;
  readonly deaths: number;
}

/** An entry as it was read; `hash` is of its bytes. */
export interface HistoryRecord {
  readonly sequence: number;
  /** Null: the bytes are not an entry. */
  readonly entry: Entry | null;
  readonly hash: string;
}

const PROBLEMS_MAX = 100;

export class HistoryChecker {
  readonly #charts: Charts;
  #state = emptyState();
  readonly #problems: string[] = [];
  readonly #terms: TermRecord[] = [];
  #entries = 0;
  #events = 0;
  #doubleOutcomes = 0;
  #previous = '';
  #isLost = false;
  #begunAt = 0;

  constructor(charts: Charts) {
    this.#charts = charts;
  }

  /** The state after the last entry that could be applied. */
  get state(): FleetState {
    return this.#state;
  }

  /** What was found in the entries so far, in the order of finding; the state itself is looked at by `report`. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Before the first entry: what came before it was purged, and is in this snapshot. */
  begin({ state, lastHash }: Restored): void {
    this.#state = state;
    this.#previous = lastHash;
    this.#begunAt = state.sequence;
  }

  add(record: HistoryRecord): void {
    this.#entries += 1;
    if (this.#isLost) return;
    const { entry, sequence } = record;
    if (entry === null) {
      this.#lose(`entry ${sequence} is not of a known version`);
      return;
    }
    this.#check(entry, sequence);
    this.#previous = record.hash;
    try {
      beginEntry(this.#state, { sequence, term: entry.term, at: entry.at });
      for (const event of entry.events) this.#apply(event, entry, sequence);
    } catch (error) {
      this.#lose(`entry ${sequence}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  report(): HistoryReport {
    const { counts } = this.#state;
    const problems = [...this.#problems, ...violations(this.#state)].slice(0, PROBLEMS_MAX);
    return {
      ok: problems.length === 0,
      problems,
      entries: this.#entries,
      events: this.#events,
      lastSequence: this.#state.sequence,
      snapshotSequence: this.#begunAt,
      genesis: this.#state.genesis,
      terms: this.#terms,
      tasks: { ...counts.tasks },
      outcomes: { ...counts.outcomes },
      tasksDropped: counts.tasksDropped,
      doubleOutcomes: this.#doubleOutcomes,
      proposals: { ...counts.proposals },
      retries: counts.retries,
      reassigned: counts.reassigned,
      deaths: counts.deaths,
    };
  }

  #check(entry: Entry, sequence: number): void {
    const state = this.#state;
    const isStart = entry.events[0]?.type === 'term.started';
    const rules: [boolean, string][] = [
      [sequence === state.sequence + 1, `follows entry ${state.sequence}: the entries between are missing`],
      [state.genesis === '' || entry.genesis === state.genesis, 'belongs to another ledger'],
      [entry.previous === this.#previous, 'does not continue the chain of hashes'],
      [entry.term === state.term + (isStart ? 1 : 0), `has term ${entry.term} after term ${state.term}`],
      [
        isStart || entry.incarnation === state.leader?.incarnation,
        'was not written by the leader of its term',
      ],
      [isStart || state.handover === null, 'stands after the last entry of its term'],
    ];
    for (const [holds, what] of rules) if (!holds) this.#note(`entry ${sequence} ${what}`);
  }

  #apply(event: LedgerEvent, entry: Entry, sequence: number): void {
    this.#events += 1;
    if (event.type === 'task.completed' || event.type === 'task.failed' || event.type === 'task.cancelled') {
      const task = this.#state.tasks.get(event.id);
      if (task !== undefined && isEnded(task)) {
        this.#doubleOutcomes += 1;
        this.#note(`entry ${sequence}: task ${event.id} was ${task.status} and now is ${event.type}`);
        return;
      }
    }
    if (event.type === 'proposal.decided') this.#checkTally(event, entry, sequence);
    apply(this.#state, event, leaderOf(entry), this.#charts);
    if (event.type !== 'term.started') return;
    const { cause, durationMs } = event;
    const { term, leader, incarnation, at } = entry;
    this.#terms.push({ term, leader, incarnation, sequence, at, cause, durationMs });
  }

  #checkTally(event: EventOf<'proposal.decided'>, { events }: Entry, sequence: number): void {
    const proposal = this.#state.proposals.get(event.id);
    if (proposal === undefined) return;
    const { electorate, quorum, task } = proposal.spec;
    if (event.outcome === 'withdrawn') {
      const isCancelled = events.some((each) => each.type === 'task.cancelled' && each.id === task);
      if (!isCancelled) this.#note(`entry ${sequence}: proposal ${event.id} is withdrawn, its task goes on`);
      return;
    }
    const right = outcomeOf(tally(electorate, proposal.ballots, quorum));
    if (right !== event.outcome) {
      this.#note(`entry ${sequence}: proposal ${event.id} is ${event.outcome}, its ballots say ${right}`);
    }
  }

  /** Nothing after this can be judged. */
  #lose(problem: string): void {
    this.#isLost = true;
    this.#note(`${problem}; nothing after it was checked`);
  }

  #note(problem: string): void {
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push(problem);
  }
}
