/**
 * Which deaths the fleet has not recovered from: a death is recovered from when every task that it sent back to
 * waiting has been assigned again, or has ended. Follows the ledger's events in order, and can begin at any entry,
 * from the state alone.
 *
 * What is derived from the state equals what was followed, except in the number of tasks and in rare cases: attempts
 * that the state has forgotten (a task keeps its latest 100, and tasks may be dropped); a process that was found dead
 * twice; a task that failed with its agent and was retried by hand. An agent that lost a task, left and came back
 * looks like one that died.
 */
import type { EventOf, LedgerEvent } from '../domain/events.ts';
import type { AgentId, TaskId } from '../domain/ids.ts';
import { currentAttempt, isPresent, type Attempt, type FleetState, type Task } from '../domain/state.ts';

export interface Recovery {
  readonly agent: AgentId;
  /** That waited for another agent when it was found dead. */
  readonly tasks: number;
  /** Ledger time since the last of them was lost. */
  readonly durationMs: number;
}

/** Tasks that one life of an agent has lost and nobody has taken yet. */
interface Losses {
  readonly agent: AgentId;
  readonly waiting: Set<TaskId>;
  /** Ledger time of the latest. */
  since: number;
  /** How many waited when the agent was found dead; null: it is alive. */
  tasks: number | null;
}

export class Recoveries {
  readonly #state: () => FleetState;
  /** Of agents that are not dead: an agent can lose a task without dying. */
  readonly #living = new Map<AgentId, Losses>();
  readonly #byTask = new Map<TaskId, Losses>();

  constructor(state: () => FleetState) {
    this.#state = state;
    for (const losses of lossesIn(state())) {
      if (losses.tasks === null) this.#living.set(losses.agent, losses);
      for (const id of losses.waiting) this.#byTask.set(id, losses);
    }
  }

  /** Each event, in order, with its entry's ledger time. Answers with what was completed by it. */
  observe(event: LedgerEvent, at: number): Recovery | null {
    switch (event.type) {
      case 'task.attemptLost':
        this.#lose(event, at);
        return null;
      case 'task.assigned':
      case 'task.completed':
      case 'task.failed':
      case 'task.cancelled':
        return this.#settle(event.id, at);
      case 'member.died':
        return this.#die(event.id);
      case 'member.left':
        this.#forget(event.id);
        return null;
      default:
        return null;
    }
  }

  #lose(event: EventOf<'task.attemptLost'>, at: number): void {
    const agent = attemptOf(this.#state().tasks.get(event.id), event.attempt)?.agent;
    if (agent === undefined) return;
    const losses = this.#living.get(agent) ?? { agent, waiting: new Set(), since: at, tasks: null };
    losses.since = at;
    losses.waiting.add(event.id);
    this.#living.set(agent, losses);
    this.#byTask.set(event.id, losses);
  }

  #settle(id: TaskId, at: number): Recovery | null {
    const losses = this.#byTask.get(id);
    if (losses === undefined) return null;
    this.#byTask.delete(id);
    losses.waiting.delete(id);
    const { agent, tasks, since } = losses;
    if (losses.waiting.size > 0) return null;
    if (tasks !== null) return { agent, tasks, durationMs: at - since };
    this.#living.delete(agent);
    return null;
  }

  #die(agent: AgentId): Recovery | null {
    const losses = this.#living.get(agent);
    this.#living.delete(agent);
    if (losses === undefined) return { agent, tasks: 0, durationMs: 0 };
    losses.tasks = losses.waiting.size;
    return null;
  }

  #forget(agent: AgentId): void {
    for (const id of this.#living.get(agent)?.waiting ?? []) this.#byTask.delete(id);
    this.#living.delete(agent);
  }
}

/** The attempt of that number, if the task still remembers it. */
export function attemptOf(task: Task | undefined, attempt: number): Attempt | undefined {
  return task?.attempts.findLast((each) => each.attempt === attempt);
}

function lossesIn(state: FleetState): Losses[] {
  const found = new Map<string, Losses>();
  for (const task of state.tasks.values()) {
    const last = task.status === 'pending' ? currentAttempt(task) : undefined;
    if (last?.end !== 'lost') continue;
    const member = state.members.get(last.agent);
    // Who was taken for dead and came back joined after its loss.
    const isSameLife =
      member?.incarnation === last.incarnation && member.joinedAt < (last.endedAt ?? Infinity);
    if (isSameLife && member.status === 'left') continue;
    const isAlive = isSameLife && isPresent(member);
    const losses = found.get(lifeOf(last)) ?? {
      agent: last.agent,
      waiting: new Set(),
      since: 0,
      tasks: isAlive ? null : 0,
    };
    losses.since = Math.max(losses.since, last.endedAt ?? 0);
    losses.waiting.add(task.spec.id);
    found.set(lifeOf(last), losses);
  }
  countSettled(state, found);
  return [...found.values()];
}

/** Those of the dead that have been taken since count too. */
function countSettled(state: FleetState, found: ReadonlyMap<string, Losses>): void {
  const dead = [...found.values()].filter(({ tasks }) => tasks !== null);
  if (dead.length === 0) return;
  const settled: { readonly losses: Losses; readonly at: number }[] = [];
  for (const task of state.tasks.values()) {
    task.attempts.forEach((attempt, i) => {
      const losses = attempt.end === 'lost' ? found.get(lifeOf(attempt)) : undefined;
      if (losses?.tasks === null || losses === undefined) return;
      losses.since = Math.max(losses.since, attempt.endedAt ?? 0);
      // Failed with the attempt that was lost: it did not wait. A waiting one cannot fail.
      const at = task.attempts[i + 1]?.assignedAt ?? (task.status === 'failed' ? null : task.endedAt);
      if (at !== null) settled.push({ losses, at });
    });
  }
  for (const losses of dead) {
    const since = settled.filter((each) => each.losses === losses && each.at >= losses.since);
    losses.tasks = losses.waiting.size + since.length;
  }
}

const lifeOf = ({ agent, incarnation }: Attempt): string => `${agent}/${incarnation}`;
