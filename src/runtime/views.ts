/** The objects that show state outside: the schemas of `src/wire/views.ts`, filled. What is asked for is in `reader.ts`. */
import { durabilityOf, type Broker } from '../domain/durability.ts';
import type { TaskError } from '../domain/events.ts';
import type { Health } from '../domain/health.ts';
import type { AgentId } from '../domain/ids.ts';
import { tally } from '../domain/quorum.ts';
import { scoreOf } from '../domain/score.ts';
import {
  currentAttempt,
  usedSlots,
  type Attempt,
  type FleetState,
  type Member,
  type MemberStatus,
  type Proposal,
  type Task,
} from '../domain/state.ts';
import type {
  AgentView,
  AttemptView,
  OutcomeView,
  ProgressView,
  ProposalView,
  StatusView,
  Suspicion,
  TaskView,
} from '../wire/views.ts';
import type { Beat } from './roster.ts';

/** How a task stands, and what came of it once it has ended. */
export function outcomeView(task: Task): OutcomeView {
  return withOutcome(task, {
    id: task.spec.id,
    status: task.status,
    agent: currentAttempt(task)?.agent ?? null,
    attempt: task.attempt,
  });
}

export function taskView(task: Task, progress: ProgressView | null): TaskView {
  const { spec } = task;
  return withOutcome(task, {
    id: spec.id,
    status: task.status,
    agent: currentAttempt(task)?.agent ?? null,
    attempt: task.attempt,
    type: spec.type,
    priority: spec.priority,
    target: spec.target,
    payload: spec.payload ?? null,
    requiredCapabilities: spec.requiredCapabilities,
    maxRetries: spec.maxRetries,
    runTimeoutMs: spec.runTimeoutMs,
    notBefore: spec.notBefore,
    proposal: spec.proposal,
    submittedAt: task.submittedAt,
    endedAt: task.endedAt,
    progress,
    attempts: task.attempts.map(attemptView),
  });
}

/** Added to the literal, not spread into it: that would cost a hundred times as much as all the rest. */
function withOutcome<T extends object>(task: Task, view: T & { result?: unknown; error?: TaskError }): T {
  if (task.status === 'completed') view.result = task.result ?? null;
  if (task.error !== null) view.error = task.error;
  return view;
}

/** Without the incarnation, which is nobody's business outside. */
function attemptView(attempt: Attempt): AttemptView {
  return {
    attempt: attempt.attempt,
    agent: attempt.agent,
    fencingToken: attempt.fencingToken,
    assignedAt: attempt.assignedAt,
    startedAt: attempt.startedAt,
    endedAt: attempt.endedAt,
    end: attempt.end,
    error: attempt.error,
  };
}

export function proposalView(proposal: Proposal): ProposalView {
  const { spec } = proposal;
  return {
    id: spec.id,
    type: spec.type,
    description: spec.description,
    data: spec.data ?? null,
    proposer: spec.proposer,
    status: proposal.status,
    approved: proposal.status === 'approved',
    quorum: spec.quorum,
    weighting: spec.weighting,
    openedAt: proposal.openedAt,
    deadlineAt: spec.deadlineAt,
    decidedAt: proposal.decidedAt,
    task: spec.task,
    tally: tally(spec.electorate, proposal.ballots, spec.quorum),
    electorate: spec.electorate,
    ballots: [...proposal.ballots].map(([voter, { decision, reason }]) => ({ voter, decision, reason })),
  };
}

/** A member as this process sees it. */
export interface Seen {
  readonly member: Member;
  readonly state: MemberStatus;
  /** Why it is suspect; null: it is not. */
  readonly suspicion: Suspicion | null;
  /** Its last beat, of this incarnation. */
  readonly beat: Beat | undefined;
}

/** The larger of the load that it reported and of its used slots / slots. */
export function loadOf(member: Member, beat: Beat | undefined): number {
  const used = usedSlots(member) / member.profile.slots;
  return beat?.isLoadSet === true ? Math.max(beat.load, used) : used;
}

/** `now`: monotonic. */
export function agentView(
  { member, state, suspicion, beat }: Seen,
  { leader, now }: { readonly leader: AgentId | null; readonly now: number },
): AgentView {
  const { profile } = member;
  const load = loadOf(member, beat);
  return {
    id: member.id,
    state,
    suspicion,
    incarnation: member.incarnation,
    capabilities: profile.capabilities,
    handles: profile.handles,
    priority: profile.priority,
    slots: profile.slots,
    electable: profile.electable,
    labels: profile.labels,
    running: usedSlots(member),
    completed: member.completed,
    joinedAt: member.joinedAt,
    isLeader: member.id === leader,
    isStandby: beat?.isStandby ?? false,
    activity: beat?.state ?? null,
    health: beat?.health ?? null,
    load,
    score: scoreOf({ priority: profile.priority, health: beat?.health ?? 1, load }),
    lagMs: beat?.lagMs ?? null,
    heardMsAgo: beat === undefined ? null : Math.round(now - beat.heardAt),
  };
}

export interface StatusFacts {
  readonly fleet: string;
  readonly hasLeader: boolean;
  /** Ledger time. */
  readonly at: number;
  readonly health: Health;
  readonly agents: StatusView['agents'];
  readonly pace: Pick<StatusView['tasks'], 'completedPerMinute' | 'waitingMs' | 'oldestWaitingMs'>;
  /** Null: this process has not looked at it yet. */
  readonly broker: Broker | null;
}

export function statusView(state: FleetState, of: StatusFacts): StatusView {
  const { counts, lastElection } = state;
  return {
    fleet: of.fleet,
    health: of.health.word,
    reasons: of.health.reasons,
    hasLeader: of.hasLeader,
    leader: of.hasLeader ? (state.leader?.id ?? null) : null,
    term: state.term,
    fencingToken: state.fencingToken,
    sinceMs: of.hasLeader ? Math.max(0, Math.round(of.at - state.leaderSince)) : null,
    sequence: state.sequence,
    election: {
      cause: lastElection?.cause ?? null,
      candidates: lastElection?.candidates ?? [],
      durationMs: lastElection?.durationMs ?? null,
      elections: counts.elections,
      leaderChanges: counts.leaderChanges,
    },
    agents: of.agents,
    tasks: {
      total: state.tasks.size,
      byStatus: { ...counts.tasks },
      byType: Object.fromEntries(counts.tasksByType),
      retries: counts.retries,
      ...of.pace,
    },
    proposals: { total: state.proposals.size, byStatus: { ...counts.proposals } },
    recovery: { deaths: counts.deaths, reassigned: counts.reassigned, reElections: counts.reElections },
    durability: durabilityView(of.broker),
  };
}

function durabilityView(broker: Broker | null): StatusView['durability'] {
  return {
    ...durabilityOf(broker),
    version: broker?.version ?? null,
    replicas: broker?.replicas ?? null,
    storage: broker?.storage ?? null,
    fsync: broker?.fsync?.policy ?? 'unknown',
    fsyncSource: broker?.fsync?.source ?? null,
  };
}
