/**
 * Heartbeats list what an agent runs; the ledger says what it should run. Differences both ways are settled:
 * unknown to the ledger → stop it; delivered to the agent, then missing from two beats while no report is
 * pending → lost (DESIGN §6).
 */
import type { DecisionContext } from '../domain/decision.ts';
import { lose, takeBack } from '../domain/decide-tasks.ts';
import type { TaskId } from '../domain/ids.ts';
import { attemptKey, currentAttempt, presentMember, type FleetState, type Member } from '../domain/state.ts';
import type { Committer } from './committer.ts';
import type { Dispatch } from './dispatch.ts';
import type { Beat } from './roster.ts';

/** What of the office is needed here. */
export interface Reconciler {
  readonly state: FleetState;
  readonly committer: Committer;
  readonly dispatch: Dispatch;
  context(): DecisionContext;
}

/** Beats in which a delivered attempt may be missing. */
const MISSING_MAX = 2;

/** `missed`: attempt → beats without it; kept by the caller. */
export function reconcile(office: Reconciler, beat: Beat, missed: Map<string, number>): void {
  const member = presentMember(office.state, beat);
  if (member === undefined) {
    tellToRejoin(office, beat);
    return;
  }
  stopUnknown(office, member, beat);
  loseMissing(office, member, beat, missed);
  office.dispatch.flush();
}

/**
 * Its inbox is silent: what it was never given goes to others and does not count as an attempt. What it has confirmed
 * goes on. One that it got all the same, with the answer lost, is stopped when it reports.
 */
export function takeBackUndelivered(office: Reconciler, member: Member): void {
  for (const id of member.held) {
    const task = office.state.tasks.get(id);
    if (task?.status !== 'assigned' || !office.dispatch.isUndelivered(member.id, id)) continue;
    const context = office.context();
    takeBack(context, task);
    context.mayBreak?.();
  }
}

/** Only a leader that still leads may tell an agent that it is nobody, and only if it still is. */
function tellToRejoin(office: Reconciler, beat: Beat): void {
  office.committer.afterFreshCommit(() => {
    if (presentMember(office.state, beat) !== undefined) return;
    office.dispatch.tellUnknown(beat.id, beat.incarnation);
  });
}

function stopUnknown(office: Reconciler, member: Member, beat: Beat): void {
  const strangers = beat.running.filter(
    ({ id, attempt }) => !isHis(office.state, member, id as TaskId, attempt),
  );
  if (strangers.length === 0) return;
  office.committer.afterFreshCommit(() => {
    for (const each of strangers) {
      if (isHis(office.state, member, each.id as TaskId, each.attempt)) continue;
      office.dispatch.abort(member.id, each, 'not assigned to this agent any more');
    }
    office.dispatch.flush();
  });
}

function isHis(state: FleetState, member: Member, id: TaskId, attempt: number): boolean {
  if (member.lingering.has(attemptKey(id, attempt))) return true;
  if (!member.held.has(id)) return false;
  const task = state.tasks.get(id);
  return task !== undefined && currentAttempt(task)?.attempt === attempt;
}

function loseMissing(office: Reconciler, member: Member, beat: Beat, missed: Map<string, number>): void {
  if (beat.reportsPending > 0) return;
  const running = new Set(beat.running.map(({ id, attempt }) => attemptKey(id as TaskId, attempt)));
  for (const id of member.held) {
    const task = office.state.tasks.get(id);
    if (task === undefined) continue;
    const key = attemptKey(id, task.attempt);
    if (running.has(key) || !office.dispatch.isDelivered(member.id, id)) {
      missed.delete(key);
      continue;
    }
    const times = (missed.get(key) ?? 0) + 1;
    if (times < MISSING_MAX) {
      missed.set(key, times);
      continue;
    }
    missed.delete(key);
    lose(office.context(), task, `agent ${member.id} does not know of it any more`);
  }
}
