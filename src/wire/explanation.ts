/** How an explanation is shown: on NATS, over HTTP and by the command. Filled by `src/domain/explain.ts`. */
import Type from 'typebox';
import { memberStates, taskStatuses } from './states.ts';
import {
  closed,
  Count,
  described,
  Nullable,
  ProgressViewSchema,
  Text,
  Time,
  words,
  type Shown,
} from './views.ts';

const ObstacleSchema = Type.Object(
  {
    kind: words(
      ['handler', 'capability', 'slots', 'suspect', 'draining', 'dead', 'left'] as const,
      'what stands in the way',
    ),
    text: Text('the same in words'),
    remedy: Text('what would take it away'),
  },
  closed,
);

const ChanceSchema = Type.Object(
  {
    id: Text('id of the agent'),
    state: words(memberStates, 'how it stands in the fleet'),
    canTake: Type.Boolean(described('nothing about the agent stands in the way')),
    obstacles: Type.Array(ObstacleSchema, described('every reason why it cannot take the task now')),
  },
  closed,
);

const BallotsSchema = Type.Object(
  {
    id: Text('id of the proposal'),
    approve: Count('ballots for it'),
    reject: Count('ballots against it'),
    abstain: Count('ballots that only count toward the quorum'),
    notVoted: Count('voters without a ballot'),
    awaited: Type.Array(Type.String(), described('the first of them, 100 at most')),
    deadlineAt: Time('when it is decided at the latest'),
  },
  closed,
);

const RunSchema = Type.Object(
  {
    agent: Text('who has it'),
    attempt: Type.Integer({ minimum: 1, description: 'the first is 1' }),
    since: Time('when its handler started, or when it was assigned if that is not known yet'),
    retriesLeft: Count('further attempts, should this one fail'),
    progress: Nullable(ProgressViewSchema, 'as its handler says; null: it said nothing'),
  },
  closed,
);

const AheadSchema = Type.Object(
  {
    tasks: Count('pending ones of higher priority, or as high and older, for the same agents'),
    isAtLeast: Type.Boolean(described('there were too many to look at each')),
  },
  closed,
);

export const ExplanationViewSchema = Type.Object(
  {
    id: Text('id of the task'),
    status: words(taskStatuses, 'where it stands in its life'),
    text: Text('why it stands there, in a sentence'),
    until: Nullable(Type.Number(), 'time of its next step; null: it has none'),
    proposal: Nullable(BallotsSchema, 'the vote that it waits for; null: it waits for none'),
    run: Nullable(RunSchema, 'the attempt that it is in; null: in none'),
    ahead: Nullable(AheadSchema, 'what is to be assigned before it; null: it is not pending'),
    agents: Type.Array(ChanceSchema, described('while it waits: agents, those nearest to taking it first')),
    agentsTotal: Count('agents that were looked at'),
    agentsLeftOut: Count('of these, not listed: at most 100 are'),
  },
  closed,
);
export type ExplanationView = Shown<typeof ExplanationViewSchema>;
