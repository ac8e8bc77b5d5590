/**
 * How a fleet is shown outside, as JSON Schema (typebox): the same objects on NATS, HTTP and the command. Times are
 * ledger time, milliseconds since 1970, unless their name says otherwise.
 */
import Type, { type Static } from 'typebox';
import { durabilityWords, fsyncPolicies, fsyncSources } from '../domain/durability.ts';
import { memberStates, proposalStatuses, taskStatuses } from './states.ts';

/** What a schema admits, to read only. */
export type Shown<S extends Type.TSchema> = Frozen<Static<S>>;
type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Frozen<T[Key]> }
    : T;

/** Items of a page that does not say. */
export const PAGE_ITEMS = 50;
export const PAGE_ITEMS_MAX = 500;

export const closed = { additionalProperties: false };
export const described = (description: string) => ({ description });
export const Count = (description: string) => Type.Integer({ minimum: 0, description });
export const Text = (description: string) => Type.String({ description });
export const Time = (description: string) => Type.Number({ description });
export const Nullable = <T extends Type.TSchema>(schema: T, description: string) =>
  Type.Union([schema, Type.Null()], { description });
export const words = <const T extends string[]>(values: readonly [...T], description: string) =>
  Type.Enum([...values], { description });
const Counts = (description: string) =>
  Type.Record(Type.String(), Type.Integer({ minimum: 0 }), { description });

const suspicions = ['beats', 'inbox'] as const;
export type Suspicion = (typeof suspicions)[number];
export const healthWords = ['healthy', 'degraded', 'unhealthy'] as const;

const CountsOf = <const T extends string>(names: readonly T[], description: string) =>
  Type.Object(
    Object.fromEntries(names.map((name) => [name, Count(name.replace('_', ' '))])) as Record<
      T,
      Type.TInteger
    >,
    { ...closed, ...described(description) },
  );

/** Up to where the ledger had been read when an answer was made. */
export const AsOfSchema = Type.Object(
  {
    sequence: Count('sequence of the last ledger entry that the answer takes into account'),
    term: Count('term of that entry'),
  },
  { ...closed, ...described('how recent the answer is') },
);
export type AsOf = Shown<typeof AsOfSchema>;

const ErrorViewSchema = Type.Object(
  { message: Text('what went wrong'), code: Type.Optional(Text("the handler's own code for it")) },
  closed,
);

const outcomeFields = {
  id: Text('id of the task; ids sort by time of submission'),
  status: words(taskStatuses, 'where it stands in its life'),
  result: Type.Optional(Type.Unknown({ description: "the handler's result; only of a completed task" })),
  error: Type.Optional(ErrorViewSchema),
  agent: Nullable(Text('an agent'), 'who has its latest attempt; null: nobody yet'),
  attempt: Count('number of its latest attempt; the first is 1, 0: none yet'),
};

export const OutcomeViewSchema = Type.Object(outcomeFields, closed);
export type OutcomeView = Shown<typeof OutcomeViewSchema>;

export const AttemptViewSchema = Type.Object(
  {
    attempt: Type.Integer({ minimum: 1, description: 'the first is 1' }),
    agent: Text('who ran it'),
    fencingToken: Count('sequence of the term-start under which it was assigned'),
    assignedAt: Time('when it was assigned'),
    startedAt: Nullable(Type.Number(), 'when its handler started'),
    endedAt: Nullable(Type.Number(), 'when it ended'),
    end: Nullable(Type.String(), 'how it ended: completed, failed, timedOut, lost, returned or cancelled'),
    error: Nullable(ErrorViewSchema, 'why it failed'),
  },
  closed,
);
export type AttemptView = Shown<typeof AttemptViewSchema>;

export const ProgressViewSchema = Type.Object(
  {
    share: Type.Number({ minimum: 0, maximum: 1, description: '0–1' }),
    note: Nullable(Type.String(), 'in words'),
    agoMs: Count('since its handler said so, milliseconds'),
  },
  closed,
);
export type ProgressView = Shown<typeof ProgressViewSchema>;

export const TaskViewSchema = Type.Object(
  {
    ...outcomeFields,
    type: Text('its type: decides which handler runs it'),
    priority: Type.Integer({ minimum: 1, maximum: 10, description: '10 goes first' }),
    target: Nullable(Type.String(), 'free text given with it'),
    payload: Type.Unknown({ description: 'what its handler is given' }),
    requiredCapabilities: Type.Array(Type.String(), described('an agent needs all of them to take it')),
    maxRetries: Count('how often it is tried again after a failure'),
    runTimeoutMs: Nullable(
      Type.Integer(),
      'how long an attempt may run, milliseconds; null: as long as it likes',
    ),
    notBefore: Nullable(Type.Number(), 'it is not assigned before this time'),
    proposal: Nullable(Type.String(), 'the proposal that has to approve it'),
    submittedAt: Time('when it was submitted'),
    endedAt: Nullable(Type.Number(), 'when it was completed, failed or cancelled'),
    progress: Nullable(
      ProgressViewSchema,
      'how far its running attempt is, as its handler says in heartbeats; null: nothing was said, or none runs',
    ),
    attempts: Type.Array(AttemptViewSchema, described('its latest attempts, oldest first')),
  },
  closed,
);
export type TaskView = Shown<typeof TaskViewSchema>;

const ShareSchema = (description: string) =>
  Type.Object(
    { weight: Count('in thousandths'), count: Count('how many voters') },
    { ...closed, ...described(description) },
  );

export const TallySchema = Type.Object(
  {
    approve: ShareSchema('ballots for it'),
    reject: ShareSchema('ballots against it'),
    abstain: ShareSchema('ballots that only count toward the quorum'),
    notVoted: ShareSchema('voters without a ballot'),
    quorumWeight: Count('weight that must take part, thousandths'),
    hasQuorum: Type.Boolean(described('whether enough have taken part')),
    approvalRate: Type.Number(described('approve / all ballots by weight; 0 without ballots')),
  },
  { ...closed, ...described('the count') },
);

export const ProposalViewSchema = Type.Object(
  {
    id: Text('id of the proposal; ids sort by time of opening'),
    type: Text('its type'),
    description: Text('what it is about, for people'),
    data: Type.Unknown(described('what voters are given to judge')),
    proposer: Text('who proposed it'),
    status: words(
      proposalStatuses,
      'open until decided; expired: no quorum by the deadline; withdrawn: its task was cancelled',
    ),
    approved: Type.Boolean(described('whether it was approved')),
    quorum: Type.Number(described("share of the electorate's weight that must take part, 0–1")),
    weighting: words(['equal', 'health', 'priority'] as const, 'what weighs a vote'),
    openedAt: Time('when it was opened'),
    deadlineAt: Time('when it is decided at the latest'),
    decidedAt: Nullable(Type.Number(), 'when it was decided'),
    task: Nullable(Type.String(), 'the task that waits for it'),
    tally: TallySchema,
    electorate: Type.Array(
      Type.Object({ id: Text('a voter'), weight: Count('in thousandths') }, closed),
      described('who may vote; fixed when it opened'),
    ),
    ballots: Type.Array(
      Type.Object(
        {
          voter: Text('who'),
          decision: words(['approve', 'reject', 'abstain'] as const, 'what'),
          reason: Nullable(Type.String(), 'why'),
        },
        closed,
      ),
      described('who voted what'),
    ),
  },
  closed,
);
export type ProposalView = Shown<typeof ProposalViewSchema>;

export const AgentViewSchema = Type.Object(
  {
    id: Text('id of the agent'),
    state: words(memberStates, 'how it stands in the fleet'),
    suspicion: Nullable(
      words(suspicions, 'beats: they are late; inbox: it beats, and does not answer what it is sent'),
      'why it is suspect; null: it is not',
    ),
    incarnation: Text('one life of its process'),
    capabilities: Type.Array(Type.String(), described('what it can do')),
    handles: Type.Array(Type.String(), described('task types it has handlers for; *: any')),
    priority: Type.Number(described('weight in elections and in votes by priority')),
    slots: Type.Integer({ minimum: 1, description: 'how many tasks at once' }),
    electable: Type.Boolean(described('whether it may lead')),
    labels: Type.Record(Type.String(), Type.String(), described('free-form')),
    running: Count('slots in use'),
    completed: Count('tasks it has completed since it joined'),
    joinedAt: Time('when it joined'),
    isLeader: Type.Boolean(described('leads the fleet')),
    isStandby: Type.Boolean(described('follows the ledger and could lead')),
    activity: Nullable(Type.String(), 'state of its statechart by its last beat'),
    health: Nullable(Type.Number(), 'by its last beat, 0–1; null: none was heard yet'),
    load: Type.Number(described('0–1: the larger of the reported one and used slots / slots')),
    score: Type.Number(described('priority + health − load: the highest leads')),
    lagMs: Nullable(Type.Number(), 'event-loop lag by its last beat, milliseconds'),
    heardMsAgo: Nullable(Type.Number(), 'age of its last beat, milliseconds; null: none was heard yet'),
  },
  closed,
);
export type AgentView = Shown<typeof AgentViewSchema>;

export const CandidateSchema = Type.Object(
  { id: Text('an agent'), score: Type.Number(described('its score then')) },
  closed,
);

export const ElectionViewSchema = Type.Object(
  {
    cause: Nullable(
      words(
        ['start', 'leader.gone', 'leader.silent', 'leader.resigned', 'handover', 'trigger'] as const,
        'why somebody stood',
      ),
      'why the last election was held; null: there was none',
    ),
    candidates: Type.Array(CandidateSchema, described('who could stand, best first')),
    durationMs: Nullable(Type.Number(), 'from the vacancy to the term-start, milliseconds'),
    elections: Count('elections that ended'),
    leaderChanges: Count('elections that ended with another leader'),
  },
  { ...closed, ...described('the last election, and counts of all') },
);

/** As the process that answers sees it. */
export const DurabilityViewSchema = Type.Object(
  {
    word: words(
      durabilityWords,
      'durable: written to disk by servers that keep it; at_risk: something is known to be wrong; unknown: not everything is known',
    ),
    meaning: Text('what has happened to an entry when it is acknowledged'),
    reasons: Type.Array(Type.String(), described('why it is not durable; empty: it is')),
    version: Nullable(
      Type.String(),
      'of the nats-server that who answers is connected to; null: not known, or it does not say',
    ),
    replicas: Nullable(Type.Integer({ minimum: 1 }), 'copies of the ledger; null: not known yet'),
    storage: Nullable(Type.String(), "the stream's storage; null: not known yet"),
    fsync: words(
      [...fsyncPolicies, 'unknown'] as const,
      'always: the server writes to disk before it acknowledges; lazy: some time after',
    ),
    fsyncSource: Nullable(
      words(
        fsyncSources,
        'started: who answers is of a program that started the server; asserted: an operator says so',
      ),
      'who knows; null: nobody',
    ),
  },
  { ...closed, ...described('what an acknowledgement means on this broker') },
);

export const StatusViewSchema = Type.Object(
  {
    fleet: Text('its name'),
    health: words(healthWords, 'of the fleet as a whole'),
    reasons: Type.Array(Type.String(), described('why it is not healthy; empty: it is')),
    hasLeader: Type.Boolean(described('whether somebody leads')),
    leader: Nullable(Type.String(), 'who leads'),
    term: Count('number of the last election; only grows'),
    fencingToken: Count('sequence of the term-start'),
    sinceMs: Nullable(Type.Number(), 'how long the leader has led, milliseconds'),
    sequence: Count('sequence of the last ledger entry taken into account'),
    election: ElectionViewSchema,
    agents: Type.Object(
      {
        total: Count('known, without those that left'),
        alive: Count('ready for work'),
        suspect: Count('not heard of lately'),
        draining: Count('take no new work'),
        dead: Count('found dead, not yet forgotten'),
        left: Count('left, not yet forgotten'),
        averageHealth: Nullable(Type.Number(), 'of those present; null: nobody is'),
        averageLoad: Nullable(Type.Number(), 'of those present; null: nobody is'),
      },
      { ...closed, ...described('members by state') },
    ),
    tasks: Type.Object(
      {
        total: Count('kept'),
        byStatus: CountsOf(taskStatuses, 'by status'),
        byType: Counts('by type'),
        retries: Count('attempts after the first'),
        completedPerMinute: Type.Number(described('completed in the last minute of ledger time')),
        waitingMs: Nullable(
          Type.Number(),
          'mean time from submission, or from notBefore, to the first assignment, of those first assigned in the last minute, milliseconds; null: none was',
        ),
        oldestWaitingMs: Nullable(
          Type.Number(),
          'since the submission of the oldest pending task, milliseconds; null: none is pending',
        ),
      },
      { ...closed, ...described('tasks') },
    ),
    proposals: Type.Object(
      {
        total: Count('kept'),
        byStatus: CountsOf(proposalStatuses, 'by status'),
      },
      { ...closed, ...described('proposals') },
    ),
    recovery: Type.Object(
      {
        deaths: Count('agents found dead'),
        reassigned: Count('tasks whose attempt was lost and that went to another agent'),
        reElections: Count('elections because a leader was gone or silent'),
      },
      { ...closed, ...described('what the fleet has recovered from') },
    ),
    durability: DurabilityViewSchema,
  },
  closed,
);
export type StatusView = Shown<typeof StatusViewSchema>;

const next = Nullable(
  Type.String(),
  'cursor of the next page: give it as `cursor`, with the same filter; null: this is the last one',
);

export const TasksPageSchema = Type.Object(
  {
    tasks: Type.Array(TaskViewSchema, described('those of this page, in the order asked for')),
    total: Nullable(
      Type.Integer({ minimum: 0 }),
      'how many fit the filter; null: not counted, since too many had to be searched for the text',
    ),
    next,
    byStatus: CountsOf(taskStatuses, 'all tasks that are kept, whatever the filter, by status'),
    byType: Counts('all tasks that are kept, whatever the filter, by type'),
  },
  { ...closed, ...described('a page of tasks') },
);
export type TasksPage = Shown<typeof TasksPageSchema>;

export const ProposalsPageSchema = Type.Object(
  {
    proposals: Type.Array(ProposalViewSchema, described('those of this page, in the order asked for')),
    total: Count('how many fit the filter'),
    next,
    byStatus: CountsOf(proposalStatuses, 'all proposals that are kept, whatever the filter, by status'),
  },
  { ...closed, ...described('a page of proposals') },
);
export type ProposalsPage = Shown<typeof ProposalsPageSchema>;

export const AgentsPageSchema = Type.Object(
  {
    agents: Type.Array(AgentViewSchema, described('those of this page, by id')),
    total: Count('how many fit the filter'),
    next,
  },
  { ...closed, ...described('a page of agents') },
);
export type AgentsPage = Shown<typeof AgentsPageSchema>;
