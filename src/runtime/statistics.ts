/**
 * What the state does not count itself: how fast tasks are completed and taken, which waits longest, and what waits
 * for agents that are not there. Built from a state, then kept in step with `touch`; reading costs the same however
 * many tasks there are. What the state has dropped is not known to one that is built later: its pace can be low for the
 * first minute.
 */
import { Bitmap } from '../domain/bitmap.ts';
import type { EventOf, LedgerEvent } from '../domain/events.ts';
import { abilitiesOf } from '../domain/ability.ts';
import { lackOf, type Lack, type Unmet } from '../domain/health.ts';
import type { TaskId } from '../domain/ids.ts';
import { currentAttempt, isPresent, type Attempt, type FleetState, type Task } from '../domain/state.ts';
import { requirementOf, signatureOf, type Requirement } from '../domain/waiting.ts';
import type { StatusView } from '../wire/views.ts';

export type Pace = Pick<StatusView['tasks'], 'completedPerMinute' | 'waitingMs' | 'oldestWaitingMs'>;

/** The window of what is "in the last minute". */
const WINDOW_SECONDS = 60;
/** Requirements that nobody meets, as listed in one answer. */
const UNMET_MAX = 100;

interface Second {
  /** Ledger time, whole seconds since 1970. */
  second: number;
  completed: number;
  assigned: number;
  waitedMs: number;
}

interface Wanted {
  readonly requirement: Requirement;
  /** Pending tasks with this requirement. */
  tasks: number;
  /** As judged last; null: somebody could take them. */
  lack: Lack | null;
}

export class Statistics {
  readonly #state: FleetState;
  readonly #pending = new Map<TaskId, Task>();
  /** The same by ordinal, and their ordinals for the smallest of them. */
  readonly #byOrdinal = new Map<number, Task>();
  readonly #ordinals = new Bitmap();
  readonly #wanted = new Map<string, Wanted>();
  readonly #unjudged = new Set<Wanted>();
  readonly #unmet = new Set<Wanted>();
  readonly #seconds: Second[] = Array.from({ length: WINDOW_SECONDS }, () => ({
    second: 0,
    completed: 0,
    assigned: 0,
    waitedMs: 0,
  }));
  #isMembershipNew = false;

  constructor(state: FleetState) {
    this.#state = state;
    for (const task of state.tasks.values()) {
      this.#weigh(task);
      const { endedAt, status } = task;
      if (status === 'completed' && endedAt !== null) this.#countCompleted(endedAt);
      const [first] = task.attempts;
      if (first?.attempt === 1) this.#countAssigned(task, first);
    }
  }

  /** Call after the event has been applied. */
  touch(event: LedgerEvent): void {
    switch (event.type) {
      case 'task.submitted':
        this.#weighById(event.task.id);
        break;
      case 'task.completed':
        this.#countCompleted(this.#state.at);
        break;
      case 'task.assigned':
        this.#assigned(event);
        break;
      case 'task.approved':
      case 'task.due':
      case 'task.attemptLost':
      case 'task.attemptReturned':
      case 'task.failed':
      case 'task.cancelled':
      case 'task.retried':
        this.#weighById(event.id);
        break;
      case 'tasks.dropped':
        for (const id of event.ids) this.#unpend(id);
        break;
      case 'member.joined':
      case 'member.updated':
      case 'member.left':
      case 'member.died':
      case 'member.forgotten':
      case 'member.removed':
        this.#isMembershipNew = true;
        break;
      default:
        break;
    }
  }

  /** `now`: ledger time. */
  pace(now: number): Pace {
    const since = secondOf(now) - WINDOW_SECONDS;
    let completedPerMinute = 0;
    let assigned = 0;
    let waitedMs = 0;
    for (const each of this.#seconds) {
      if (each.second <= since) continue;
      completedPerMinute += each.completed;
      assigned += each.assigned;
      waitedMs += each.waitedMs;
    }
    const waitingMs = assigned === 0 ? null : Math.round(waitedMs / assigned);
    return { completedPerMinute, waitingMs, oldestWaitingMs: this.#oldestWaitingMs(now) };
  }

  /** What no present member could ever take, at most 100 requirements. */
  unmet(): Unmet[] {
    this.#judge();
    const found: Unmet[] = [];
    for (const { requirement, tasks, lack } of this.#unmet) {
      if (found.length >= UNMET_MAX) break;
      if (lack !== null) found.push({ requirement, tasks, lack });
    }
    return found;
  }

  #oldestWaitingMs(now: number): number | null {
    const oldest = this.#byOrdinal.get(this.#ordinals.first() ?? -1);
    return oldest === undefined ? null : Math.max(0, Math.round(now - oldest.submittedAt));
  }

  #assigned({ id, attempt }: EventOf<'task.assigned'>): void {
    const task = this.#state.tasks.get(id);
    if (task === undefined) return;
    this.#weigh(task);
    const current = currentAttempt(task);
    if (attempt === 1 && current !== undefined) this.#countAssigned(task, current);
  }

  #weighById(id: TaskId): void {
    const task = this.#state.tasks.get(id);
    if (task !== undefined) this.#weigh(task);
  }

  /** Keeps what is pending in step with one task. */
  #weigh(task: Task): void {
    if (task.status !== 'pending') {
      this.#unpend(task.spec.id);
      return;
    }
    if (this.#pending.has(task.spec.id)) return;
    this.#pending.set(task.spec.id, task);
    this.#byOrdinal.set(task.ordinal, task);
    this.#ordinals.set(task.ordinal);
    this.#want(signatureOf(task.spec), task);
  }

  /** It waits no longer. It may be dropped already: an entry is applied whole before it is looked at. */
  #unpend(id: TaskId): void {
    const task = this.#pending.get(id);
    if (task === undefined) return;
    this.#pending.delete(id);
    this.#byOrdinal.delete(task.ordinal);
    this.#ordinals.clear(task.ordinal);
    this.#unwant(signatureOf(task.spec));
  }

  #want(signature: string, { spec }: Task): void {
    let wanted = this.#wanted.get(signature);
    if (wanted === undefined) {
      wanted = { requirement: requirementOf(spec), tasks: 0, lack: null };
      this.#wanted.set(signature, wanted);
      this.#unjudged.add(wanted);
    }
    wanted.tasks += 1;
  }

  #unwant(signature: string): void {
    const wanted = this.#wanted.get(signature);
    if (wanted === undefined) return;
    wanted.tasks -= 1;
    if (wanted.tasks > 0) return;
    this.#wanted.delete(signature);
    this.#unjudged.delete(wanted);
    this.#unmet.delete(wanted);
  }

  /** Judges what is new; everything after a change of membership. */
  #judge(): void {
    if (!this.#isMembershipNew && this.#unjudged.size === 0) return;
    const toJudge = this.#isMembershipNew ? this.#wanted.values() : this.#unjudged;
    this.#isMembershipNew = false;
    const present = [...this.#state.members.values()].filter(isPresent);
    const abilities = abilitiesOf(present.map(({ profile }) => profile));
    for (const wanted of toJudge) {
      wanted.lack = lackOf(wanted.requirement, abilities);
      if (wanted.lack === null) this.#unmet.delete(wanted);
      else this.#unmet.add(wanted);
    }
    this.#unjudged.clear();
  }

  #countCompleted(at: number): void {
    const second = this.#secondOf(at);
    if (second !== null) second.completed += 1;
  }

  #countAssigned({ spec, submittedAt }: Task, { assignedAt }: Attempt): void {
    const second = this.#secondOf(assignedAt);
    if (second === null) return;
    second.assigned += 1;
    second.waitedMs += Math.max(0, assignedAt - Math.max(submittedAt, spec.notBefore ?? 0));
  }

  /** Its place in the ring; null: that second is out of the window. */
  #secondOf(at: number): Second | null {
    const second = secondOf(at);
    const place = this.#seconds[second % WINDOW_SECONDS] as Second;
    if (place.second > second) return null;
    if (place.second < second) Object.assign(place, { second, completed: 0, assigned: 0, waitedMs: 0 });
    return place;
  }
}

function secondOf(at: number): number {
  return Math.floor(at / 1_000);
}
