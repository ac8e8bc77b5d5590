/**
 * Which agent gets which task: SPEC T3. Least load first, ties spread evenly; tasks by priority, then age. Agents
 * with the same handlers and capabilities form a class with one heap; tasks with the same requirement form a
 * queue: so a choice looks at classes and queues, never at all agents or all tasks.
 *
 * The leader's index over the state, rebuilt when a term starts. `placement-twin.ts` in the tests is the slow
 * obvious version.
 */
import { abilityKeyOf, abilityOf, canTake, type Ability } from './ability.ts';
import { Heap, KeyedHeap } from './heap.ts';
import type { LedgerEvent } from './events.ts';
import type { AgentId, TaskId } from './ids.ts';
import { currentAttempt, usedSlots, type FleetState, type Member, type Task } from './state.ts';
import { first, goesFirst, WaitingTasks, type Queue, type Waiting } from './waiting.ts';

export interface PlacementOptions {
  /** Load that the agent's author set, 0–1; 0 when none is known. */
  readonly loadOf: (id: AgentId) => number;
  /** Soft reasons not to give an agent anything new: it is suspect. */
  readonly isEligible: (id: AgentId) => boolean;
}

export interface Placed {
  readonly id: TaskId;
  readonly agent: AgentId;
  readonly attempt: number;
}

interface Room {
  readonly key: AgentId;
  readonly load: number;
  /** When it was last given something: among equal loads the one who waits longest is next. */
  readonly turn: number;
}

interface AgentClass {
  readonly ability: Ability;
  readonly rooms: KeyedHeap<Room>;
}

export class Placement {
  readonly #state: FleetState;
  readonly #options: PlacementOptions;
  readonly #waiting = new WaitingTasks();
  readonly #classes = new Map<string, AgentClass>();
  readonly #classOf = new Map<AgentId, AgentClass>();
  readonly #matching = new Map<string, readonly AgentClass[]>();
  readonly #turns = new Map<AgentId, number>();
  readonly #touched = new Set<AgentId>();
  #turn = 0;

  constructor(state: FleetState, options: PlacementOptions) {
    this.#state = state;
    this.#options = options;
    for (const id of state.members.keys()) this.touch(id);
    for (const task of state.tasks.values()) if (task.status === 'pending') this.#waiting.add(task);
  }

  /** Tasks that it holds, at most about twice as many as wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Call after the event has been applied. */
  observe(event: LedgerEvent): void {
    switch (event.type) {
      case 'task.submitted':
        this.#look(this.#state.tasks.get(event.task.id));
        break;
      case 'task.approved':
      case 'task.due':
      case 'task.attemptLost':
      case 'task.attemptReturned':
      case 'task.retried':
      case 'task.completed':
      case 'task.attemptFailed':
      case 'task.failed':
      case 'task.cancelled':
      case 'task.assigned':
        this.#look(this.#state.tasks.get(event.id));
        break;
      case 'attempt.released':
        this.touch(event.agent);
        break;
      case 'member.joined':
      case 'member.updated':
      case 'member.draining':
      case 'member.resumed':
      case 'member.left':
      case 'member.died':
        this.touch(event.id);
        break;
      case 'member.forgotten':
      case 'member.removed':
        this.#turns.delete(event.id);
        this.touch(event.id);
        break;
      default:
        break;
    }
  }

  /** The agent's room may have changed: its load, its eligibility. */
  touch(id: AgentId): void {
    this.#touched.add(id);
  }

  /** Chooses up to `limit` times, best task first. `assign` must emit the assignment before it returns. */
  place(limit: number, assign: (placed: Placed) => void): number {
    this.#refresh();
    const queues = new Heap<Queue>((a, b) => goesFirst(first(a) as Waiting, first(b) as Waiting));
    for (const queue of this.#waiting.queues()) if (this.#best(queue) !== undefined) queues.push(queue);
    let placed = 0;
    while (placed < limit) {
      const queue = queues.pop();
      if (queue === undefined) break;
      const task = first(queue) as Task | undefined;
      const room = this.#best(queue);
      if (task === undefined || room === undefined) continue;
      queue.heap.pop();
      this.#turn += 1;
      this.#turns.set(room.key, this.#turn);
      assign({ id: task.spec.id, agent: room.key, attempt: task.attempt + 1 });
      placed += 1;
      this.#refresh();
      if (first(queue) !== undefined) queues.push(queue);
    }
    return placed;
  }

  #look(task: Task | undefined): void {
    if (task === undefined) return;
    if (task.status === 'pending') this.#waiting.add(task);
    else if (task.status === 'cancelled') this.#waiting.cancelled(task);
    const agent = currentAttempt(task)?.agent;
    if (agent !== undefined) this.touch(agent);
  }

  #best(queue: Queue): Room | undefined {
    let best: Room | undefined;
    for (const each of this.#matchingClasses(queue)) {
      const room = each.rooms.peek();
      if (room !== undefined && (best === undefined || isRoomier(room, best))) best = room;
    }
    return best;
  }

  #matchingClasses(queue: Queue): readonly AgentClass[] {
    let matching = this.#matching.get(queue.signature);
    if (matching === undefined) {
      matching = [...this.#classes.values()].filter(({ ability }) => canTake(ability, queue.requirement));
      this.#matching.set(queue.signature, matching);
    }
    return matching;
  }

  #refresh(): void {
    for (const id of this.#touched) this.#refreshOne(id);
    this.#touched.clear();
  }

  #refreshOne(id: AgentId): void {
    const member = this.#state.members.get(id);
    const now = member === undefined ? undefined : this.#classFor(member);
    const before = this.#classOf.get(id);
    if (before !== undefined && before !== now) before.rooms.remove(id);
    if (member === undefined || now === undefined) {
      this.#classOf.delete(id);
      return;
    }
    this.#classOf.set(id, now);
    const used = usedSlots(member);
    if (member.status !== 'alive' || used >= member.profile.slots || !this.#options.isEligible(id)) {
      now.rooms.remove(id);
      return;
    }
    const load = Math.max(this.#options.loadOf(id), used / member.profile.slots);
    now.rooms.set({ key: id, load, turn: this.#turns.get(id) ?? 0 });
  }

  #classFor({ profile }: Member): AgentClass {
    const key = abilityKeyOf(profile);
    let found = this.#classes.get(key);
    if (found === undefined) {
      found = { ability: abilityOf(profile), rooms: new KeyedHeap(isRoomier) };
      this.#classes.set(key, found);
      this.#matching.clear();
    }
    return found;
  }
}

function isRoomier(a: Room, b: Room): boolean {
  if (a.load !== b.load) return a.load < b.load;
  return a.turn === b.turn ? a.key < b.key : a.turn < b.turn;
}
