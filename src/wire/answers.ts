/**
 * The shape of every answer that crosses the wire, as JSON Schema (typebox), for those who asked. Fields and words that
 * a newer leader adds are let in; what it says otherwise has to be what was asked for.
 */
import Type, { type TSchema } from 'typebox';
import { errorKinds, type ErrorCode } from '../domain/errors.ts';
import { doorForAnswers, type Door } from './door.ts';
import { ExplanationViewSchema } from './explanation.ts';
import type { ApiVerb } from './subjects.ts';
import {
  AgentsPageSchema,
  AgentViewSchema,
  OutcomeViewSchema,
  ProposalsPageSchema,
  ProposalViewSchema,
  StatusViewSchema,
  TasksPageSchema,
  TaskViewSchema,
  type Shown,
} from './views.ts';

const Count = Type.Integer({ minimum: 0 });
const Id = Type.String({ minLength: 1, maxLength: 63 });

/** The body of an error answer. */
export const ProblemSchema = Type.Object({
  code: Type.Enum(Object.keys(errorKinds) as ErrorCode[]),
  message: Type.String(),
  fields: Type.Optional(Type.Array(Type.Object({ field: Type.String(), message: Type.String() }))),
});

export const JoinReplySchema = Type.Object({
  term: Count,
  heartbeatIntervalMs: Type.Integer({ minimum: 1, maximum: 3_600_000 }),
  /** Ledger time of the leader. */
  ledgerAt: Type.Number({ minimum: 0 }),
});
export type JoinReply = Shown<typeof JoinReplySchema>;

export const ReportReplySchema = Type.Object({
  term: Count,
  /** One for each report, in the same order. */
  answers: Type.Array(Type.Union([Type.Literal('recorded'), Type.Literal('stale')]), { maxItems: 10_000 }),
});
export type ReportReply = Shown<typeof ReportReplySchema>;

export const BallotReplySchema = Type.Object({ term: Count });

const IdSchema = Type.Object({ id: Id });

/** By verb, as `docs/wire.md` shows them. */
const answers = {
  submit: Type.Union([Type.Object({ ids: Type.Array(Id) }), IdSchema]),
  task: TaskViewSchema,
  tasks: TasksPageSchema,
  explain: ExplanationViewSchema,
  cancel: Type.Object({
    id: Id,
    status: Type.Union([Type.Literal('cancelled'), Type.Literal('cancelling')]),
  }),
  retry: IdSchema,
  outcomes: Type.Object({ outcomes: Type.Array(Type.Union([OutcomeViewSchema, Type.Null()])) }),
  propose: IdSchema,
  proposal: ProposalViewSchema,
  proposals: ProposalsPageSchema,
  vote: Type.Object({ proposal: Id }),
  agent: AgentViewSchema,
  agents: AgentsPageSchema,
  drain: IdSchema,
  resume: IdSchema,
  remove: IdSchema,
  status: StatusViewSchema,
  barrier: Type.Object({}),
  trigger: Type.Object({ term: Count }),
} as const satisfies Record<ApiVerb, TSchema>;

export type AnswerTo<V extends ApiVerb> = Shown<(typeof answers)[V]>;

const doors = new Map<ApiVerb, Door<unknown>>();

/** What the leader may answer to a verb. Made when it is first asked for. */
export function answerDoor(verb: ApiVerb): Door<unknown> {
  const door = doors.get(verb) ?? doorForAnswers(open(answers[verb]));
  doors.set(verb, door);
  return door;
}

/** What is told of a task that has ended, as `outcomes` shows it. */
export const outcomeDoor = doorForAnswers(open(OutcomeViewSchema));

/** The schema, with any further fields, and any text for a word of a list. */
function open<S extends TSchema>(schema: S): S {
  return JSON.parse(JSON.stringify(schema), (name, value: unknown) => opened(name, value)) as S;
}

function opened(name: string, value: unknown): unknown {
  if (name === 'additionalProperties' && value === false) return undefined;
  const isList = typeof value === 'object' && value !== null && 'enum' in value;
  return isList ? { type: 'string' } : value;
}
