/**
 * What the ledger can say: every event, in past tense. An entry carries a list of them.
 *
 * I1  An event records outcomes, never inputs to be judged again: replaying needs no clock, chance or setting.
 * I2  All events of one decision stand in one entry.
 */
import type { AgentId, Incarnation, ProposalId, TaskId } from './ids.ts';

/** What an agent says of itself when it joins. Lists are sorted and without repeats. */
export interface Profile {
  readonly capabilities: readonly string[];
  readonly priority: number;
  /** How many attempts at once, ≥ 1. */
  readonly slots: number;
  readonly electable: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Task types it has handlers for; `*`: any. */
  readonly handles: readonly string[];
}

export interface Candidate {
  readonly id: AgentId;
  readonly score: number;
}

/** Why somebody stood for election. */
export type ElectionCause =
  'start' | 'leader.gone' | 'leader.silent' | 'leader.resigned' | 'handover' | 'trigger';

export type HandoverReason = 'leave' | 'trigger' | 'cutOff' | 'lameDuck' | 'preempt';

export interface TaskSpec {
  readonly id: TaskId;
  readonly type: string;
  readonly payload: unknown;
  /** 1–10, 10 first. */
  readonly priority: number;
  readonly requiredCapabilities: readonly string[];
  readonly target: string | null;
  readonly maxRetries: number;
  readonly runTimeoutMs: number | null;
  /** Ledger time before which it is not assigned; null: at once. */
  readonly notBefore: number | null;
  /** The proposal that must approve it first. */
  readonly proposal: ProposalId | null;
}

/** The caller's name for "the same request"; `digest` tells a repeat from a different body. */
export interface RequestKey {
  readonly key: string;
  readonly digest: string;
  readonly expiresAt: number;
  /** Given by the caller, for a long window. Without it the key only serves the repeats of one call. */
  readonly isIdempotency?: true;
}

export type Decision = 'approve' | 'reject' | 'abstain';
/** What ballots, or a lack of them, decide. */
export type VoteOutcome = 'approved' | 'rejected' | 'expired';
/** `withdrawn`: the task that waited for it was cancelled. */
export type ProposalOutcome = VoteOutcome | 'withdrawn';
export type Weighting = 'equal' | 'health' | 'priority';

export interface Voter {
  readonly id: string;
  /** Whole thousandths. */
  readonly weight: number;
}

export interface ProposalSpec {
  readonly id: ProposalId;
  readonly type: string;
  readonly description: string;
  readonly data: unknown;
  readonly proposer: string;
  /** Share of the electorate's weight that must take part, 0 < quorum ≤ 1. */
  readonly quorum: number;
  readonly weighting: Weighting;
  /** Ledger time at which it is decided at the latest. */
  readonly deadlineAt: number;
  /** Fixed here for good. */
  readonly electorate: readonly Voter[];
  /** Names of voters that are not members. */
  readonly outsiders: readonly string[];
  /** The task that waits for this approval. */
  readonly task: TaskId | null;
}

export interface TaskError {
  readonly message: string;
  readonly code?: string;
}

export type AttemptEnd = 'completed' | 'failed' | 'timedOut' | 'lost' | 'returned' | 'cancelled';

export type LedgerEvent =
  | {
      readonly type: 'term.started';
      readonly cause: ElectionCause;
      readonly candidates: readonly Candidate[];
      /** From the suspicion or request until the claim was sent. */
      readonly durationMs: number;
    }
  | { readonly type: 'term.handedOver'; readonly reason: HandoverReason }
  | {
      readonly type: 'member.joined';
      readonly id: AgentId;
      readonly incarnation: Incarnation;
      readonly profile: Profile;
    }
  | { readonly type: 'member.updated'; readonly id: AgentId; readonly profile: Profile }
  | { readonly type: 'member.draining'; readonly id: AgentId }
  | { readonly type: 'member.resumed'; readonly id: AgentId }
  | { readonly type: 'member.left'; readonly id: AgentId }
  | { readonly type: 'member.died'; readonly id: AgentId; readonly reason: string }
  | { readonly type: 'member.forgotten'; readonly id: AgentId }
  /** By hand. What of it was still there has died; this process cannot join again until then. */
  | {
      readonly type: 'member.removed';
      readonly id: AgentId;
      readonly incarnation: Incarnation;
      readonly refusedUntil: number;
    }
  | { readonly type: 'request.accepted'; readonly request: RequestKey; readonly tasks: readonly TaskId[] }
  | { readonly type: 'task.submitted'; readonly task: TaskSpec; readonly key?: RequestKey }
  | { readonly type: 'task.approved'; readonly id: TaskId; readonly notBefore: number | null }
  | { readonly type: 'task.due'; readonly id: TaskId }
  | {
      readonly type: 'task.assigned';
      readonly id: TaskId;
      readonly agent: AgentId;
      readonly attempt: number;
    }
  | { readonly type: 'task.started'; readonly id: TaskId; readonly attempt: number }
  | {
      readonly type: 'task.completed';
      readonly id: TaskId;
      readonly attempt: number;
      readonly result: unknown;
    }
  /** This attempt failed or ran too long; another follows at `retryAt`. */
  | {
      readonly type: 'task.attemptFailed';
      readonly id: TaskId;
      readonly attempt: number;
      readonly end: 'failed' | 'timedOut';
      readonly error: TaskError;
      readonly retryAt: number;
      /** The handler has not returned yet and keeps its slot. */
      readonly lingers: boolean;
    }
  /** Its agent is gone; the task waits for another. */
  | {
      readonly type: 'task.attemptLost';
      readonly id: TaskId;
      readonly attempt: number;
      readonly reason: string;
    }
  /** Its agent gave it back before or while running it; does not count as an attempt. */
  | { readonly type: 'task.attemptReturned'; readonly id: TaskId; readonly attempt: number }
  /** A handler that outlived its attempt has returned: its slot is free. */
  | {
      readonly type: 'attempt.released';
      readonly id: TaskId;
      readonly attempt: number;
      readonly agent: AgentId;
    }
  /** No further attempt: retries exhausted, told not to retry, or not approved. */
  | {
      readonly type: 'task.failed';
      readonly id: TaskId;
      readonly end: 'failed' | 'timedOut' | 'lost' | null;
      readonly error: TaskError;
      readonly lingers: boolean;
    }
  | { readonly type: 'task.cancelling'; readonly id: TaskId }
  | { readonly type: 'task.cancelled'; readonly id: TaskId }
  | { readonly type: 'task.retried'; readonly id: TaskId }
  /** They had ended, and are kept no longer. */
  | { readonly type: 'tasks.dropped'; readonly ids: readonly TaskId[] }
  | { readonly type: 'proposal.opened'; readonly proposal: ProposalSpec; readonly key?: RequestKey }
  | {
      readonly type: 'ballot.cast';
      readonly id: ProposalId;
      readonly voter: string;
      readonly decision: Decision;
      readonly reason: string | null;
    }
  | { readonly type: 'proposal.decided'; readonly id: ProposalId; readonly outcome: ProposalOutcome }
  /** They were decided, and are kept no longer. */
  | { readonly type: 'proposals.dropped'; readonly ids: readonly ProposalId[] };

export type EventType = LedgerEvent['type'];
export type EventOf<T extends EventType> = Extract<LedgerEvent, { readonly type: T }>;

/** Where an event stands: that of the entry that carries it. */
export interface EntryContext {
  readonly sequence: number;
  readonly term: number;
  /** Ledger time; never decreases from entry to entry. */
  readonly at: number;
}

/** One record of the ledger. */
export interface Entry {
  readonly v: 1;
  /** Random id of the fleet's first entry; a recreated stream has another one. */
  readonly genesis: string;
  readonly term: number;
  readonly leader: AgentId;
  readonly incarnation: Incarnation;
  readonly at: number;
  /** SHA-256 of the previous entry's bytes, hex; empty for the first. */
  readonly previous: string;
  readonly events: readonly LedgerEvent[];
}
