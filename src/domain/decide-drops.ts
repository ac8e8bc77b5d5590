/** Decisions about what is kept no longer: SPEC T11. The oldest go first, and nothing that has not ended. */
import { present } from './assert.ts';
import { bytesWithGate } from './bytes.ts';
import type { DecisionContext } from './decision.ts';
import type { ProposalId, TaskId } from './ids.ts';
import { oldestToDrop, type Kept } from './retention.ts';
import type { Settings } from './settings.ts';
import type { FleetState } from './state.ts';

export type RetentionSettings = Pick<
  Settings,
  | 'endedTasksMax'
  | 'endedTasksBytesMax'
  | 'endedTasksMs'
  | 'decidedProposalsMax'
  | 'decidedProposalsBytesMax'
  | 'decidedProposalsMs'
>;

/** An id in an entry, at the most. */
const ID_BYTES = 32;

/** Drops the oldest ended tasks, each with the proposal that it waited for. */
export function decideTasksDrop(context: DecisionContext): void {
  const ids = oldestToDrop(keptTasks(context.state, context.settings), context.at);
  if (ids.length === 0) return;
  const gates = ids.flatMap((id) => gateOf(context.state, id));
  context.mayBreak?.((ids.length + gates.length) * ID_BYTES);
  context.emit({ type: 'tasks.dropped', ids });
  if (gates.length > 0) context.emit({ type: 'proposals.dropped', ids: gates });
}

/** Drops the oldest decided proposals; one that a task waited for goes with its task. */
export function decideProposalsDrop(context: DecisionContext): void {
  const ids = oldestToDrop(keptProposals(context.state, context.settings), context.at);
  if (ids.length === 0) return;
  context.mayBreak?.(ids.length * ID_BYTES);
  context.emit({ type: 'proposals.dropped', ids });
}

export function keptTasks(
  state: FleetState,
  { endedTasksMax: max, endedTasksBytesMax: bytesMax, endedTasksMs: ms }: RetentionSettings,
): Kept<TaskId> {
  const { tasks, ended: ids } = state;
  const endedAt = (id: TaskId): number => present(tasks.get(id)?.endedAt, `end of task ${id}`);
  const bytesOf = (id: TaskId): number => bytesWithGate(state, present(tasks.get(id), `task ${id}`));
  return { ids, endedAt, bytesOf, bytes: () => state.bytes.ended, max, bytesMax, ms };
}

export function keptProposals(
  { proposals, decided: ids, bytes }: FleetState,
  { decidedProposalsMax: max, decidedProposalsBytesMax: bytesMax, decidedProposalsMs: ms }: RetentionSettings,
): Kept<ProposalId> {
  const endedAt = (id: ProposalId): number =>
    present(proposals.get(id)?.decidedAt, `decision on proposal ${id}`);
  const bytesOf = (id: ProposalId): number => present(proposals.get(id), `proposal ${id}`).bytes;
  return { ids, endedAt, bytesOf, bytes: () => bytes.decided, max, bytesMax, ms };
}

/** The proposal that it waited for; decided before the task ended, or with it. */
function gateOf({ tasks, proposals }: FleetState, id: TaskId): ProposalId[] {
  const gate = tasks.get(id)?.spec.proposal ?? null;
  return gate !== null && proposals.has(gate) ? [gate] : [];
}
