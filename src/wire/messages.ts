/**
 * The shape of every message that crosses the wire, as JSON Schema (typebox). One definition serves validation,
 * documentation and types; limits that are a fleet's settings are checked where the settings are known.
 */
import Type, { type Static } from 'typebox';
import type { Profile } from '../domain/events.ts';
import { NAME_PATTERN } from '../domain/ids.ts';
import { HEARTBEAT_MS_MAX } from '../domain/pace.ts';
import { memberStates, proposalStatuses, taskStatuses } from './states.ts';
import { PAGE_ITEMS_MAX } from './views.ts';

const closed = { additionalProperties: false };
const Name = Type.String({ pattern: NAME_PATTERN, description: '1–63 of A-Z a-z 0-9 _ -' });
const Names = Type.Array(Name, { maxItems: 256 });
const Share = Type.Number({ minimum: 0, maximum: 1 });
const Count = Type.Integer({ minimum: 0 });
const Text = (maxLength: number) => Type.String({ maxLength });
const Key = Type.String({
  minLength: 1,
  maxLength: 255,
  description: 'the same key again, within its window (1 h), is answered like the first time',
});
/** Made anew for each call, and kept in its repeats; lives for minutes. */
const RetryKey = Type.String({ minLength: 1, maxLength: 255, description: 'for the repeats of one call' });
const Id = Type.String({ minLength: 1, maxLength: 63 });
const Ms = (maximum: number) => Type.Integer({ minimum: 1, maximum });
/** A year. */
const LONGEST_MS = 31_536_000_000;

/** Of a note on progress. */
export const NOTE_LENGTH_MAX = 255;
const RunningSchema = Type.Object(
  {
    id: Id,
    attempt: Type.Integer({ minimum: 1 }),
    /** As its handler says; not there: it said nothing, or the beat had no room for it. */
    progress: Type.Optional(
      Type.Object(
        {
          share: Share,
          note: Type.Optional(Text(NOTE_LENGTH_MAX)),
          /** Since the handler said so. */
          agoMs: Type.Number({ minimum: 0 }),
        },
        closed,
      ),
    ),
  },
  closed,
);

/** Headers of every answer: the term it was given in, and the ledger's sequence up to which it can be seen. */
export const answerHeaders = { term: 'Conclave-Term', sequence: 'Conclave-Sequence' } as const;
/** Header of a request: a name that its sender gave it, for logs. */
export const WIRE_REQUEST_ID_HEADER = 'Conclave-Request-Id';

export const ProfileSchema = Type.Object(
  {
    capabilities: Names,
    priority: Type.Number({ minimum: -1_000_000, maximum: 1_000_000 }),
    slots: Type.Integer({ minimum: 1, maximum: 10_000 }),
    electable: Type.Boolean(),
    labels: Type.Record(Name, Text(255), closed),
    handles: Type.Array(Type.Union([Name, Type.Literal('*')]), { maxItems: 256 }),
  },
  closed,
);

export const HeartbeatSchema = Type.Object({
  incarnation: Id,
  /** Rises with every beat of this process: one that is overtaken on its way, or said again, is old. */
  number: Type.Optional(Count),
  health: Share,
  load: Share,
  /** The load was set by the agent's author; else it is used slots / slots, which the leader knows better. */
  isLoadSet: Type.Boolean(),
  intervalMs: Ms(3_600_000),
  /** Event-loop lag since the last beat, worst case. */
  lagMs: Type.Number({ minimum: 0 }),
  /** State of the agent's statechart. */
  state: Text(64),
  electable: Type.Boolean(),
  priority: Type.Number(),
  /** Follows the ledger and could lead. */
  isStandby: Type.Boolean(),
  /** Ledger time as it knows it; null: it has seen no entry arrive. */
  ledgerAt: Type.Union([Type.Number(), Type.Null()]),
  term: Count,
  running: Type.Array(RunningSchema, { maxItems: 10_000 }),
  /** Reports that wait for their answer; while there are any, a missing attempt proves nothing. */
  reportsPending: Count,
  /** Of a leader: members that beat, and do not answer what they are sent. */
  deaf: Type.Optional(Names),
  /** Of a leader: how long its appends took since its term began; `buckets` by the bounds of `append-times.ts`. */
  appends: Type.Optional(
    Type.Object({
      buckets: Type.Array(Count, { maxItems: 64 }),
      sumMs: Type.Number({ minimum: 0 }),
      count: Count,
    }),
  ),
});
export type Heartbeat = Static<typeof HeartbeatSchema>;

/**
 * What a leader orders of all agents, said again and again while it leads. An electable agent that has joined and is
 * not named follows the ledger no more, unless there is room; it does again when this falls silent.
 */
export const OrdersSchema = Type.Object({
  incarnation: Id,
  term: Count,
  /** How often to beat. */
  heartbeatIntervalMs: Ms(3_600_000),
  /** How often these are said: as often as a leader beats. */
  repeatMs: Ms(HEARTBEAT_MS_MAX),
  /** Who stands by, best first. */
  standbys: Type.Array(Id, { maxItems: 10_000 }),
  /** Fewer than there may be: whoever is electable may follow. */
  hasRoom: Type.Boolean(),
});
export type OrdersMessage = Static<typeof OrdersSchema>;

export const ElectionMessageSchema = Type.Union([
  Type.Object({ kind: Type.Literal('candidacy'), incarnation: Id, term: Count, score: Type.Number() }),
  Type.Object({ kind: Type.Literal('answer'), incarnation: Id, term: Count, score: Type.Number(), to: Id }),
  Type.Object({ kind: Type.Literal('victory'), incarnation: Id, term: Count, sequence: Count }),
]);
export type ElectionMessage = Static<typeof ElectionMessageSchema>;

export const JoinSchema = Type.Union([
  Type.Object({ kind: Type.Literal('join'), incarnation: Id, profile: ProfileSchema }, closed),
  Type.Object({ kind: Type.Literal('drain'), incarnation: Id }, closed),
  Type.Object({ kind: Type.Literal('leave'), incarnation: Id }, closed),
]);
export type JoinMessage =
  | { readonly kind: 'join'; readonly incarnation: string; readonly profile: Profile }
  | { readonly kind: 'drain' | 'leave'; readonly incarnation: string };

const ErrorSchema = Type.Object({ message: Text(8_192), code: Type.Optional(Text(255)) }, closed);

export const ReportSchema = Type.Object(
  {
    incarnation: Id,
    reports: Type.Array(
      Type.Union([
        Type.Object({ kind: Type.Literal('started'), id: Id, attempt: Type.Integer({ minimum: 1 }) }, closed),
        Type.Object(
          {
            kind: Type.Literal('completed'),
            id: Id,
            attempt: Type.Integer({ minimum: 1 }),
            result: Type.Unknown(),
          },
          closed,
        ),
        Type.Object(
          {
            kind: Type.Literal('failed'),
            id: Id,
            attempt: Type.Integer({ minimum: 1 }),
            error: ErrorSchema,
            isFinal: Type.Boolean(),
          },
          closed,
        ),
        Type.Object(
          { kind: Type.Literal('returned'), id: Id, attempt: Type.Integer({ minimum: 1 }) },
          closed,
        ),
      ]),
      { maxItems: 10_000 },
    ),
  },
  closed,
);
export type ReportMessage = Static<typeof ReportSchema>;

const DecisionSchema = Type.Union([Type.Literal('approve'), Type.Literal('reject'), Type.Literal('abstain')]);
export const BallotSchema = Type.Object(
  { proposal: Id, decision: DecisionSchema, reason: Type.Optional(Text(1_024)) },
  closed,
);
export type BallotMessage = Static<typeof BallotSchema>;

/** What the leader asks of an agent. Sent again until answered; twice is harmless. */
export const InboxSchema = Type.Union([
  Type.Object({ kind: Type.Literal('probe'), term: Count }),
  Type.Object({
    kind: Type.Literal('work'),
    term: Count,
    /** The incarnation that is meant; another one drops the message. */
    to: Id,
    assign: Type.Array(
      Type.Object({
        id: Id,
        attempt: Type.Integer({ minimum: 1 }),
        fencingToken: Count,
        type: Name,
        payload: Type.Unknown(),
        target: Type.Union([Type.String(), Type.Null()]),
        priority: Type.Integer(),
      }),
    ),
    /** Handlers to stop: cancelled, timed out, or not this agent's any more. */
    abort: Type.Array(Type.Object({ id: Id, attempt: Type.Integer({ minimum: 1 }), reason: Text(255) })),
    vote: Type.Array(
      Type.Object({
        id: Id,
        type: Name,
        description: Type.String(),
        data: Type.Unknown(),
        proposer: Type.String(),
        deadlineMs: Type.Number(),
      }),
    ),
    /** The incarnation is not a member: join again. */
    isUnknown: Type.Boolean(),
  }),
]);
export type InboxMessage = Static<typeof InboxSchema>;
export type WorkMessage = Extract<InboxMessage, { kind: 'work' }>;
export type Assignment = WorkMessage['assign'][number];
export type VoteRequest = WorkMessage['vote'][number];

/** An agent's answer to a probe or to work. */
export const InboxReplySchema = Type.Object({
  incarnation: Id,
  isLeading: Type.Boolean(),
  term: Count,
  /** Last entry that its replica has applied, or 0. */
  sequence: Count,
});
export type InboxReply = Static<typeof InboxReplySchema>;

export const ProposeSchema = Type.Object(
  {
    type: Name,
    description: Type.Optional(Text(4_096)),
    data: Type.Optional(Type.Unknown()),
    proposer: Type.Optional(Name),
    quorum: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1 })),
    timeoutMs: Type.Optional(Ms(LONGEST_MS)),
    weighting: Type.Optional(
      Type.Union([Type.Literal('equal'), Type.Literal('health'), Type.Literal('priority')]),
    ),
    voters: Type.Optional(Names),
    key: Type.Optional(RetryKey),
    idempotencyKey: Type.Optional(Key),
  },
  closed,
);
export type ProposeMessage = Static<typeof ProposeSchema>;

export const TaskSchema = Type.Object(
  {
    type: Name,
    payload: Type.Optional(Type.Unknown()),
    priority: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })),
    requiredCapabilities: Type.Optional(Names),
    target: Type.Optional(Text(1_024)),
    maxRetries: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000 })),
    runTimeoutMs: Type.Optional(Ms(LONGEST_MS)),
    delayMs: Type.Optional(Ms(LONGEST_MS)),
    idempotencyKey: Type.Optional(Key),
    approval: Type.Optional(
      Type.Object(
        {
          type: Type.Optional(Name),
          description: Type.Optional(Text(4_096)),
          quorum: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1 })),
          timeoutMs: Type.Optional(Ms(LONGEST_MS)),
          voters: Type.Optional(Names),
        },
        closed,
      ),
    ),
  },
  closed,
);
export type TaskMessage = Static<typeof TaskSchema>;

/** One task, or a list of them under `tasks`: all or nothing. */
export const SubmitManySchema = Type.Object(
  {
    tasks: Type.Array(TaskSchema, { minItems: 1 }),
    key: Type.Optional(RetryKey),
    idempotencyKey: Type.Optional(Key),
  },
  closed,
);

/** Somebody wants to see the live statecharts of these agents (default: of all) for so long (default 10 s). */
export const WatchSchema = Type.Object(
  { agents: Type.Optional(Names), forMs: Type.Optional(Ms(60_000)) },
  closed,
);
/** One step of a live statechart. */
export interface SnapshotMessage {
  /** agent, election, coordinator or member. */
  readonly chart: string;
  /** Whose life it is: the agent's own, or that of a member as its leader sees it. */
  readonly of: string;
  readonly incarnation: string;
  /** What happened; null: the watching begins, this is how it stands. */
  readonly event: string | null;
  /** `office.leading`. */
  readonly state: string;
  /** XState's own value of it. */
  readonly value: unknown;
  /** Wall clock of the process, milliseconds since 1970. */
  readonly at: number;
  /** Snapshots that were left out before this one: there are at most 200 a second. */
  readonly skipped: number;
}

/** Some events of one kind and one entry, as the leader tells them. */
export const EventMessageSchema = Type.Object({
  /** As the subject says. */
  kind: Text(64),
  sequence: Count,
  term: Count,
  /** Ledger time. */
  at: Type.Number(),
  items: Type.Array(Type.Record(Type.String(), Type.Unknown()), { maxItems: 10_000 }),
});
export type EventMessage = Static<typeof EventMessageSchema>;

export const ByIdSchema = Type.Object({ id: Id }, closed);
/** A change of one thing, told from its own repeats by the key. */
export const ChangeSchema = Type.Object({ id: Id, key: Type.Optional(RetryKey) }, closed);
export type ChangeMessage = Static<typeof ChangeSchema>;
export const OutcomesSchema = Type.Object({ ids: Type.Array(Id, { maxItems: 1_000 }) }, closed);
/** Which part of a list: `skip` is for its beginning, `cursor` for what follows. */
const page = {
  skip: Type.Optional(Count),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: PAGE_ITEMS_MAX })),
  /** `next` of the page before. */
  cursor: Type.Optional(Text(64)),
};
const order = Type.Optional(Type.Enum(['oldest', 'newest']));
export const TasksSchema = Type.Object(
  {
    type: Type.Optional(Name),
    status: Type.Optional(Type.Enum([...taskStatuses])),
    /** Who has, or had, the latest attempt. */
    agent: Type.Optional(Name),
    /** Required by the task. */
    capability: Type.Optional(Name),
    /** Somewhere in `target`, in capitals or not. */
    text: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    order,
    ...page,
  },
  closed,
);
export type TasksQuery = Static<typeof TasksSchema>;
export const ProposalsSchema = Type.Object(
  { status: Type.Optional(Type.Enum([...proposalStatuses])), order, ...page },
  closed,
);
export type ProposalsQuery = Static<typeof ProposalsSchema>;
export const VoteSchema = Type.Object(
  { proposal: Id, voter: Name, decision: DecisionSchema, reason: Type.Optional(Text(1_024)) },
  closed,
);
export const AgentsSchema = Type.Object(
  {
    state: Type.Optional(Type.Enum([...memberStates])),
    capability: Type.Optional(Name),
    ...page,
  },
  closed,
);
export type AgentsQuery = Static<typeof AgentsSchema>;
export const NothingSchema = Type.Object({}, closed);
