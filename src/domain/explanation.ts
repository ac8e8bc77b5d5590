/** What is said of a task that somebody wonders about. Made by `explain.ts`; shown as `src/wire/explanation.ts` has it. */
import type { AgentId, ProposalId, TaskId } from './ids.ts';
import type { MemberStatus, TaskStatus } from './state.ts';

export type ObstacleKind = 'handler' | 'capability' | 'slots' | Exclude<MemberStatus, 'alive'>;

export interface Obstacle {
  readonly kind: ObstacleKind;
  readonly text: string;
  /** What would take it away. */
  readonly remedy: string;
}

export interface Chance {
  readonly id: AgentId;
  /** As whoever explains sees it. */
  readonly state: MemberStatus;
  readonly canTake: boolean;
  readonly obstacles: readonly Obstacle[];
}

export interface Ballots {
  readonly id: ProposalId;
  readonly approve: number;
  readonly reject: number;
  readonly abstain: number;
  readonly notVoted: number;
  /** The first of those who have not voted. */
  readonly awaited: readonly string[];
  readonly deadlineAt: number;
}

export interface Run {
  readonly agent: AgentId;
  readonly attempt: number;
  /** Ledger time of the start of its handler, or of the assignment before that. */
  readonly since: number;
  readonly retriesLeft: number;
  readonly progress: RunProgress | null;
}

export interface RunProgress {
  readonly share: number;
  readonly note: string | null;
  readonly agoMs: number;
}

/** Pending tasks that are to be placed before it and that an agent could take which could take it. */
export interface Ahead {
  readonly tasks: number;
  /** There were too many to look at each. */
  readonly isAtLeast: boolean;
}

export interface Explanation {
  readonly id: TaskId;
  readonly status: TaskStatus;
  readonly text: string;
  /** Ledger time of its next step, if that has one. */
  readonly until: number | null;
  readonly proposal: Ballots | null;
  readonly run: Run | null;
  readonly ahead: Ahead | null;
  /** Those nearest to taking it, while it waits. */
  readonly agents: readonly Chance[];
  readonly agentsTotal: number;
  readonly agentsLeftOut: number;
}
