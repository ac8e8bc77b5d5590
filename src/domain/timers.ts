/**
 * What the passing of ledger time will do next. Timers are data in the state; this is the leader's index over
 * them, rebuilt when a term starts. A task, a proposal and a member have one timer at most, which goes when it no
 * longer applies: there are never more of them than records that wait for a time.
 */
import { keptProposals, keptTasks, type RetentionSettings } from './decide-drops.ts';
import { KeyedHeap } from './heap.ts';
import type { LedgerEvent } from './events.ts';
import type { AgentId, ProposalId, TaskId } from './ids.ts';
import { RetentionWatch } from './retention.ts';
import type { Settings } from './settings.ts';
import { currentAttempt, type FleetState, type Task } from './state.ts';

export type Timer =
  | { readonly kind: 'task.due'; readonly at: number; readonly id: TaskId }
  | { readonly kind: 'task.timeout'; readonly at: number; readonly id: TaskId; readonly attempt: number }
  | { readonly kind: 'proposal.deadline'; readonly at: number; readonly id: ProposalId }
  | { readonly kind: 'member.forget'; readonly at: number; readonly id: AgentId }
  | { readonly kind: 'tasks.drop'; readonly at: number }
  | { readonly kind: 'proposals.drop'; readonly at: number };

export type TimerSettings = RetentionSettings & Pick<Settings, 'forgetMembersMs'>;

/** `key`: of whose timer it is. */
interface Pending {
  readonly key: string;
  readonly timer: Timer;
}

export class Timers {
  readonly #heap = new KeyedHeap<Pending>((a, b) => a.timer.at < b.timer.at);
  readonly #state: FleetState;
  readonly #settings: TimerSettings;
  readonly #ended: RetentionWatch<TaskId>;
  readonly #decided: RetentionWatch<ProposalId>;

  constructor(state: FleetState, settings: TimerSettings) {
    this.#state = state;
    this.#settings = settings;
    this.#ended = new RetentionWatch(keptTasks(state, settings));
    this.#decided = new RetentionWatch(keptProposals(state, settings));
    for (const task of state.tasks.values()) this.#watchTask(task);
    for (const id of state.proposals.keys()) this.#watchProposal(id);
    for (const id of state.members.keys()) this.#watchMember(id);
  }

  /** Call after the event has been applied. */
  observe(event: LedgerEvent): void {
    switch (event.type) {
      case 'task.submitted':
        this.#watch(event.task.id);
        break;
      case 'task.attemptFailed':
      case 'task.attemptLost':
      case 'task.attemptReturned':
      case 'task.started':
      case 'task.approved':
      case 'task.due':
      case 'task.cancelling':
        this.#watch(event.id);
        break;
      case 'task.failed':
      case 'task.completed':
      case 'task.cancelled':
        this.#watch(event.id);
        this.#ended.ended();
        break;
      case 'task.retried':
        this.#ended.left();
        break;
      case 'tasks.dropped':
        this.#ended.dropped(this.#state.at);
        break;
      case 'proposal.decided':
        this.#watchProposal(event.id);
        this.#decided.ended();
        break;
      case 'proposals.dropped':
        this.#decided.dropped(this.#state.at);
        break;
      case 'proposal.opened':
        this.#watchProposal(event.proposal.id);
        break;
      case 'member.joined':
      case 'member.left':
      case 'member.died':
      case 'member.forgotten':
      case 'member.removed':
        this.#watchMember(event.id);
        break;
      default:
        break;
    }
  }

  /** Ledger time of the next timer; null when there is none. */
  nextAt(): number | null {
    const at = Math.min(
      this.#heap.peek()?.timer.at ?? Infinity,
      this.#ended.nextAt() ?? Infinity,
      this.#decided.nextAt() ?? Infinity,
    );
    return at === Infinity ? null : at;
  }

  /** Removes and returns a timer that is due, the earliest but for drops, or null. A drop is taken to be decided. */
  takeDue(now: number): Timer | null {
    const next = this.#heap.peek();
    if (next !== undefined && next.timer.at <= now) {
      this.#heap.remove(next.key);
      return next.timer;
    }
    return takeDrop(this.#ended, 'tasks.drop', now) ?? takeDrop(this.#decided, 'proposals.drop', now);
  }

  #watch(id: TaskId): void {
    const task = this.#state.tasks.get(id);
    if (task !== undefined) this.#watchTask(task);
  }

  #watchTask(task: Task): void {
    this.#set(task.spec.id, timerOf(task, this.#state.at));
  }

  #watchProposal(id: ProposalId): void {
    const proposal = this.#state.proposals.get(id);
    const isOpen = proposal?.status === 'open';
    this.#set(id, isOpen ? { kind: 'proposal.deadline', at: proposal.spec.deadlineAt, id } : null);
  }

  #watchMember(id: AgentId): void {
    const member = this.#state.members.get(id);
    const isGone = member?.status === 'left' || member?.status === 'dead';
    const at = (member?.since ?? 0) + this.#settings.forgetMembersMs;
    this.#set(`member ${id}`, isGone ? { kind: 'member.forget', at, id } : null);
  }

  #set(key: string, timer: Timer | null): void {
    if (timer === null) this.#heap.remove(key);
    else this.#heap.set({ key, timer });
  }
}

function timerOf(task: Task, now: number): Timer | null {
  const { id, runTimeoutMs } = task.spec;
  if (task.status === 'scheduled' && task.dueAt !== null) return { kind: 'task.due', at: task.dueAt, id };
  if (task.status !== 'running' || runTimeoutMs === null) return null;
  const startedAt = currentAttempt(task)?.startedAt ?? now;
  return { kind: 'task.timeout', at: startedAt + runTimeoutMs, id, attempt: task.attempt };
}

function takeDrop<K extends 'tasks.drop' | 'proposals.drop'>(
  watch: Pick<RetentionWatch<unknown>, 'nextAt' | 'take'>,
  kind: K,
  now: number,
): { readonly kind: K; readonly at: number } | null {
  const at = watch.nextAt();
  if (at === null || at > now) return null;
  watch.take();
  return { kind, at };
}
