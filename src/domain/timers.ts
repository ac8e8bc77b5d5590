/**
 * What the passing of ledger time will do next. Timers are data in the state; this is the leader's index over
 * them, rebuilt when a term starts. A timer that no longer applies is skipped when it is due.
 */
import { Heap } from './heap.ts';
import type { LedgerEvent } from './events.ts';
import type { AgentId, ProposalId, TaskId } from './ids.ts';
import { currentAttempt, type FleetState, type Task } from './state.ts';

export type Timer =
  | { readonly kind: 'task.due'; readonly at: number; readonly id: TaskId }
  | { readonly kind: 'task.timeout'; readonly at: number; readonly id: TaskId; readonly attempt: number }
  | { readonly kind: 'proposal.deadline'; readonly at: number; readonly id: ProposalId }
  | { readonly kind: 'member.forget'; readonly at: number; readonly id: AgentId };

export class Timers {
  readonly #heap = new Heap<Timer>((a, b) => a.at < b.at);
  readonly #state: FleetState;
  readonly #forgetMembersMs: number;

  constructor(state: FleetState, forgetMembersMs: number) {
    this.#state = state;
    this.#forgetMembersMs = forgetMembersMs;
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
      case 'task.started':
      case 'task.approved':
        this.#watch(event.id);
        break;
      case 'proposal.opened':
        this.#watchProposal(event.proposal.id);
        break;
      case 'member.left':
      case 'member.died':
        this.#watchMember(event.id);
        break;
      default:
        break;
    }
  }

  /** Ledger time of the next timer; null when there is none. */
  nextAt(): number | null {
    return this.#heap.peek()?.at ?? null;
  }

  /** Removes and returns the next timer that is due, or null. */
  takeDue(now: number): Timer | null {
    const next = this.#heap.peek();
    if (next === undefined || next.at > now) return null;
    this.#heap.pop();
    return next;
  }

  #watch(id: TaskId): void {
    const task = this.#state.tasks.get(id);
    if (task !== undefined) this.#watchTask(task);
  }

  #watchTask(task: Task): void {
    const { id, runTimeoutMs } = task.spec;
    if (task.status === 'scheduled' && task.dueAt !== null) {
      this.#heap.push({ kind: 'task.due', at: task.dueAt, id });
    } else if (task.status === 'running' && runTimeoutMs !== null) {
      const startedAt = currentAttempt(task)?.startedAt ?? this.#state.at;
      this.#heap.push({ kind: 'task.timeout', at: startedAt + runTimeoutMs, id, attempt: task.attempt });
    }
  }

  #watchProposal(id: ProposalId): void {
    const proposal = this.#state.proposals.get(id);
    if (proposal?.status !== 'open') return;
    this.#heap.push({ kind: 'proposal.deadline', at: proposal.spec.deadlineAt, id });
  }

  #watchMember(id: AgentId): void {
    const member = this.#state.members.get(id);
    if (member?.status !== 'left' && member?.status !== 'dead') return;
    this.#heap.push({ kind: 'member.forget', at: member.since + this.#forgetMembersMs, id });
  }
}
