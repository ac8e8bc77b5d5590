/** What a timer that is due decides. A timer that no longer applies decides nothing. */
import { assertNever } from './assert.ts';
import { decideProposalsDrop, decideTasksDrop } from './decide-drops.ts';
import { expireProposal } from './decide-proposals.ts';
import { fail } from './decide-tasks.ts';
import type { DecisionContext } from './decision.ts';
import type { Timer } from './timers.ts';

export function decideTimer(context: DecisionContext, timer: Timer): void {
  const { state, at } = context;
  switch (timer.kind) {
    case 'task.due': {
      const task = state.tasks.get(timer.id);
      if (task?.status === 'scheduled' && (task.dueAt ?? 0) <= at)
        context.emit({ type: 'task.due', id: timer.id });
      break;
    }
    case 'task.timeout': {
      const task = state.tasks.get(timer.id);
      if (task?.status !== 'running' || task.attempt !== timer.attempt) break;
      const message = `ran longer than ${String(task.spec.runTimeoutMs)} ms`;
      fail(context, task, { end: 'timedOut', error: { message, code: 'TIMED_OUT' }, isFinal: false });
      break;
    }
    case 'proposal.deadline': {
      const proposal = state.proposals.get(timer.id);
      if (proposal?.status === 'open') expireProposal(context, proposal);
      break;
    }
    case 'member.forget': {
      const member = state.members.get(timer.id);
      if (member === undefined || (member.status !== 'left' && member.status !== 'dead')) break;
      if (member.since + context.settings.forgetMembersMs <= at) {
        context.emit({ type: 'member.forgotten', id: timer.id });
      }
      break;
    }
    case 'tasks.drop':
      decideTasksDrop(context);
      break;
    case 'proposals.drop':
      decideProposalsDrop(context);
      break;
    default:
      assertNever(timer);
  }
}
