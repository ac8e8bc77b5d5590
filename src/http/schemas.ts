/**
 * What HTTP takes and gives, derived from the wire's schemas: the names of fields that differ, what the fields of a
 * request mean, and examples that work when pasted. Nothing here says again what the wire's schemas say.
 */
import { ExplanationViewSchema } from '../wire/explanation.ts';
import { ProposeSchema, TaskSchema, VoteSchema } from '../wire/messages.ts';
import {
  AgentViewSchema,
  AsOfSchema,
  AttemptViewSchema,
  ElectionViewSchema,
  ProposalViewSchema,
  StatusViewSchema,
  TaskViewSchema,
} from '../wire/views.ts';
import { shapeOf, type Difference, type Differences, type JsonSchema } from './naming.ts';

const says = (description: string): Difference => ({ description });

/** Seconds where people count in seconds; the wire has milliseconds. */
const timeoutSeconds: Difference = {
  name: 'timeout_seconds',
  schema: { type: 'number', minimum: 0.001, maximum: 31_536_000 },
  inward: (value) => Math.round(Number(value) * 1_000),
  outward: (value) => Number(value) / 1_000,
  description: 'decided at the latest after this long; 30 if not said',
};

const proposalFields: Readonly<Record<string, Difference>> = {
  type: { name: 'proposal_type', description: 'what it is a proposal for; agents judge by it' },
  description: says('for people'),
  data: says('what voters are given to judge: any JSON'),
  quorum: says("share of the electorate's weight that must take part; 0.5 if not said"),
  timeoutMs: timeoutSeconds,
  weighting: says('what weighs a vote; equal if not said'),
  voters: says('names of people or programs that may vote beside the agents'),
};

const hidden: Difference = { isHidden: true };
const differences: Differences = new Map<object, Readonly<Record<string, Difference>>>([
  [
    TaskSchema,
    {
      type: { name: 'task_type', description: 'what is to be done; agents have handlers by type' },
      payload: says('what the handler is given: any JSON'),
      priority: says('10 goes first; 5 if not said'),
      requiredCapabilities: says('only agents that have all of them get it'),
      target: says('free text, kept and searchable'),
      maxRetries: says('further attempts after a failed one; 3 if not said'),
      runTimeoutMs: says('an attempt that runs longer is aborted and counts as failed'),
      delayMs: says('not before this long from now'),
      idempotencyKey: says(
        'your name for this task: submitted again within an hour, the first one is returned',
      ),
      approval: says('the fleet must approve it, by this proposal, before it runs'),
    },
  ],
  [TaskSchema.properties.approval, proposalFields],
  [
    ProposeSchema,
    {
      ...proposalFields,
      proposer: says("who proposes; the token's name, or http, if not said"),
      key: hidden,
      idempotencyKey: hidden,
    },
  ],
  [
    VoteSchema,
    {
      proposal: hidden,
      voter: says("who votes; with tokens the token's own name, if not said"),
      decision: says('abstain counts toward the quorum alone'),
      reason: says('kept with the ballot'),
    },
  ],
  [
    TaskViewSchema,
    {
      id: { name: 'task_id' },
      type: { name: 'task_type' },
      error: says('why it failed; only of a failed task'),
    },
  ],
  [ExplanationViewSchema, { id: { name: 'task_id' } }],
  [ExplanationViewSchema.properties.agents.items, { id: { name: 'agent_id' } }],
  [ProposalViewSchema, { id: { name: 'proposal_id' }, type: { name: 'proposal_type' } }],
  [AgentViewSchema, { id: { name: 'agent_id' } }],
  [ElectionViewSchema.properties.candidates.items, { id: { name: 'agent_id' } }],
]);

const shape = (schema: object): ReturnType<typeof shapeOf> => shapeOf(schema, differences);

export const shapes = {
  task: shape(TaskViewSchema),
  attempt: shape(AttemptViewSchema),
  explanation: shape(ExplanationViewSchema),
  proposal: shape(ProposalViewSchema),
  agent: shape(AgentViewSchema),
  status: shape(StatusViewSchema),
  election: shape(ElectionViewSchema),
  taskInput: shape(TaskSchema),
  proposalInput: shape(ProposeSchema),
  ballotInput: shape(VoteSchema),
};

export const asOf = AsOfSchema as object as JsonSchema;

export const examples = {
  task: { task_type: 'scan', priority: 9, target: '192.168.1.100' },
  batch: {
    tasks: [
      { task_type: 'scan', target: '10.0.0.1' },
      { task_type: 'scan', target: '10.0.0.2' },
    ],
  },
  proposal: {
    proposal_type: 'policy_change',
    description: 'Increase detection threshold',
    data: { threshold: 0.95 },
  },
  ballot: { voter: 'grace', decision: 'approve', reason: 'looks right' },
};
