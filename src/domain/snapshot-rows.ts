/**
 * The records of a snapshot, one row each: fields in a fixed order without their names, since there are many. Each
 * record is written and read side by side. A row shares with its record only what never changes.
 */
import { proposalBytes, valuesIn } from './bytes.ts';
import type { AttemptEnd, Decision, Profile, TaskError, Voter, Weighting } from './events.ts';
import { broken, Fields } from './fields.ts';
import type { AgentId, Incarnation, ProposalId, TaskId } from './ids.ts';
import {
  emptyState,
  type Attempt,
  type Ballot,
  type Leadership,
  type Member,
  type MemberStatus,
  type Proposal,
  type ProposalStatus,
  type Remembered,
  type Removed,
  type Task,
  type TaskStatus,
} from './state.ts';

export type Row = readonly unknown[];

const { counts } = emptyState();
const taskStatuses = Object.keys(counts.tasks) as TaskStatus[];
const proposalStatuses = Object.keys(counts.proposals) as ProposalStatus[];
const memberStatuses: readonly MemberStatus[] = ['alive', 'draining', 'dead', 'left'];

const TASK_FIELDS = 20;

export function taskRow(task: Task): Row {
  const { spec } = task;
  return [
    spec.id,
    spec.type,
    spec.payload ?? null,
    spec.priority,
    spec.requiredCapabilities,
    spec.target,
    spec.maxRetries,
    spec.runTimeoutMs,
    spec.notBefore,
    spec.proposal,
    task.ordinal,
    task.submittedAt,
    task.status,
    task.dueAt,
    task.attempt,
    task.failures,
    task.attempts.map(attemptRow),
    task.result ?? null,
    task.error,
    task.endedAt,
  ];
}

export function taskIn(row: unknown): Task {
  const fields = Fields.row(row, TASK_FIELDS, 'a task');
  const task = {
    spec: {
      id: fields.text() as TaskId,
      type: fields.text(),
      payload: fields.any(),
      priority: fields.number(),
      requiredCapabilities: fields.texts(),
      target: fields.textOrNull(),
      maxRetries: fields.count(),
      runTimeoutMs: fields.numberOrNull(),
      notBefore: fields.numberOrNull(),
      proposal: fields.textOrNull() as ProposalId | null,
    },
    ordinal: fields.count(),
    submittedAt: fields.number(),
    status: fields.oneOf(taskStatuses),
    dueAt: fields.numberOrNull(),
    attempt: fields.count(),
    failures: fields.count(),
    attempts: fields.list(attemptIn),
    result: fields.any(),
    error: fields.orNull(errorIn),
    endedAt: fields.numberOrNull(),
  };
  return { ...task, valueBytes: valuesIn(task) };
}

const ATTEMPT_FIELDS = 9;

function attemptRow(attempt: Attempt): Row {
  const { agent, incarnation, fencingToken, assignedAt, startedAt, endedAt, end, error } = attempt;
  return [attempt.attempt, agent, incarnation, fencingToken, assignedAt, startedAt, endedAt, end, error];
}

function attemptIn(row: unknown): Attempt {
  const fields = Fields.row(row, ATTEMPT_FIELDS, 'an attempt');
  return {
    attempt: fields.count(),
    agent: fields.text() as AgentId,
    incarnation: fields.text() as Incarnation,
    fencingToken: fields.count(),
    assignedAt: fields.number(),
    startedAt: fields.numberOrNull(),
    endedAt: fields.numberOrNull(),
    end: fields.textOrNull() as AttemptEnd | null,
    error: fields.orNull(errorIn),
  };
}

function errorIn(value: unknown): TaskError {
  Fields.named(value, ['message'], 'an error').text();
  return value as TaskError;
}

const MEMBER_FIELDS = 9;

export function memberRow(member: Member): Row {
  const { id, incarnation, profile, status, since, joinedAt, held, lingering, completed } = member;
  return [id, incarnation, profile, status, since, joinedAt, [...held], [...lingering], completed];
}

export function memberIn(row: unknown): Member {
  const fields = Fields.row(row, MEMBER_FIELDS, 'a member');
  return {
    id: fields.text() as AgentId,
    incarnation: fields.text() as Incarnation,
    profile: profileIn(fields.any()),
    status: fields.oneOf(memberStatuses),
    since: fields.number(),
    joinedAt: fields.number(),
    held: new Set(fields.texts<TaskId>()),
    lingering: new Set(fields.texts()),
    completed: fields.count(),
  };
}

const profileFields = ['capabilities', 'priority', 'slots', 'electable', 'labels', 'handles'] as const;

function profileIn(value: unknown): Profile {
  const fields = Fields.named(value, profileFields, 'a profile');
  return {
    capabilities: fields.texts(),
    priority: fields.number(),
    slots: fields.count(),
    electable: fields.flag(),
    labels: fields.entries((text, name) => {
      if (typeof text !== 'string') throw broken(`label ${name} is not a text`);
      return text;
    }),
    handles: fields.texts(),
  };
}

const PROPOSAL_FIELDS = 15;

export function proposalRow({ spec, openedAt, status, decidedAt, ballots }: Proposal): Row {
  return [
    spec.id,
    spec.type,
    spec.description,
    spec.data ?? null,
    spec.proposer,
    spec.quorum,
    spec.weighting,
    spec.deadlineAt,
    spec.electorate.map(({ id, weight }) => [id, weight]),
    spec.outsiders,
    spec.task,
    openedAt,
    status,
    decidedAt,
    [...ballots].map(([voter, { decision, reason, at }]) => [voter, decision, reason, at]),
  ];
}

export function proposalIn(row: unknown): Proposal {
  const fields = Fields.row(row, PROPOSAL_FIELDS, 'a proposal');
  const proposal = {
    spec: {
      id: fields.text() as ProposalId,
      type: fields.text(),
      description: fields.text(),
      data: fields.any(),
      proposer: fields.text(),
      quorum: fields.number(),
      weighting: fields.text() as Weighting,
      deadlineAt: fields.number(),
      electorate: fields.list(voterIn),
      outsiders: fields.texts(),
      task: fields.textOrNull() as TaskId | null,
    },
    openedAt: fields.number(),
    status: fields.oneOf(proposalStatuses),
    decidedAt: fields.numberOrNull(),
    ballots: new Map(fields.list(ballotIn)),
  };
  return { ...proposal, bytes: proposalBytes(proposal) };
}

function voterIn(row: unknown): Voter {
  const fields = Fields.row(row, 2, 'a voter');
  return { id: fields.text(), weight: fields.count() };
}

function ballotIn(row: unknown): [string, Ballot] {
  const fields = Fields.row(row, 4, 'a ballot');
  const voter = fields.text();
  const decision = fields.text() as Decision;
  return [voter, { decision, reason: fields.textOrNull(), at: fields.number() }];
}

export function rememberedRow([key, remembered]: readonly [string, Remembered]): Row {
  const { digest, expiresAt, tasks, proposal } = remembered;
  return [key, digest, expiresAt, tasks, proposal];
}

export function rememberedIn(row: unknown): [string, Remembered] {
  const fields = Fields.row(row, 5, 'a request key');
  const key = fields.text();
  return [
    key,
    {
      digest: fields.text(),
      expiresAt: fields.number(),
      tasks: fields.texts<TaskId>(),
      proposal: fields.textOrNull() as ProposalId | null,
    },
  ];
}

export function removedRow([incarnation, { id, expiresAt }]: readonly [Incarnation, Removed]): Row {
  return [incarnation, id, expiresAt];
}

export function removedIn(row: unknown): [Incarnation, Removed] {
  const fields = Fields.row(row, 3, 'a removed process');
  const incarnation = fields.text() as Incarnation;
  return [incarnation, { id: fields.text() as AgentId, expiresAt: fields.number() }];
}

export function leadershipIn(value: unknown): Leadership {
  const fields = Fields.named(value, ['id', 'incarnation'], 'a leader');
  return { id: fields.text() as AgentId, incarnation: fields.text() as Incarnation };
}
