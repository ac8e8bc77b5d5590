/**
 * Which records events have changed, or are tied to one that they changed: what a checker has to look at again. A
 * state without those is as it was before the events.
 */
import type { LedgerEvent } from './events.ts';
import type { AgentId, ProposalId, TaskId } from './ids.ts';
import type { FleetState } from './state.ts';

export interface Touched {
  readonly tasks: ReadonlySet<TaskId>;
  readonly members: ReadonlySet<AgentId>;
  readonly proposals: ReadonlySet<ProposalId>;
}

/** `state`: as it is after the events. */
export function touchedBy(events: readonly LedgerEvent[], state: FleetState): Touched {
  const touched = { tasks: new Set<TaskId>(), members: new Set<AgentId>(), proposals: new Set<ProposalId>() };
  for (const event of events) note(event, touched);
  for (const id of touched.members) {
    for (const held of state.members.get(id)?.held ?? []) touched.tasks.add(held);
  }
  for (const id of touched.proposals) {
    const task = state.proposals.get(id)?.spec.task ?? null;
    if (task !== null) touched.tasks.add(task);
  }
  for (const id of touched.tasks) {
    const task = state.tasks.get(id);
    const proposal = task?.spec.proposal ?? null;
    if (proposal !== null) touched.proposals.add(proposal);
    for (const { agent } of task?.attempts ?? []) touched.members.add(agent);
  }
  return touched;
}

function note(
  event: LedgerEvent,
  { tasks, members, proposals }: { tasks: Set<TaskId>; members: Set<AgentId>; proposals: Set<ProposalId> },
): void {
  switch (event.type) {
    case 'term.started':
    case 'term.handedOver':
    case 'request.accepted':
      return;
    case 'member.joined':
    case 'member.updated':
    case 'member.draining':
    case 'member.resumed':
    case 'member.left':
    case 'member.died':
    case 'member.forgotten':
    case 'member.removed':
      members.add(event.id);
      return;
    case 'task.submitted':
      tasks.add(event.task.id);
      return;
    case 'tasks.dropped':
      for (const id of event.ids) tasks.add(id);
      return;
    case 'attempt.released':
      members.add(event.agent);
      return;
    case 'proposal.opened':
      proposals.add(event.proposal.id);
      return;
    case 'ballot.cast':
    case 'proposal.decided':
      proposals.add(event.id);
      return;
    case 'proposals.dropped':
      for (const id of event.ids) proposals.add(id);
      return;
    default:
      tasks.add(event.id);
  }
}
