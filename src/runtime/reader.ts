/**
 * Everything that is shown of a fleet, in one place: the leader, a standby while nobody leads, and a process that
 * looks on answer with the same objects. What lists and figures need is made at the first question, and kept in
 * step from then on by `touch`: who is never asked pays nothing.
 */
import type { Broker } from '../domain/durability.ts';
import type { Entry, LedgerEvent } from '../domain/events.ts';
import { explain } from '../domain/explain.ts';
import { fleetHealth } from '../domain/health.ts';
import type { AgentId, ProposalId, TaskId } from '../domain/ids.ts';
import type { FleetState, Member, MemberStatus, Task } from '../domain/state.ts';
import type { ExplanationView } from '../wire/explanation.ts';
import type { AgentsQuery, ProposalsQuery, TasksQuery } from '../wire/messages.ts';
import { memberStates } from '../wire/states.ts';
import {
  PAGE_ITEMS,
  PAGE_ITEMS_MAX,
  type AgentsPage,
  type AgentView,
  type OutcomeView,
  type ProgressView,
  type ProposalsPage,
  type ProposalView,
  type StatusView,
  type Suspicion,
  type TasksPage,
  type TaskView,
} from '../wire/views.ts';
import { Catalog, keyOfProposal, keyOfTask, ordinalIn, type Found, type Slice } from './catalog.ts';
import { badCursor, cursorText, readCursor, skipWithCursor } from './cursor.ts';
import { membershipOf } from './membership.ts';
import { progressOf } from './progress.ts';
import type { Beat } from './roster.ts';
import { Statistics } from './statistics.ts';
import { agentView, outcomeView, proposalView, statusView, taskView, type Seen } from './views.ts';

export interface ReaderSource {
  readonly fleet: string;
  /** The state as it is now; a replica that starts anew has another one. */
  readonly state: () => FleetState;
  /** As this process sees it; null: as the ledger says. */
  readonly memberState: (id: AgentId) => string | null;
  /** Why it is suspect, if it is. */
  readonly suspicionOf: (id: AgentId) => Suspicion | null;
  readonly roster: { get(id: AgentId): Beat | undefined };
  /** Monotonic, milliseconds. */
  readonly now: () => number;
  /** Ledger time. */
  readonly ledgerNow: () => number;
  readonly hasLeader: () => boolean;
  /** As this process sees it; null: it has not looked yet, or there is none. */
  readonly broker: () => Broker | null;
}

/** Pending tasks that are looked at for one explanation. */
const EXPLAINED_MAX = 10_000;

/** How much of a page can be carried: the first of the items. */
export type Cut = <T>(items: readonly T[]) => readonly T[];

export class Reader {
  readonly #source: ReaderSource;
  #catalog: Catalog | null = null;
  #statistics: Statistics | null = null;
  /** What both are about. */
  #state: FleetState | null = null;

  constructor(source: ReaderSource) {
    this.#source = source;
  }

  /** An entry was applied. */
  observe(entry: Entry): void {
    for (const event of entry.events) this.touch(event);
  }

  /** An event was applied. Costs nothing until something was asked that needs it. */
  touch(event: LedgerEvent): void {
    if (this.#state === null) return;
    this.#statistics?.touch(event);
    if (this.#catalog === null) return;
    if (event.type === 'tasks.dropped') for (const id of event.ids) this.#catalog.touchTask(id);
    else if (event.type === 'proposals.dropped') for (const id of event.ids) this.#catalog.touchProposal(id);
    else if (event.type.startsWith('task.')) this.#catalog.touchTask(idOf(event) as TaskId);
    else if (event.type.startsWith('proposal.')) this.#catalog.touchProposal(idOf(event) as ProposalId);
  }

  /** Makes now what the first question would wait for: some 0.5 µs for each task. */
  prepare(): void {
    this.#catalogNow();
    this.#statisticsNow();
  }

  task(id: string): TaskView | null {
    const task = this.#stateNow().tasks.get(id as TaskId);
    return task === undefined ? null : this.#taskView(task);
  }

  outcome(id: string): OutcomeView | null {
    const task = this.#stateNow().tasks.get(id as TaskId);
    return task === undefined ? null : outcomeView(task);
  }

  /** Why a task stands where it stands. */
  explain(id: string): ExplanationView | null {
    const state = this.#stateNow();
    const task = state.tasks.get(id as TaskId);
    if (task === undefined) return null;
    const oldest = { skip: 0, take: EXPLAINED_MAX, order: 'oldest' } as const;
    const isPending = task.status === 'pending';
    const pending = isPending ? this.#catalogNow().tasks({ status: 'pending' }, oldest).items : [];
    return explain(state, task, {
      now: this.#source.ledgerNow(),
      stateOf: (member) => this.#see(member).state,
      progress: this.#progressOf(task),
      pending,
      pendingTotal: state.counts.tasks.pending,
    });
  }

  proposal(id: string): ProposalView | null {
    const proposal = this.#stateNow().proposals.get(id as ProposalId);
    return proposal === undefined ? null : proposalView(proposal);
  }

  agent(id: string): AgentView | null {
    const member = this.#stateNow().members.get(id as AgentId);
    return member === undefined ? null : this.#agentView(this.#see(member));
  }

  /** Throws `INVALID`, naming `cursor`, for one that is not of this list, or `skip`, which does not go with one. */
  tasks(query: TasksQuery = {}, cut: Cut = whole): TasksPage {
    const catalog = this.#catalogNow();
    const slice = sliceOf(query, ordinalIn);
    const found = catalog.tasks(query, slice);
    const { items, next } = pageOf(found, {
      ...slice,
      cut,
      view: (task) => this.#taskView(task),
      keyOf: keyOfTask,
    });
    const { tasks, tasksByType } = catalog.state.counts;
    const byType = Object.fromEntries(tasksByType);
    return { tasks: items, total: found.total, next, byStatus: { ...tasks }, byType };
  }

  /** Throws as `tasks` does. */
  proposals(query: ProposalsQuery = {}, cut: Cut = whole): ProposalsPage {
    const catalog = this.#catalogNow();
    const slice = sliceOf(query, (after) => catalog.placeOf(after));
    const found = catalog.proposals(query, slice);
    const { items, next } = pageOf(found, { ...slice, cut, view: proposalView, keyOf: keyOfProposal });
    const byStatus = { ...catalog.state.counts.proposals };
    return { proposals: items, total: found.total ?? items.length, next, byStatus };
  }

  /** By id. Throws as `tasks` does. */
  agents(query: AgentsQuery = {}, cut: Cut = whole): AgentsPage {
    const { skip, take, after } = sliceOf(query, (key) => key);
    const fitting = [...this.#everybody()].filter(({ member, state }) => isAsked(member, state, query));
    const ahead = after === undefined ? fitting : fitting.filter(({ member }) => member.id > after);
    const ids = ahead.map(({ member }) => member.id).sort();
    const page = ids.slice(skip, skip + take).flatMap((id) => this.agent(id) ?? []);
    const next = ids.length > skip + take ? { after: page.at(-1)?.id ?? '', skip: 0 } : null;
    const found = { items: page, next };
    const shown = pageOf(found, { order: 'oldest', cut, view: itself, keyOf: ({ id }) => id });
    return { agents: shown.items, total: fitting.length, next: shown.next };
  }

  status(): StatusView {
    const { fleet, ledgerNow, hasLeader, broker } = this.#source;
    const state = this.#stateNow();
    const statistics = this.#statisticsNow();
    const { agents, suspects, deaf, dead } = membershipOf(this.#everybody());
    const { total: known, alive, averageHealth } = agents;
    const facts = { hasLeader: hasLeader(), known, alive, suspects, deaf, dead, averageHealth };
    const health = fleetHealth({ ...facts, unmet: statistics.unmet() });
    const at = ledgerNow();
    const pace = statistics.pace(at);
    return statusView(state, {
      fleet,
      hasLeader: facts.hasLeader,
      at,
      health,
      agents,
      pace,
      broker: broker(),
    });
  }

  /** The source's; another one than before makes what was built worthless. */
  #stateNow(): FleetState {
    const state = this.#source.state();
    if (state !== this.#state) {
      this.#state = state;
      this.#catalog = null;
      this.#statistics = null;
    }
    return state;
  }

  #catalogNow(): Catalog {
    const state = this.#stateNow();
    this.#catalog ??= new Catalog(state);
    return this.#catalog;
  }

  #statisticsNow(): Statistics {
    const state = this.#stateNow();
    this.#statistics ??= new Statistics(state);
    return this.#statistics;
  }

  *#everybody(): Iterable<Seen> {
    for (const member of this.#stateNow().members.values()) yield this.#see(member);
  }

  #see(member: Member): Seen {
    const { roster, memberState, suspicionOf } = this.#source;
    const beat = roster.get(member.id);
    const state = memberStates.find((each) => each === memberState(member.id)) ?? member.status;
    const suspicion = state === 'suspect' ? suspicionOf(member.id) : null;
    const isItsOwn = beat?.incarnation === member.incarnation;
    return { member, state, suspicion, beat: isItsOwn ? beat : undefined };
  }

  #taskView(task: Task): TaskView {
    return taskView(task, this.#progressOf(task));
  }

  #progressOf(task: Task): ProgressView | null {
    const { roster, now } = this.#source;
    return progressOf(task, { beat: (agent) => roster.get(agent), now: now() });
  }

  #agentView(seen: Seen): AgentView {
    const { now, hasLeader } = this.#source;
    const leader = hasLeader() ? (this.#stateNow().leader?.id ?? null) : null;
    return agentView(seen, { leader, now: now() });
  }
}

function whole<T>(items: readonly T[]): readonly T[] {
  return items;
}

function itself<T>(item: T): T {
  return item;
}

function idOf(event: LedgerEvent): string {
  if ('task' in event) return event.task.id;
  if ('proposal' in event) return event.proposal.id;
  return 'id' in event ? event.id : '';
}

function isAsked({ profile }: Member, state: MemberStatus, query: AgentsQuery): boolean {
  if (query.state !== undefined && state !== query.state) return false;
  return query.capability === undefined || profile.capabilities.includes(query.capability);
}

interface PageQuery {
  readonly skip?: number;
  readonly limit?: number;
  readonly cursor?: string;
  readonly order?: Slice['order'];
}

/** `positionOf`: of the thing that the cursor names; null: it names none. */
function sliceOf<P>(
  { skip = 0, limit = PAGE_ITEMS, cursor, order }: PageQuery,
  positionOf: (key: string) => P | null,
): Omit<Slice, 'after'> & { readonly after?: P } {
  const take = Math.min(limit, PAGE_ITEMS_MAX);
  if (cursor === undefined) return { skip, take, order: order ?? 'oldest' };
  const read = readCursor(cursor, order);
  const after = positionOf(read.after);
  if (after === null) throw badCursor('is not a cursor of this list');
  if (skip > 0) throw skipWithCursor();
  return { skip: read.skip, take, order: read.order, after };
}

interface Showing<T, V> {
  readonly order: Slice['order'];
  readonly cut: Cut;
  readonly view: (item: T) => V;
  readonly keyOf: (item: T) => string;
}

/** The views that fit, and the cursor behind the last of them. */
function pageOf<T, V>(
  found: Pick<Found<T>, 'items' | 'next'>,
  { order, cut, view, keyOf }: Showing<T, V>,
): { readonly items: readonly V[]; readonly next: string | null } {
  const items = cut(found.items.map(view));
  const last = found.items[items.length - 1];
  const isCut = items.length < found.items.length && last !== undefined;
  const next = isCut ? { after: keyOf(last), skip: 0 } : found.next;
  return { items, next: next === null ? null : cursorText({ order, ...next }) };
}
