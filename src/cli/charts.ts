/** Every statechart, by name. */
import type { AnyStateMachine } from 'xstate';
import { agentMachine } from '../../actors/agent.ts';
import { coordinatorMachine } from '../../actors/coordinator.ts';
import { electionMachine } from '../../actors/election.ts';
import { memberMachine } from '../../actors/member.ts';
import { proposalMachine } from '../../actors/proposal.ts';
import { taskMachine } from '../../actors/task.ts';

export const charts = {
  agent: agentMachine,
  coordinator: coordinatorMachine,
  election: electionMachine,
  member: memberMachine,
  proposal: proposalMachine,
  task: taskMachine,
} satisfies Record<string, AnyStateMachine>;
