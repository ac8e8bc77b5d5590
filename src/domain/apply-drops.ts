/**
 * How ledger events take tasks and proposals out of the state. Only what has ended goes. Its keys stay for their
 * window, and a handler that outlived its attempt keeps its slot.
 */
import { assert, present } from './assert.ts';
import { bytesWithGate, taskBytes } from './bytes.ts';
import type { ProposalId, TaskId } from './ids.ts';
import { isEnded, type FleetState } from './state.ts';

export function dropTasks(state: FleetState, ids: readonly TaskId[]): void {
  for (const id of ids) dropTask(state, id);
}

function dropTask(state: FleetState, id: TaskId): void {
  const { tasks, ended, counts, bytes } = state;
  const task = present(tasks.get(id), `task ${id}`);
  assert(isEnded(task), `task ${id} is dropped and is ${task.status}`);
  const { type } = task.spec;
  const left = (counts.tasksByType.get(type) ?? 0) - 1;
  bytes.kept -= taskBytes(task);
  bytes.ended -= bytesWithGate(state, task);
  tasks.delete(id);
  ended.delete(id);
  counts.tasks[task.status] -= 1;
  if (left > 0) counts.tasksByType.set(type, left);
  else counts.tasksByType.delete(type);
  counts.tasksDropped += 1;
}

export function dropProposals(state: FleetState, ids: readonly ProposalId[]): void {
  for (const id of ids) dropProposal(state, id);
}

function dropProposal({ proposals, decided, counts, bytes }: FleetState, id: ProposalId): void {
  const proposal = present(proposals.get(id), `proposal ${id}`);
  assert(proposal.status !== 'open', `proposal ${id} is dropped and is open`);
  proposals.delete(id);
  bytes.kept -= proposal.bytes;
  if (decided.delete(id)) bytes.decided -= proposal.bytes;
  counts.proposals[proposal.status] -= 1;
  counts.proposalsDropped += 1;
}
