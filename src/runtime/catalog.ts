/**
 * Which tasks and proposals fit a filter, as sets of positions: a page costs the same however many there are. Built
 * once from a state, then kept in step with `touchTask` and `touchProposal`. It copies nothing that it lists.
 *
 * A task's position is its `ordinal`. Proposals carry no such number: theirs is their place in the order of opening.
 */
import { Bitmap, countOf, select } from '../domain/bitmap.ts';
import type { ProposalId, TaskId } from '../domain/ids.ts';
import {
  currentAttempt,
  type FleetState,
  type Proposal,
  type ProposalStatus,
  type Task,
  type TaskStatus,
} from '../domain/state.ts';

export interface TaskFilter {
  readonly type?: string;
  readonly status?: TaskStatus;
  /** Who has, or had, the latest attempt. */
  readonly agent?: string;
  /** Required by the task. */
  readonly capability?: string;
  /** Somewhere in the target, in capitals or not. */
  readonly text?: string;
}

export interface Slice {
  /** Left out at the beginning. */
  readonly skip: number;
  /** At most so many, ≥ 1. */
  readonly take: number;
  readonly order: 'oldest' | 'newest';
  /** Begins behind this position. */
  readonly after?: number;
}

export interface Found<T> {
  readonly items: readonly T[];
  /** That fit the filter; null: too many to search each for the text. */
  readonly total: number | null;
  /** Where the next page begins: behind the thing with this key; null: there is none. */
  readonly next: { readonly after: string; readonly skip: number } | null;
}

/** What a cursor calls a task; `ordinalIn` reads it. */
export function keyOfTask({ ordinal }: Pick<Task, 'ordinal'>): string {
  return String(ordinal);
}

/** Null: no task was ever called so. */
export function ordinalIn(key: string): number | null {
  return /^[0-9]{1,15}$/.test(key) ? Number(key) : null;
}

/** What a cursor calls a proposal; `Catalog.placeOf` finds it. */
export function keyOfProposal({ spec }: Pick<Proposal, 'spec'>): string {
  return spec.id;
}

/** Tasks that are searched for a text, for one page. */
const SEARCHED_MAX = 10_000;
const SEARCHED_AT_ONCE = 500;

interface Row {
  readonly task: Task;
  status: TaskStatus;
  agent: string | null;
}

export class Catalog {
  readonly state: FleetState;
  readonly #tasks = new Bitmap();
  readonly #byStatus = new Facet();
  readonly #byType = new Facet();
  readonly #byAgent = new Facet();
  readonly #byCapability = new Facet();
  readonly #rows = new Map<TaskId, Row>();
  readonly #byOrdinal = new Map<number, Task>();
  #proposals: ProposalList;

  constructor(state: FleetState) {
    this.state = state;
    for (const task of state.tasks.values()) this.#add(task);
    this.#proposals = new ProposalList(state.proposals.values());
  }

  /** The task may be new, changed, or dropped from the state. */
  touchTask(id: TaskId): void {
    const task = this.state.tasks.get(id);
    const row = this.#rows.get(id);
    if (row === undefined) {
      if (task !== undefined) this.#add(task);
    } else if (task === undefined) this.#drop(row);
    else this.#update(row);
  }

  /** The proposal may be new, decided, or dropped from the state. */
  touchProposal(id: ProposalId): void {
    const { proposals } = this.state;
    this.#proposals.touch(id, proposals.get(id));
    if (this.#proposals.isMostlyHoles) this.#proposals = new ProposalList(proposals.values());
  }

  tasks(filter: TaskFilter, slice: Slice): Found<Task> {
    const sets = this.#setsFor(filter);
    if (sets === null) return { items: [], total: 0, next: null };
    const { text } = filter;
    return text === undefined
      ? pageOf({ sets, items: this.#byOrdinal, keyOf: keyOfTask }, slice)
      : this.#search(sets, text, slice);
  }

  proposals(filter: { readonly status?: ProposalStatus }, slice: Slice): Found<Proposal> {
    return this.#proposals.page(filter, slice);
  }

  /** Position of a proposal, or of where it would be. */
  placeOf(id: string): number {
    return this.#proposals.placeOf(id);
  }

  #add(task: Task): void {
    const { ordinal, spec, status } = task;
    const agent = currentAttempt(task)?.agent ?? null;
    this.#rows.set(spec.id, { task, status, agent });
    this.#byOrdinal.set(ordinal, task);
    this.#tasks.set(ordinal);
    this.#byStatus.add(status, ordinal);
    this.#byType.add(spec.type, ordinal);
    if (agent !== null) this.#byAgent.add(agent, ordinal);
    for (const capability of spec.requiredCapabilities) this.#byCapability.add(capability, ordinal);
  }

  #update(row: Row): void {
    const { task, status, agent } = row;
    const { ordinal } = task;
    if (status !== task.status) {
      this.#byStatus.remove(status, ordinal);
      this.#byStatus.add(task.status, ordinal);
      row.status = task.status;
    }
    const holder = currentAttempt(task)?.agent ?? null;
    if (holder === agent) return;
    if (agent !== null) this.#byAgent.remove(agent, ordinal);
    if (holder !== null) this.#byAgent.add(holder, ordinal);
    row.agent = holder;
  }

  #drop({ task, status, agent }: Row): void {
    const { ordinal, spec } = task;
    this.#rows.delete(spec.id);
    this.#byOrdinal.delete(ordinal);
    this.#tasks.clear(ordinal);
    this.#byStatus.remove(status, ordinal);
    this.#byType.remove(spec.type, ordinal);
    if (agent !== null) this.#byAgent.remove(agent, ordinal);
    for (const capability of spec.requiredCapabilities) this.#byCapability.remove(capability, ordinal);
  }

  /** Null: nothing can fit. */
  #setsFor({ status, type, agent, capability }: TaskFilter): Bitmap[] | null {
    const sets: Bitmap[] = [];
    const asked = [
      [this.#byStatus, status],
      [this.#byType, type],
      [this.#byAgent, agent],
      [this.#byCapability, capability],
    ] as const;
    for (const [facet, value] of asked) {
      if (value === undefined) continue;
      const set = facet.get(value);
      if (set === undefined) return null;
      sets.push(set);
    }
    return sets.length === 0 ? [this.#tasks] : sets;
  }

  #search(sets: readonly Bitmap[], text: string, slice: Slice): Found<Task> {
    const wanted = text.toLowerCase();
    const isAbout = (ordinal: number): boolean =>
      this.#byOrdinal.get(ordinal)?.spec.target?.toLowerCase().includes(wanted) === true;
    const source = { sets, items: this.#byOrdinal, keyOf: keyOfTask };
    const isFew = countOf(sets) <= SEARCHED_MAX;
    return isFew ? searchAll(source, isAbout, slice) : searchOn(source, isAbout, slice);
  }
}

/** Sets of positions by a value; only values that something has. */
class Facet {
  readonly #sets = new Map<string, Bitmap>();

  get(value: string): Bitmap | undefined {
    return this.#sets.get(value);
  }

  add(value: string, position: number): void {
    let set = this.#sets.get(value);
    if (set === undefined) {
      set = new Bitmap();
      this.#sets.set(value, set);
    }
    set.set(position);
  }

  remove(value: string, position: number): void {
    const set = this.#sets.get(value);
    set?.clear(position);
    if (set?.count === 0) this.#sets.delete(value);
  }
}

/** Proposals in order of opening; their ids are in the same order. */
class ProposalList {
  readonly #places = new Map<ProposalId, { readonly place: number; status: ProposalStatus }>();
  /** By place, with those that were dropped. */
  readonly #ids: ProposalId[] = [];
  readonly #byPlace = new Map<number, Proposal>();
  readonly #all = new Bitmap();
  readonly #byStatus = new Facet();

  constructor(proposals: Iterable<Proposal>) {
    for (const proposal of proposals) this.touch(proposal.spec.id, proposal);
  }

  get isMostlyHoles(): boolean {
    return this.#ids.length > HOLES_MIN && this.#ids.length > 2 * this.#places.size;
  }

  touch(id: ProposalId, proposal: Proposal | undefined): void {
    const row = this.#places.get(id);
    if (row === undefined) {
      if (proposal !== undefined) this.#add(id, proposal);
      return;
    }
    if (proposal?.status === row.status) return;
    this.#byStatus.remove(row.status, row.place);
    if (proposal !== undefined) {
      row.status = proposal.status;
      this.#byStatus.add(row.status, row.place);
      return;
    }
    this.#places.delete(id);
    this.#byPlace.delete(row.place);
    this.#all.clear(row.place);
  }

  page({ status }: { readonly status?: ProposalStatus }, slice: Slice): Found<Proposal> {
    const set = status === undefined ? this.#all : this.#byStatus.get(status);
    return set === undefined
      ? { items: [], total: 0, next: null }
      : pageOf({ sets: [set], items: this.#byPlace, keyOf: keyOfProposal }, slice);
  }

  /** Of an id that is not here: between those of its neighbours. */
  placeOf(id: string): number {
    let low = 0;
    let high = this.#ids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ids[middle] as string) <= id) low = middle + 1;
      else high = middle;
    }
    return this.#ids[low - 1] === id ? low - 1 : low - 0.5;
  }

  #add(id: ProposalId, proposal: Proposal): void {
    const place = this.#ids.push(id) - 1;
    this.#places.set(id, { place, status: proposal.status });
    this.#byPlace.set(place, proposal);
    this.#all.set(place);
    this.#byStatus.add(proposal.status, place);
  }
}

/** Dropped proposals whose places are kept at least before the list is made anew. */
const HOLES_MIN = 1_024;

/** Looks at everything, so that what fits can be counted. */
function searchAll<T>(source: Source<T>, fits: (position: number) => boolean, slice: Slice): Found<T> {
  const { skip, take, order, after } = slice;
  const searched = select(source.sets, { skip: 0, take: SEARCHED_MAX, ...range(order, {}) });
  const fitting = searched.filter(fits);
  const isBehind = (position: number): boolean =>
    after === undefined || (order === 'oldest' ? position > after : position < after);
  const page = fitting.filter(isBehind).slice(skip, skip + take + 1);
  return { ...shown(source, page, take), total: fitting.length };
}

/** Looks on until the page is full, or as far as one page may; the next page goes on there. */
function searchOn<T>(source: Source<T>, fits: (position: number) => boolean, slice: Slice): Found<T> {
  const { skip, take, order } = slice;
  const wanted = skip + take + 1;
  const fitting: number[] = [];
  let { after } = slice;
  for (let searched = 0; searched < SEARCHED_MAX; searched += SEARCHED_AT_ONCE) {
    const bounds = range(order, after === undefined ? {} : { after });
    const positions = select(source.sets, { skip: 0, take: SEARCHED_AT_ONCE, ...bounds });
    fitting.push(...positions.filter(fits));
    const isOver = fitting.length >= wanted || positions.length < SEARCHED_AT_ONCE;
    if (isOver) return { ...shown(source, fitting.slice(skip, wanted), take), total: null };
    after = positions.at(-1);
  }
  const { items } = shown(source, fitting.slice(skip, wanted), take);
  const next = { after: String(after ?? ''), skip: Math.max(0, skip - fitting.length) };
  return { items, total: null, next };
}

interface Source<T> {
  readonly sets: readonly Bitmap[];
  readonly items: ReadonlyMap<number, T>;
  readonly keyOf: (item: T) => string;
}

function pageOf<T>(source: Source<T>, slice: Slice): Found<T> {
  const { skip, take, order } = slice;
  // One more than asked for tells whether there is a next page.
  const positions = select(source.sets, { skip, take: take + 1, ...range(order, slice) });
  return { ...shown(source, positions, take), total: countOf(source.sets) };
}

function shown<T>(
  { items, keyOf }: Source<T>,
  positions: readonly number[],
  take: number,
): Pick<Found<T>, 'items' | 'next'> {
  const page = positions.slice(0, take).map((position) => items.get(position) as T);
  const last = page.at(-1);
  const hasMore = positions.length > take && last !== undefined;
  return { items: page, next: hasMore ? { after: keyOf(last), skip: 0 } : null };
}

function range(
  order: Slice['order'],
  { after }: Pick<Slice, 'after'>,
): { readonly order: 'ascending' | 'descending'; readonly after?: number } {
  return {
    order: order === 'oldest' ? 'ascending' : 'descending',
    ...(after === undefined ? {} : { after }),
  };
}
