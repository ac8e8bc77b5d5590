/** A fleet's figures as code reads them: the status, by subject. All are kept as things happen, so asking is cheap. */
import type { StatusView } from '../wire/views.ts';

type ProposalCounts = StatusView['proposals']['byStatus'];

/** SPEC §6. Counts of tasks and proposals are of those that are kept; all others are of the fleet's whole life. */
export interface FleetMetrics {
  readonly agents: StatusView['agents'];
  readonly leadership: {
    /** Null: nobody leads. */
    readonly leader: string | null;
    readonly term: number;
    /** Elections that ended, and those that ended with another leader. */
    readonly elections: number;
    readonly leaderChanges: number;
  };
  readonly tasks: StatusView['tasks'];
  /** Proposals by how they stand; `expired`: no quorum by the deadline. */
  readonly consensus: { readonly total: number } & ProposalCounts;
  readonly recovery: StatusView['recovery'];
}

export function metricsFrom(status: StatusView): FleetMetrics {
  const { agents, leader, term, election, tasks, proposals, recovery } = status;
  const { elections, leaderChanges } = election;
  return {
    agents,
    leadership: { leader, term, elections, leaderChanges },
    tasks,
    consensus: { total: proposals.total, ...proposals.byStatus },
    recovery,
  };
}

/** `Fleet(default: 5 agents, 4 alive, leader agent_001, term 3, 12 tasks)`; null: nothing was seen of it yet. */
export function summaryOf(fleet: string, status: StatusView | null): string {
  if (status === null) return `Fleet(${fleet})`;
  const { agents, leader, term, tasks } = status;
  return `Fleet(${fleet}: ${agents.total} agents, ${agents.alive} alive, leader ${leader ?? 'none'}, term ${term}, ${tasks.total} tasks)`;
}
