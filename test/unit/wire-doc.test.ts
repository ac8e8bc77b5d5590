/** docs/wire.md: every verb that clients may ask, each with a request that the door admits. */
import type { TSchema } from 'typebox';
import { expect, test } from 'vitest';
import { answerDoor, JoinReplySchema, ProblemSchema, ReportReplySchema } from '../../src/wire/answers.ts';
import { doorFor } from '../../src/wire/door.ts';
import {
  AgentsSchema,
  ByIdSchema,
  EventMessageSchema,
  ChangeSchema,
  HeartbeatSchema,
  JoinSchema,
  NothingSchema,
  OrdersSchema,
  OutcomesSchema,
  ProposalsSchema,
  ProposeSchema,
  SubmitManySchema,
  TaskSchema,
  TasksSchema,
  VoteSchema,
  WatchSchema,
} from '../../src/wire/messages.ts';
import { apiVerbs, type ApiVerb } from '../../src/wire/subjects.ts';
import { blocksByHeading, textOf } from '../support/docs.ts';

const blocks = blocksByHeading(textOf('docs/wire.md'), 'json');

const requests: Readonly<Record<ApiVerb, TSchema>> = {
  submit: TaskSchema,
  task: ByIdSchema,
  tasks: TasksSchema,
  explain: ByIdSchema,
  cancel: ChangeSchema,
  retry: ChangeSchema,
  outcomes: OutcomesSchema,
  propose: ProposeSchema,
  proposal: ByIdSchema,
  proposals: ProposalsSchema,
  vote: VoteSchema,
  agent: ByIdSchema,
  agents: AgentsSchema,
  drain: ByIdSchema,
  resume: ByIdSchema,
  remove: ChangeSchema,
  status: NothingSchema,
  barrier: NothingSchema,
  trigger: NothingSchema,
};

/** Their examples leave out some of the counts. */
const abridged: readonly ApiVerb[] = ['tasks', 'proposals', 'status'];

function check(schema: TSchema, block: string | undefined): unknown {
  return doorFor(schema).check(JSON.parse(block ?? 'null'));
}

test.each(apiVerbs)('%s is documented with a request that is admitted, and an answer', (verb) => {
  const [request, answer] = blocks.get(verb) ?? [];
  expect(check(requests[verb], request)).toMatchObject({ kind: 'ok' });
  const shown = JSON.parse(answer ?? 'null') as object;
  expect(shown).toBeTypeOf('object');
  if (!abridged.includes(verb)) expect(answerDoor(verb).check(shown)).toMatchObject({ kind: 'ok' });
});

test('a submit of many, what agents say and are answered, orders and events are shown as they are admitted', () => {
  const [, , many] = blocks.get('submit') ?? [];
  const [heartbeat, join, leave] = blocks.get('What agents say') ?? [];
  expect(check(SubmitManySchema, many)).toMatchObject({ kind: 'ok' });
  expect(check(HeartbeatSchema, heartbeat)).toMatchObject({ kind: 'ok' });
  expect(check(JoinSchema, join)).toMatchObject({ kind: 'ok' });
  expect(check(JoinSchema, leave)).toMatchObject({ kind: 'ok' });
  const [orders] = blocks.get('What an agent is told') ?? [];
  expect(check(OrdersSchema, orders)).toMatchObject({ kind: 'ok' });
  const [, , , joined, recorded] = blocks.get('What agents say') ?? [];
  expect(check(JoinReplySchema, joined)).toMatchObject({ kind: 'ok' });
  expect(check(ReportReplySchema, recorded)).toMatchObject({ kind: 'ok' });
  const [event] = blocks.get('What the leader tells everybody') ?? [];
  expect(check(EventMessageSchema, event)).toMatchObject({ kind: 'ok' });
  const [refusal] = blocks.get('Content') ?? [];
  expect(check(ProblemSchema, refusal)).toMatchObject({ kind: 'ok' });
  const [watch] = blocks.get('Live statecharts') ?? [];
  expect(check(WatchSchema, watch)).toMatchObject({ kind: 'ok' });
});

test('every example is JSON', () => {
  for (const [heading, examples] of blocks) {
    for (const example of examples) expect.soft(() => JSON.parse(example) as unknown, heading).not.toThrow();
  }
});
