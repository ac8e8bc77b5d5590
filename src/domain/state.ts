/**
 * The fleet as the ledger tells it. Changed only by `apply`; the same sequence gives the same state everywhere.
 * What only a leader needs (queues, timers) it derives: see `placement.ts` and `timers.ts`.
 *
 * I4  A task is in `held` of exactly the member that its current attempt is assigned to, and of no other.
 * I5  `counts` equals what counting would give; what it counts for good never goes back.
 */
import type {
  AttemptEnd,
  Candidate,
  Decision,
  ElectionCause,
  HandoverReason,
  Profile,
  ProposalOutcome,
  ProposalSpec,
  TaskError,
  TaskSpec,
} from './events.ts';
import type { AgentId, Incarnation, ProposalId, TaskId } from './ids.ts';

export type MemberStatus = 'alive' | 'suspect' | 'draining' | 'dead' | 'left';
export type TaskStatus =
  | 'awaiting_approval'
  | 'scheduled'
  | 'pending'
  | 'assigned'
  | 'running'
  | 'cancelling'
  | 'completed'
  | 'failed'
  | 'cancelled';
export type TaskOutcome = Extract<TaskStatus, 'completed' | 'failed' | 'cancelled'>;
export type ProposalStatus = 'open' | ProposalOutcome;

export interface Member {
  readonly id: AgentId;
  incarnation: Incarnation;
  profile: Profile;
  /** Never `suspect` here: suspicion is the leader's, not the ledger's. */
  status: MemberStatus;
  /** Ledger time of the last change of status. */
  since: number;
  joinedAt: number;
  /** Tasks whose current attempt it has. */
  readonly held: Set<TaskId>;
  /** `task/attempt` of handlers that outlived their attempt and keep their slot. */
  readonly lingering: Set<string>;
  completed: number;
}

export interface Attempt {
  readonly attempt: number;
  readonly agent: AgentId;
  readonly incarnation: Incarnation;
  /** Sequence of the term-start under which it was assigned. A re-send does not change it. */
  readonly fencingToken: number;
  readonly assignedAt: number;
  startedAt: number | null;
  endedAt: number | null;
  end: AttemptEnd | null;
  error: TaskError | null;
}

export interface Task {
  readonly spec: TaskSpec;
  /** Order of submission in this fleet. */
  readonly ordinal: number;
  readonly submittedAt: number;
  status: TaskStatus;
  /** Ledger time of the next step while `scheduled`. */
  dueAt: number | null;
  /** Number of the latest attempt; the first is 1; 0: none yet. */
  attempt: number;
  /** Attempts that count against `maxRetries`. */
  failures: number;
  /** Latest attempts, oldest first; the current one is last while the task is active. */
  readonly attempts: Attempt[];
  result: unknown;
  /** Of payload and result, as `bytes.ts` measures them. */
  valueBytes: number;
  error: TaskError | null;
  endedAt: number | null;
}

export interface Ballot {
  readonly decision: Decision;
  readonly reason: string | null;
  readonly at: number;
}

export interface Proposal {
  readonly spec: ProposalSpec;
  readonly openedAt: number;
  status: ProposalStatus;
  decidedAt: number | null;
  readonly ballots: Map<string, Ballot>;
  /** Of all of it, as `bytes.ts` measures it. */
  bytes: number;
}

export interface Leadership {
  readonly id: AgentId;
  readonly incarnation: Incarnation;
}

export interface Counts {
  /** Tasks that are kept. */
  readonly tasks: Record<TaskStatus, number>;
  /** Tasks that are kept. */
  readonly tasksByType: Map<string, number>;
  /** Proposals that are kept. */
  readonly proposals: Record<ProposalStatus, number>;
  /** Ends of tasks for good, dropped ones too; one that failed and was retried by hand ends again. */
  readonly outcomes: Record<TaskOutcome, number>;
  /** Decisions on proposals for good, dropped ones too. */
  readonly decisions: Record<ProposalOutcome, number>;
  retriedByHand: number;
  tasksDropped: number;
  proposalsDropped: number;
  elections: number;
  leaderChanges: number;
  /** Term-starts because a leader was gone or silent. */
  reElections: number;
  deaths: number;
  /** Attempts that were lost and whose task went on to wait for another agent. */
  reassigned: number;
  retries: number;
}

/** As `bytes.ts` measures them. */
export interface KeptBytes {
  /** Tasks, proposals, and keys of requests. */
  kept: number;
  /** Of these, tasks that have ended, each with the proposal that it waited for. */
  ended: number;
  /** Decided proposals that no kept task waited for. */
  decided: number;
}

/** What became of a request that carried a key. */
export interface Remembered {
  readonly digest: string;
  readonly expiresAt: number;
  readonly tasks: readonly TaskId[];
  readonly proposal: ProposalId | null;
}

/** A process that was removed by hand. */
export interface Removed {
  readonly id: AgentId;
  /** Ledger time until which it cannot join again. */
  readonly expiresAt: number;
}

export interface FleetState {
  genesis: string;
  /** Sequence of the last entry applied, or begun to be applied. */
  sequence: number;
  term: number;
  /** Sequence of the term-start: the fencing token of this term. */
  fencingToken: number;
  leader: Leadership | null;
  /** Why the leader has written its last entry of this term; null: it has not. */
  handover: HandoverReason | null;
  /** Who led the term before. */
  previousLeader: Leadership | null;
  /** How the term before ended. */
  previousHandover: HandoverReason | null;
  leaderSince: number;
  /** Ledger time. */
  at: number;
  lastElection: {
    cause: ElectionCause;
    candidates: readonly Candidate[];
    durationMs: number;
  } | null;
  readonly members: Map<AgentId, Member>;
  /** Processes that may not join again, oldest removal first, until they expire. None of them is a member. */
  readonly removed: Map<Incarnation, Removed>;
  readonly tasks: Map<TaskId, Task>;
  readonly proposals: Map<ProposalId, Proposal>;
  /** Requests by key, oldest first, until they expire. */
  readonly requests: Map<string, Remembered>;
  readonly keys: Map<string, Remembered>;
  /** Tasks that have ended and are kept, in the order of their ends. */
  readonly ended: Set<TaskId>;
  /** Decided proposals that no kept task waited for, in the order of their decisions. The others go with their task. */
  readonly decided: Set<ProposalId>;
  /** Ever submitted, dropped ones too. */
  tasksCreated: number;
  /** Ever opened, dropped ones too. */
  proposalsCreated: number;
  readonly counts: Counts;
  readonly bytes: KeptBytes;
}

export function emptyState(): FleetState {
  return {
    genesis: '',
    sequence: 0,
    term: 0,
    fencingToken: 0,
    leader: null,
    handover: null,
    previousLeader: null,
    previousHandover: null,
    leaderSince: 0,
    at: 0,
    lastElection: null,
    members: new Map(),
    removed: new Map(),
    tasks: new Map(),
    proposals: new Map(),
    requests: new Map(),
    keys: new Map(),
    ended: new Set(),
    decided: new Set(),
    tasksCreated: 0,
    proposalsCreated: 0,
    counts: {
      tasks: {
        awaiting_approval: 0,
        scheduled: 0,
        pending: 0,
        assigned: 0,
        running: 0,
        cancelling: 0,
        completed: 0,
        failed: 0,
        cancelled: 0,
      },
      tasksByType: new Map(),
      proposals: { open: 0, approved: 0, rejected: 0, expired: 0, withdrawn: 0 },
      outcomes: { completed: 0, failed: 0, cancelled: 0 },
      decisions: { approved: 0, rejected: 0, expired: 0, withdrawn: 0 },
      retriedByHand: 0,
      tasksDropped: 0,
      proposalsDropped: 0,
      elections: 0,
      leaderChanges: 0,
      reElections: 0,
      deaths: 0,
      reassigned: 0,
      retries: 0,
    },
    bytes: { kept: 0, ended: 0, decided: 0 },
  };
}

export function usedSlots(member: Member): number {
  return member.held.size + member.lingering.size;
}

export function isPresent(member: Member): boolean {
  return member.status === 'alive' || member.status === 'suspect' || member.status === 'draining';
}

/** The member of that id, if it is present, and in that life of its process. */
export function presentMember(
  { members }: Pick<FleetState, 'members'>,
  { id, incarnation }: { readonly id: AgentId; readonly incarnation: string },
): Member | undefined {
  const member = members.get(id);
  return member !== undefined && isPresent(member) && member.incarnation === incarnation ? member : undefined;
}

/** The attempt that the task is in, or was in last. */
export function currentAttempt(task: Task): Attempt | undefined {
  return task.attempts.at(-1);
}

export function isEnded(task: Task): boolean {
  return task.endedAt !== null;
}

/** One name for an attempt, for maps and sets. `partsOfKey` reads it. */
export function attemptKey(id: string, attempt: number): string {
  return `${id}/${attempt}`;
}

export function partsOfKey(key: string): { readonly id: TaskId; readonly attempt: number } {
  const cut = key.lastIndexOf('/');
  return { id: key.slice(0, cut) as TaskId, attempt: Number(key.slice(cut + 1)) };
}

/** Whether a task is kept that waits, or waited, for this proposal: it is not dropped before its task. */
export function isGate(state: Pick<FleetState, 'tasks'>, { spec }: Proposal): boolean {
  return spec.task !== null && state.tasks.has(spec.task);
}
