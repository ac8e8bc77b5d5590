/**
 * Settings that travel with a request: what a submit or a proposal does not say is taken from the settings that its
 * caller was given, so that they hold whoever leads. Those that were not given are left to the leader.
 */
import type { Settings } from '../domain/settings.ts';
import type { ProposalInput } from './proposal.ts';
import type { TaskInput } from './task.ts';

export type RequestDefaults = Readonly<
  Partial<Pick<Settings, 'maxRetries' | 'quorum' | 'proposalTimeoutMs' | 'requestWindowMs'>>
>;

export function taskWith(defaults: RequestDefaults, task: TaskInput): TaskInput {
  const { maxRetries } = defaults;
  const { approval } = task;
  return {
    ...(maxRetries === undefined ? {} : { maxRetries }),
    ...task,
    ...(approval === undefined ? {} : { approval: { ...votingOf(defaults), ...approval } }),
  };
}

export function proposalWith(defaults: RequestDefaults, proposal: ProposalInput): ProposalInput {
  return { ...votingOf(defaults), ...proposal };
}

function votingOf({
  quorum,
  proposalTimeoutMs,
}: RequestDefaults): Pick<ProposalInput, 'quorum' | 'timeoutMs'> {
  return {
    ...(quorum === undefined ? {} : { quorum }),
    ...(proposalTimeoutMs === undefined ? {} : { timeoutMs: proposalTimeoutMs }),
  };
}
