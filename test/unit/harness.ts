/** A fleet on paper: a state, a clock that the test moves, and every decision that a leader can take. */
import { charts } from '../../actors/table.ts';
import { apply, applyEntry, beginEntry, type Author } from '../../src/domain/apply.ts';
import type { DecisionContext, Verdict } from '../../src/domain/decision.ts';
import { decideJoin, type ProbedHolder } from '../../src/domain/decide-members.ts';
import { decidePropose, type ProposalRequest } from '../../src/domain/decide-proposals.ts';
import {
  decideReport,
  decideSubmit,
  type Report,
  type ReportAnswer,
  type TaskRequest,
} from '../../src/domain/decide-tasks.ts';
import type { ErrorCode } from '../../src/domain/errors.ts';
import type { Entry, EventOf, EventType, LedgerEvent, Profile } from '../../src/domain/events.ts';
import type { AgentId, Incarnation, ProposalId, TaskId } from '../../src/domain/ids.ts';
import { defaultSettings, type Settings } from '../../src/domain/settings.ts';
import {
  emptyState,
  type Attempt,
  type FleetState,
  type Member,
  type Proposal,
  type Task,
} from '../../src/domain/state.ts';

export const agent = (name: string): AgentId => name as AgentId;
export const life = (name: string): Incarnation => name as Incarnation;

export const profileOf = (given: Partial<Profile> = {}): Profile => ({
  capabilities: [],
  priority: 0,
  slots: 1,
  electable: true,
  labels: {},
  handles: ['*'],
  ...given,
});

export const taskOf = (given: Partial<TaskRequest> = {}): TaskRequest => ({
  type: 'scan',
  payload: null,
  priority: 5,
  requiredCapabilities: [],
  target: null,
  maxRetries: null,
  runTimeoutMs: null,
  delayMs: null,
  idempotencyKey: null,
  digest: 'body',
  approval: null,
  ...given,
});

export const proposalOf = (given: Partial<ProposalRequest> = {}): ProposalRequest => ({
  type: 'policy_change',
  description: '',
  data: null,
  proposer: 'client',
  quorum: null,
  timeoutMs: null,
  weighting: 'equal',
  voters: [],
  ...given,
});

/** Chance that repeats itself: the numbers given, over and over. */
const cycle = (numbers: readonly number[]): (() => number) => {
  let turn = 0;
  return () => numbers[turn++ % numbers.length] ?? 0;
};

export class Harness implements DecisionContext {
  readonly state: FleetState = emptyState();
  readonly settings: Settings;
  readonly health = new Map<string, number>();
  readonly chance: () => number;
  /** Every entry so far; the last one may still be open. */
  readonly entries: Entry[] = [];
  at = 1_750_000_000_000;
  #author: Author = { term: 0, id: agent('leader'), incarnation: life('leader-1'), genesis: 'genesis' };
  #isOpen = false;
  #keys = 0;

  constructor(settings: Partial<Settings> = {}, chances: readonly number[] = [0.5]) {
    this.settings = { ...defaultSettings, ...settings };
    this.chance = cycle(chances);
    this.lead();
  }

  emit = (event: LedgerEvent): void => {
    if (!this.#isOpen) this.#open();
    apply(this.state, event, this.#author, charts);
    (this.entries.at(-1)?.events as LedgerEvent[]).push(event);
  };

  healthOf(id: AgentId): number {
    return this.health.get(id) ?? 1;
  }

  /** Every event so far, in order; with a type: those of that type. */
  events(): LedgerEvent[];
  events<T extends EventType>(type: T): EventOf<T>[];
  events(type?: EventType): LedgerEvent[] {
    const all = this.entries.flatMap((entry) => entry.events);
    return type === undefined ? all : all.filter((event) => event.type === type);
  }

  /** The types of the events that `decide` emits: none of it stood in an entry before. */
  typesOf(decide: () => unknown): string[] {
    const before = this.events().length;
    decide();
    return this.events()
      .slice(before)
      .map((event) => event.type);
  }

  /** Ends the entry; ledger time goes on. */
  wait(ms: number): void {
    this.#isOpen = false;
    this.at += ms;
  }

  /** A term-start, of this agent or of another one. */
  lead(id = 'leader'): void {
    this.#isOpen = false;
    this.#author = {
      ...this.#author,
      id: agent(id),
      incarnation: life(`${id}-1`),
      term: this.state.term + 1,
    };
    this.emit({ type: 'term.started', cause: 'start', candidates: [], durationMs: 0 });
    this.#isOpen = false;
  }

  join(id: string, profile: Partial<Profile> = {}, incarnation = `${id}-1`): Member {
    const request = { id: agent(id), incarnation: life(incarnation), profile: profileOf(profile) };
    accept(decideJoin(this, request));
    return this.member(id);
  }

  submit(given: Partial<TaskRequest> = {}): TaskId {
    return this.submitAll([given])[0] as TaskId;
  }

  submitAll(given: readonly Partial<TaskRequest>[]): readonly TaskId[] {
    const key = `request-${this.#keys++}`;
    return accept(decideSubmit(this, { key, digest: 'body', tasks: given.map(taskOf) }));
  }

  assign(id: TaskId, to: string): Attempt {
    this.emit({ type: 'task.assigned', id, agent: agent(to), attempt: this.task(id).attempt + 1 });
    return this.task(id).attempts.at(-1) as Attempt;
  }

  /** Submitted, assigned and, unless told otherwise, started. */
  running(to: string, given: Partial<TaskRequest> = {}): TaskId {
    const id = this.submit(given);
    this.assign(id, to);
    this.started(id);
    return id;
  }

  report(id: TaskId, report: ReportBody, attempt = this.task(id).attempt): ReportAnswer {
    const recorded = this.task(id).attempts.find((each) => each.attempt === attempt);
    if (recorded === undefined) throw new Error(`no attempt ${attempt} of ${id}`);
    return decideReport(this, recorded, { ...report, id, attempt });
  }

  started(id: TaskId): ReportAnswer {
    return this.report(id, { kind: 'started' });
  }

  completed(id: TaskId, result: unknown = 'done'): ReportAnswer {
    return this.report(id, { kind: 'completed', result });
  }

  failed(id: TaskId, isFinal = false): ReportAnswer {
    return this.report(id, { kind: 'failed', error: { message: 'broke' }, isFinal });
  }

  propose(given: Partial<ProposalRequest> = {}): ProposalId {
    const key = { key: `request-${this.#keys++}`, digest: 'body' };
    return accept(decidePropose(this, proposalOf(given), key));
  }

  member(id: string): Member {
    return found(this.state.members.get(agent(id)), id);
  }

  task(id: TaskId): Task {
    return found(this.state.tasks.get(id), id);
  }

  proposal(id: ProposalId): Proposal {
    return found(this.state.proposals.get(id), id);
  }

  /** A second fleet that knows nothing but the entries of this one. */
  replayed(through: (entry: Entry) => Entry = (entry) => entry): FleetState {
    const state = emptyState();
    this.entries.forEach((entry, i) => applyEntry(state, through(entry), i + 1, charts));
    return state;
  }

  #open(): void {
    const { term, id, incarnation, genesis } = this.#author;
    this.#isOpen = true;
    this.entries.push({
      v: 1,
      genesis,
      term,
      leader: id,
      incarnation,
      at: this.at,
      previous: '',
      events: [],
    });
    beginEntry(this.state, { sequence: this.state.sequence + 1, term, at: this.at });
  }
}

type WithoutName<T> = T extends unknown ? Omit<T, 'id' | 'attempt'> : never;
export type ReportBody = WithoutName<Report>;

export function accept<T>(verdict: Verdict<T>): T {
  if (verdict.kind === 'accepted') return verdict.value;
  throw new Error(`refused: ${verdict.problem.code} ${verdict.problem.message}`);
}

/** The code of a refusal; `accepted` when it is none. */
export function refusalOf(verdict: Verdict<unknown>): ErrorCode | 'accepted' {
  return verdict.kind === 'refused' ? verdict.problem.code : 'accepted';
}

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`${what} is not there`);
  return value;
}

/** What a look at the process that holds the id now found: nobody. */
export function goneHolder(fleet: Harness, id: string): ProbedHolder {
  return { incarnation: fleet.member(id).incarnation, verdict: 'gone' };
}
