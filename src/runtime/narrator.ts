/**
 * What is told of an entry: the one translation from the ledger's events to those of the outside, used by the leader
 * on NATS and by HTTP servers. It is given entries in order, each when it is in the ledger and applied.
 *
 * The leader's state may be ahead of the entry, so an item takes from the state only what later entries leave as it
 * is: a task's type, an attempt's agent. Two processes tell the same events in the same order, so an event's place in
 * its entry names it everywhere. They may differ where the state has forgotten: see `recoveries.ts`. That a task or a
 * proposal is kept no longer is not told: it ended before, and that was.
 */
import type { AttemptEnd, Entry, EventOf, LedgerEvent } from '../domain/events.ts';
import type { AgentId } from '../domain/ids.ts';
import type { Attempt, FleetState, Task } from '../domain/state.ts';
import { attemptOf, Recoveries } from './recoveries.ts';

/** An event as it is told outside. Its index in the list of its entry is its own. */
export interface Told {
  /** Past tense: `task.completed`. */
  readonly kind: string;
  /** As `docs/wire.md` lists them. */
  readonly item: Readonly<Record<string, unknown>>;
  /** The agent or voter that it is about; null: none, or more than one. */
  readonly agent: string | null;
  /** Of a task event: the task's type; null: another event, or a task that is not kept any more. */
  readonly type: string | null;
}

type OutcomeEvent = EventOf<'task.completed' | 'task.failed' | 'task.cancelled'>;
type TaskEvent = Extract<LedgerEvent, { readonly type: `task.${string}` }>;

export class Narrator {
  readonly #state: () => FleetState;
  readonly #recoveries: Recoveries;

  /** Begins with the entry after the one that the state stands at, or with a term-start that it stands at. */
  constructor(state: () => FleetState) {
    this.#state = state;
    this.#recoveries = new Recoveries(state);
  }

  /** In order. An entry without events that are of use outside gives none. */
  tell(entry: Entry): Told[] {
    const told: Told[] = [];
    for (const event of entry.events) {
      this.#tellEvent(event, entry, told);
      const recovery = this.#recoveries.observe(event, entry.at);
      if (recovery !== null)
        told.push({ kind: 'recovery.completed', item: { ...recovery }, agent: recovery.agent, type: null });
    }
    return told;
  }

  #tellEvent(event: LedgerEvent, entry: Entry, told: Told[]): void {
    switch (event.type) {
      case 'term.started':
        told.push(...this.#lost(event, entry), elected(event, entry));
        break;
      case 'term.handedOver': {
        const item = { leader: entry.leader, term: entry.term, reason: event.reason };
        told.push({ kind: 'leader.lost', item, agent: entry.leader, type: null });
        break;
      }
      case 'member.joined': {
        const { id, profile } = event;
        told.push({ kind: 'agent.joined', item: { id, profile }, agent: id, type: null });
        break;
      }
      case 'member.updated':
      case 'member.draining':
      case 'member.resumed':
      case 'member.left':
      case 'member.died':
      case 'member.forgotten': {
        const kind = event.type.replace('member.', 'agent.');
        told.push({ kind, item: fieldsOf(event), agent: event.id, type: null });
        break;
      }
      case 'member.removed': {
        const { id } = event;
        told.push({ kind: 'agent.removed', item: { id }, agent: id, type: null });
        break;
      }
      case 'proposal.opened': {
        const { electorate, ...proposal } = event.proposal;
        const item = { ...proposal, voters: electorate.length };
        told.push({ kind: event.type, item, agent: proposal.proposer, type: null });
        break;
      }
      case 'ballot.cast':
        told.push({ kind: event.type, item: fieldsOf(event), agent: event.voter, type: null });
        break;
      case 'proposal.decided':
        told.push({ kind: event.type, item: fieldsOf(event), agent: null, type: null });
        break;
      case 'request.accepted':
      case 'attempt.released':
      case 'tasks.dropped':
      case 'proposals.dropped':
        break;
      default:
        told.push(tellTask(event, this.#state(), entry.at));
    }
  }

  /** A leader that died or froze says nothing: the next one says it, unless its last entry was a handover. */
  #lost({ cause }: EventOf<'term.started'>, entry: Entry): Told[] {
    const { previousLeader, previousHandover } = this.#state();
    if (previousLeader === null || previousHandover !== null) return [];
    const item = { leader: previousLeader.id, term: entry.term - 1, cause };
    return [{ kind: 'leader.lost', item, agent: previousLeader.id, type: null }];
  }
}

/** There are many of these: each is built in one go. */
function tellTask(event: TaskEvent, state: FleetState, at: number): Told {
  const kind = event.type;
  if (kind === 'task.submitted') {
    const { id, type, priority, target } = event.task;
    return { kind, item: { id, type, priority, target }, agent: null, type };
  }
  const task = state.tasks.get(event.id);
  const type = task?.spec.type ?? null;
  if (kind === 'task.completed' || kind === 'task.failed' || kind === 'task.cancelled') {
    const item = outcomeOf(event, task, at);
    return { kind, item, agent: item.agent, type };
  }
  const agent = agentOf(event, task);
  // The task's type takes the place of the event's, which is the kind.
  const item = agent === null ? { ...event, type } : { ...event, type, agent };
  return { kind, item, agent, type };
}

function elected(event: EventOf<'term.started'>, { leader, term }: Entry): Told {
  const { cause, candidates, durationMs } = event;
  const item = { leader, term, cause, candidates, durationMs };
  return { kind: 'leader.elected', item, agent: leader, type: null };
}

function fieldsOf(event: LedgerEvent): Record<string, unknown> {
  const { type: _, ...fields } = event;
  return fields;
}

interface Outcome {
  readonly [field: string]: unknown;
  readonly agent: AgentId | null;
}

/** A failed task may have been retried since: its attempt is the one that ended then. */
function outcomeOf(event: OutcomeEvent, task: Task | undefined, at: number): Outcome {
  const { id } = event;
  const type = task?.spec.type ?? null;
  switch (event.type) {
    case 'task.completed': {
      const { attempt, result } = event;
      const agent = attemptOf(task, attempt)?.agent ?? null;
      return { id, status: 'completed', result, agent, attempt, type };
    }
    case 'task.failed': {
      const { end, error } = event;
      const last = end === null ? undefined : task?.attempts.findLast((each) => isEnd(each, end, at));
      return { id, status: 'failed', error, agent: last?.agent ?? null, attempt: last?.attempt ?? 0, type };
    }
    case 'task.cancelled': {
      const agent = task?.attempts.at(-1)?.agent ?? null;
      return { id, status: 'cancelled', agent, attempt: task?.attempt ?? 0, type };
    }
  }
}

function isEnd(attempt: Attempt, end: AttemptEnd, at: number): boolean {
  return attempt.end === end && attempt.endedAt === at;
}

/** Whose attempt it is. */
function agentOf(event: Exclude<TaskEvent, OutcomeEvent>, task: Task | undefined): AgentId | null {
  if (event.type === 'task.assigned') return event.agent;
  if (event.type === 'task.cancelling') return task?.attempts.at(-1)?.agent ?? null;
  return 'attempt' in event ? (attemptOf(task, event.attempt)?.agent ?? null) : null;
}
