/** How state is shown outside: plain JSON objects, the same on NATS, HTTP and the command. */
import { tally, type Tally } from '../domain/quorum.ts';
import type { Candidate } from '../domain/events.ts';
import type { AgentId, TaskId } from '../domain/ids.ts';
import {
  currentAttempt,
  usedSlots,
  type FleetState,
  type Member,
  type Proposal,
  type Task,
} from '../domain/state.ts';
import { scoreOf } from '../domain/score.ts';
import type { Beat } from './roster.ts';

export interface OutcomeView {
  readonly id: string;
  readonly status: string;
  readonly result?: unknown;
  readonly error?: { readonly message: string; readonly code?: string };
  readonly agent: string | null;
  readonly attempt: number;
}

/** How a task stands, and what came of it once it has ended. Null: unknown id. */
export function outcomeView(state: FleetState, id: TaskId): OutcomeView | null {
  const task = state.tasks.get(id);
  if (task === undefined) return null;
  return {
    id,
    status: task.status,
    ...(task.status === 'completed' ? { result: task.result ?? null } : {}),
    ...(task.error === null ? {} : { error: task.error }),
    agent: agentOf(task),
    attempt: task.attempt,
  };
}

export interface AttemptView {
  readonly attempt: number;
  readonly agent: string;
  readonly fencingToken: number;
  readonly assignedAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly end: string | null;
  readonly error: { readonly message: string; readonly code?: string } | null;
}

export interface TaskView extends OutcomeView {
  readonly type: string;
  readonly priority: number;
  readonly target: string | null;
  readonly payload: unknown;
  readonly requiredCapabilities: readonly string[];
  readonly maxRetries: number;
  readonly runTimeoutMs: number | null;
  readonly notBefore: number | null;
  readonly proposal: string | null;
  readonly submittedAt: number;
  readonly endedAt: number | null;
  readonly attempts: readonly AttemptView[];
}

export function taskView(state: FleetState, task: Task): TaskView {
  const { spec } = task;
  return {
    ...(outcomeView(state, spec.id) as OutcomeView),
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
    attempts: task.attempts.map(({ incarnation: _, ...attempt }) => attempt),
  };
}

export interface ProposalView {
  readonly id: string;
  readonly type: string;
  readonly description: string;
  readonly data: unknown;
  readonly proposer: string;
  readonly status: string;
  readonly approved: boolean;
  readonly quorum: number;
  readonly weighting: string;
  readonly openedAt: number;
  readonly deadlineAt: number;
  readonly decidedAt: number | null;
  readonly task: string | null;
  readonly tally: Tally;
  readonly electorate: readonly { readonly id: string; readonly weight: number }[];
  readonly ballots: readonly {
    readonly voter: string;
    readonly decision: string;
    readonly reason: string | null;
  }[];
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

export interface AgentView {
  readonly id: string;
  readonly state: string;
  readonly incarnation: string;
  readonly capabilities: readonly string[];
  readonly handles: readonly string[];
  readonly priority: number;
  readonly slots: number;
  readonly electable: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly running: number;
  readonly completed: number;
  readonly joinedAt: number;
  readonly isLeader: boolean;
  /** Follows the ledger and could lead. */
  readonly isStandby: boolean;
  /** State of its statechart by its last beat. */
  readonly activity: string | null;
  readonly health: number | null;
  readonly load: number;
  readonly score: number;
  readonly lagMs: number | null;
  /** Age of the last beat, milliseconds. */
  readonly heardMsAgo: number | null;
}

export interface Hearsay {
  readonly now: number;
  beatOf(id: AgentId): Beat | undefined;
  stateOf(id: AgentId): string | null;
}

export function agentView(state: FleetState, member: Member, hearsay: Hearsay): AgentView {
  const { profile } = member;
  const beat = hearsay.beatOf(member.id);
  const used = usedSlots(member) / profile.slots;
  const load = beat?.isLoadSet === true ? Math.max(beat.load, used) : used;
  return {
    id: member.id,
    state: hearsay.stateOf(member.id) ?? member.status,
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
    isLeader: state.leader?.id === member.id,
    isStandby: beat?.isStandby ?? false,
    activity: beat?.state ?? null,
    health: beat?.health ?? null,
    load,
    score: scoreOf({ priority: profile.priority, health: beat?.health ?? 1, load }),
    lagMs: beat?.lagMs ?? null,
    heardMsAgo: beat === undefined ? null : Math.round(hearsay.now - beat.heardAt),
  };
}

export interface StatusView {
  readonly fleet: string;
  readonly hasLeader: boolean;
  readonly leader: string | null;
  readonly term: number;
  readonly fencingToken: number;
  readonly sinceMs: number | null;
  readonly sequence: number;
  readonly election: {
    readonly cause: string | null;
    readonly candidates: readonly Candidate[];
    readonly durationMs: number | null;
    readonly elections: number;
    readonly leaderChanges: number;
  };
  readonly agents: Readonly<Record<string, number>>;
  readonly tasks: {
    readonly total: number;
    readonly byStatus: Readonly<Record<string, number>>;
    readonly byType: Readonly<Record<string, number>>;
    readonly retries: number;
  };
  readonly proposals: { readonly total: number; readonly byStatus: Readonly<Record<string, number>> };
  readonly recovery: { readonly deaths: number; readonly reassigned: number; readonly reElections: number };
}

export function statusView(
  state: FleetState,
  of: {
    readonly fleet: string;
    readonly hasLeader: boolean;
    readonly at: number;
    readonly agents: Record<string, number>;
  },
): StatusView {
  const { counts, lastElection } = state;
  return {
    fleet: of.fleet,
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
    },
    proposals: { total: state.proposals.size, byStatus: { ...counts.proposals } },
    recovery: { deaths: counts.deaths, reassigned: counts.reassigned, reElections: counts.reElections },
  };
}

function agentOf(task: Task): AgentId | null {
  return currentAttempt(task)?.agent ?? null;
}
