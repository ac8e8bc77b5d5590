/** A client of a fleet: submit tasks, open proposals, vote, trigger elections, look. Runs on ports, so also simulated. */
import { noTask } from '../domain/decide-tasks.ts';
import { ConclaveError } from '../domain/errors.ts';
import { defaultSettings } from '../domain/settings.ts';
import type { Decision } from '../domain/events.ts';
import { isName } from '../domain/ids.ts';
import type { Ports, Subscription } from '../ports.ts';
import { silentLog, type Log } from '../runtime/log.ts';
import { Rejections } from '../runtime/rejections.ts';
import { outcomeDoor } from '../wire/answers.ts';
import type { ExplanationView } from '../wire/explanation.ts';
import type { AgentsQuery } from '../wire/messages.ts';
import { subjectsOf, type Subjects } from '../wire/subjects.ts';
import {
  PAGE_ITEMS_MAX,
  type AgentView,
  type OutcomeView,
  type ProposalView,
  type StatusView,
  type TaskView,
} from '../wire/views.ts';
import { Awaited, isFinal } from './awaited.ts';
import { Caller } from './caller.ts';
import { hearEvents } from './events.ts';
import { metricsFrom, summaryOf, type FleetMetrics } from './metrics.ts';
import {
  resultFrom,
  type ProposalFilter,
  type ProposalInput,
  type ProposalPage,
  type ProposalResult,
} from './proposal.ts';
import { proposalWith, taskWith, type RequestDefaults } from './request-defaults.ts';
import {
  asOfOne,
  resultOf,
  type TaskFilter,
  type TaskHandle,
  type TaskInput,
  type TaskPage,
} from './task.ts';
import { simplyWait, type Wait } from './wait.ts';

/** Which agents are listed; all, if it says nothing. */
export type AgentFilter = Pick<AgentsQuery, 'state' | 'capability'>;

/** The entry of the ledger that an event is from. */
export interface EventPlace {
  readonly sequence: number;
  readonly term: number;
  /** Ledger time. */
  readonly at: number;
}

export interface FleetOptions {
  /** How long a call goes on trying while nobody leads or answers. Default 15 s. */
  readonly timeoutMs?: number;
  /** What requests carry that do not say; the rest is the leader's to fill in. */
  readonly defaults?: RequestDefaults;
  readonly wait?: Wait;
}

const DEFAULT_TIMEOUT_MS = 15_000;
const ended = ['completed', 'failed', 'cancelled'] as const;

/**
 * A fleet as its clients see it. Every call asks the leader, again and again for up to `timeoutMs` while nobody leads
 * or answers, and throws a `ConclaveError`: `NO_LEADER`, `NO_NATS` or `TIMEOUT` when that time is over, `LIMIT_REACHED`
 * when the leader takes no more for so long, `INVALID` with every bad field, and what the call itself names. A call
 * that changes something has a key of its own, so that its own repeats are done once; called twice, it is done twice
 * unless it says otherwise.
 */
export class Fleet {
  readonly name: string;
  readonly #ports: Pick<Ports, 'bus' | 'clock' | 'random'>;
  readonly #subjects: Subjects;
  readonly #caller: Caller;
  /** Answers and events that were none. */
  readonly #rejections: Rejections;
  readonly #outcomes: Awaited<OutcomeView>;
  readonly #assignments: Awaited<{ agent: string; attempt: number }>;
  readonly #decisions: Awaited<ProposalView>;
  readonly #onClose: () => Promise<void>;
  readonly #defaults: RequestDefaults;
  readonly #wait: Wait;
  readonly #timeoutMs: number;
  #seen: StatusView | null = null;

  constructor(
    ports: Pick<Ports, 'bus' | 'clock' | 'random'>,
    fleet: string,
    options: FleetOptions & { readonly onClose?: () => Promise<void>; readonly log?: Log } = {},
  ) {
    this.name = fleet;
    this.#ports = ports;
    this.#subjects = subjectsOf(fleet);
    this.#wait = options.wait ?? simplyWait;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#rejections = new Rejections(ports.clock, options.log ?? silentLog);
    this.#caller = new Caller({
      ports,
      subjects: this.#subjects,
      rejections: this.#rejections,
      timeoutMs: this.#timeoutMs,
      requestWindowMs: options.defaults?.requestWindowMs ?? defaultSettings.requestWindowMs,
      wait: this.#wait,
    });
    this.#onClose = options.onClose ?? (() => Promise.resolve());
    this.#defaults = options.defaults ?? {};
    this.#outcomes = this.#awaited<OutcomeView>(
      ended.map((status) => `task.${status}`),
      outcomeIn,
      (ids) => this.#askOutcomes(ids),
    );
    this.#assignments = this.#awaited<{ agent: string; attempt: number }>(
      ['task.assigned'],
      ({ agent, attempt }) =>
        typeof agent === 'string' && typeof attempt === 'number' ? { agent, attempt } : null,
      (ids) => this.#askAssignments(ids),
    );
    this.#decisions = new Awaited<ProposalView>({
      clock: ports.clock,
      wait: this.#wait,
      listen: () =>
        this.#onItems('proposal.decided', ({ id }) => {
          void this.#askDecisions([String(id)]).catch(() => undefined);
        }),
      ask: (ids) => this.#askDecisions(ids),
    });
  }

  /**
   * Answered when the ledger has it. Throws `TOO_LARGE` for a payload above `payloadBytesMax` (256 KiB), `CONFLICT`
   * for an `idempotencyKey` that stands for another task, and `LIMIT_REACHED` when the fleet holds as many as it may.
   */
  async submit(task: TaskInput): Promise<TaskHandle> {
    const [handle] = await this.submitMany([task]).catch((error: unknown) => {
      throw asOfOne(error);
    });
    if (handle === undefined) throw new ConclaveError('INTERNAL', 'the leader answered without an id');
    return handle;
  }

  /**
   * All or nothing. At most `submitTasksMax` (1,000) tasks, and `entryBytesMax` (450,000) bytes together, as the leader's
   * settings say; beyond them it throws `TOO_LARGE`. Otherwise as `submit`.
   */
  async submitMany(tasks: readonly TaskInput[]): Promise<TaskHandle[]> {
    const body = {
      key: this.#ports.random.id(),
      tasks: tasks.map((task) => taskWith(this.#defaults, task)),
    };
    const answer = await this.#caller.call('submit', body);
    const ids = 'ids' in answer ? answer.ids : [answer.id];
    if (ids.length !== tasks.length)
      throw new ConclaveError('INTERNAL', `the leader answered ${ids.length} ids for ${tasks.length} tasks`);
    return ids.map((id) => this.handle(id));
  }

  /** A handle on a task that somebody submitted. Asks nobody: whether there is one shows with its first call. */
  handle(id: string): TaskHandle {
    return {
      id,
      status: async () => (await this.task(id)).status,
      assigned: () => this.#assignments.wait(id),
      outcome: () => this.#outcomes.wait(id),
      result: async () => resultOf(await this.#outcomes.wait(id)),
      cancel: () => this.cancel(id),
    };
  }

  /** The task as it stands, with its latest attempts. Throws `NOT_FOUND`: no such task, or dropped since it ended. */
  async task(id: string): Promise<TaskView> {
    return await this.#caller.call('task', { id });
  }

  /**
   * Why the task stands where it stands, and for each agent what keeps it from taking the task now. Throws `NOT_FOUND`.
   */
  async explain(id: string): Promise<ExplanationView> {
    return await this.#caller.call('explain', { id });
  }

  /** A page, oldest first if not asked otherwise; `next` is the `cursor` of the page behind it. */
  async tasks(filter: TaskFilter = {}): Promise<TaskPage> {
    return await this.#caller.call('tasks', filter);
  }

  /**
   * `cancelled`: it had no agent, and has ended. `cancelling`: its handler is told to stop, and may still end in another
   * way; the same again answers the same. An approval that it waits for is withdrawn. Throws `NOT_FOUND`, or
   * `ALREADY_ENDED`.
   */
  async cancel(id: string): Promise<'cancelled' | 'cancelling'> {
    const body = { id, key: this.#ports.random.id() };
    return (await this.#caller.call('cancel', body)).status;
  }

  /**
   * A failed task gets its retries anew. Throws `NOT_FOUND`, or `CONFLICT` when it has not failed, or failed because it
   * was not approved.
   */
  async retry(id: string): Promise<void> {
    await this.#caller.call('retry', { id, key: this.#ports.random.id() });
  }

  /**
   * Opens a proposal and waits for the fleet's decision: until its deadline, and longer only while nobody leads.
   * Throws what `openProposal` and `decision` throw.
   */
  async propose(proposal: ProposalInput): Promise<ProposalResult> {
    return this.decision(await this.openProposal(proposal));
  }

  /**
   * Opens a proposal; answers with its id. The electorate is fixed now: the living members that do not drain, and the outside
   * voters that it names. Throws `TOO_LARGE` above `payloadBytesMax` (256 KiB) or `votersMax`, `LIMIT_REACHED` when
   * too many are open, and `CONFLICT` when nobody's vote would weigh anything.
   */
  async openProposal(proposal: ProposalInput): Promise<string> {
    const body = { key: this.#ports.random.id(), ...proposalWith(this.#defaults, proposal) };
    return (await this.#caller.call('propose', body)).id;
  }

  /**
   * Waits until the proposal is decided, with no timeout of its own; `timeoutMs` of the proposal ends it. Throws
   * `NOT_FOUND`, another refusal that is for good, or `CLOSED`.
   */
  async decision(id: string): Promise<ProposalResult> {
    return resultFrom(await this.#decisions.wait(id));
  }

  /** The proposal as it stands, with its ballots. Throws `NOT_FOUND`: no such proposal, or dropped since its decision. */
  async proposal(id: string): Promise<ProposalView> {
    return await this.#caller.call('proposal', { id });
  }

  /** A page, oldest first if not asked otherwise; `next` is the `cursor` of the page behind it. */
  async proposals(filter: ProposalFilter = {}): Promise<ProposalPage> {
    return await this.#caller.call('proposals', filter);
  }

  /**
   * The ballot of an outside voter that the proposal names; members vote by their `vote` handler. The same ballot again
   * is answered like the first. Throws `NOT_FOUND`, `NOT_A_VOTER`, `ALREADY_VOTED` for another decision than before, or
   * `PROPOSAL_CLOSED`.
   */
  async vote(ballot: {
    readonly proposal: string;
    readonly voter: string;
    readonly decision: Decision;
    readonly reason?: string;
  }): Promise<void> {
    await this.#caller.call('vote', ballot);
  }

  /** The agent as its leader sees it. Throws `NOT_FOUND`: never a member, or forgotten since it left or died. */
  async agent(id: string): Promise<AgentView> {
    return await this.#caller.call('agent', { id });
  }

  /** All that fit, by id: also dead ones and those that left, until they are forgotten. */
  async agents(filter: AgentFilter = {}): Promise<readonly AgentView[]> {
    const found: AgentView[] = [];
    let cursor: string | null = null;
    do {
      const page: object = { ...filter, limit: PAGE_ITEMS_MAX, ...(cursor === null ? {} : { cursor }) };
      const { agents, next } = await this.#caller.call('agents', page);
      found.push(...agents);
      cursor = next;
    } while (cursor !== null);
    return found;
  }

  /**
   * The agent takes no new task from now on, and finishes what it runs; others go first in elections. Done already:
   * nothing happens. Throws `NOT_FOUND` unless it is a member now.
   */
  async drain(id: string): Promise<void> {
    await this.#caller.call('drain', { id });
  }

  /** Ends `drain`: the agent takes tasks again. Done already: nothing happens. Throws `NOT_FOUND` as `drain` does. */
  async resume(id: string): Promise<void> {
    await this.#caller.call('resume', { id });
  }

  /**
   * Takes the agent out of the fleet for good: what it had goes to others, nobody waits for its votes, and its process,
   * if it lives, drops its work and ends with `REMOVED`. A new process of that id can join. `NOT_FOUND`: nobody there.
   */
  async remove(id: string): Promise<void> {
    await this.#caller.call('remove', { id, key: this.#ports.random.id() });
  }

  /**
   * The whole fleet in figures: who leads, its health and why, agents, tasks, proposals, the ledger. `timeoutMs`:
   * default the fleet's.
   */
  async status(options: { timeoutMs?: number } = {}): Promise<StatusView> {
    this.#seen = await this.#caller.call('status', {}, options);
    return this.#seen;
  }

  /** Who leads, since when, and how the latest election went: of the status. */
  async election(): Promise<
    StatusView['election'] & Pick<StatusView, 'hasLeader' | 'leader' | 'term' | 'sinceMs'>
  > {
    const { election, hasLeader, leader, term, sinceMs } = await this.status();
    return { ...election, hasLeader, leader, term, sinceMs };
  }

  /**
   * Runs an election and answers with its outcome: a term above the present one, whoever wins. Throws
   * `NOBODY_ELECTABLE` when nobody is there who could lead, and `TIMEOUT` when nobody leads anew within `timeoutMs`
   * (default: the fleet's); the election may still come.
   */
  async elect(options: { timeoutMs?: number } = {}): Promise<{ leader: string | null; term: number }> {
    const { clock } = this.#ports;
    const deadline = clock.now() + (options.timeoutMs ?? this.#timeoutMs);
    const { term } = await this.#caller.call('trigger', {}, options);
    for (;;) {
      const status = await this.status({ timeoutMs: Math.max(1, deadline - clock.now()) });
      if (status.hasLeader && status.term > term) return { leader: status.leader, term: status.term };
      if (clock.now() >= deadline) throw new ConclaveError('TIMEOUT', `no leader after term ${term} in time`);
      await this.#wait(new Promise<void>((resolve) => clock.setTimeout(resolve, 20)));
    }
  }

  /** The fleet's figures by subject, of the status. Asking is cheap: they are counted as things happen. */
  async metrics(): Promise<FleetMetrics> {
    return metricsFrom(await this.status());
  }

  /**
   * Calls back with every item of a kind of event (`task.completed`; `*` for one word of it, `.>` at the end for the
   * rest, `>` for all), as it is committed. At most once each: what is told while this connection is down is missed, and
   * the items of an event that is too large for one message are not delivered. Who must not miss anything asks, or
   * reads the events of `startHttpServer`. Throws `INVALID` for what can be no kind. Goes on until it is closed.
   */
  onEvent(
    kind: string,
    listen: (item: Record<string, unknown>, kind: string, where: EventPlace) => void,
  ): Subscription {
    if (!kind.split('.').every((token) => isName(token) || token === '*' || token === '>')) {
      throw new ConclaveError('INVALID', `kind ${kind} is not a name of events`, {
        fields: [{ field: 'kind', message: 'must be like task.completed, task.> or >' }],
      });
    }
    return this.#onItems(kind, listen);
  }

  /**
   * One line: `Fleet(default: 5 agents, 4 alive, leader agent_001, term 3, 12 tasks)`. It asks nobody: it is as this
   * object saw the fleet last, by `status`, `metrics`, `election` or `elect`; before that, the name alone.
   */
  toString(): string {
    return summaryOf(this.name, this.#seen);
  }

  /**
   * Ends the connection, if it was opened here. Who waits for tasks and decisions hears `CLOSED`; what was submitted
   * goes on in the fleet.
   */
  async close(): Promise<void> {
    this.#caller.close();
    this.#outcomes.close();
    this.#assignments.close();
    this.#decisions.close();
    await this.#onClose();
  }

  #awaited<T>(
    kinds: readonly string[],
    view: (item: Record<string, unknown>) => T | null,
    ask: (ids: readonly string[]) => Promise<void>,
  ): Awaited<T> {
    const awaited: Awaited<T> = new Awaited<T>({
      clock: this.#ports.clock,
      wait: this.#wait,
      listen: () => {
        const subscriptions = kinds.map((kind) =>
          this.#onItems(kind, (item) => {
            const { id } = item;
            const value = view(item);
            if (typeof id === 'string' && value !== null) awaited.settle(id, value);
          }),
        );
        return {
          close: () => {
            for (const each of subscriptions) each.close();
          },
        };
      },
      ask,
    });
    return awaited;
  }

  #onItems(
    kind: string,
    listen: (item: Record<string, unknown>, kind: string, where: EventPlace) => void,
  ): Subscription {
    const ear = { bus: this.#ports.bus, subjects: this.#subjects, rejections: this.#rejections };
    return hearEvents(ear, kind, ({ kind: told, sequence, term, at, items }) => {
      for (const item of items) listen(item, told, { sequence, term, at });
    });
  }

  async #askOutcomes(ids: readonly string[]): Promise<void> {
    const { outcomes } = await this.#caller.call('outcomes', { ids });
    outcomes.forEach((outcome, i) => {
      const id = ids[i] ?? '';
      if (outcome === null) this.#outcomes.fail(id, new ConclaveError('NOT_FOUND', noTask(id)));
      else if (ended.some((status) => status === outcome.status)) this.#outcomes.settle(id, outcome);
    });
  }

  async #askAssignments(ids: readonly string[]): Promise<void> {
    const { outcomes } = await this.#caller.call('outcomes', { ids });
    outcomes.forEach((outcome, i) => {
      const id = ids[i] ?? '';
      if (outcome === null) this.#assignments.fail(id, new ConclaveError('NOT_FOUND', noTask(id)));
      else if (outcome.agent !== null) {
        this.#assignments.settle(id, { agent: outcome.agent, attempt: outcome.attempt });
      } else if (ended.some((status) => status === outcome.status)) {
        this.#assignments.fail(id, new ConclaveError('ALREADY_ENDED', `task ${id} is ${outcome.status}`));
      }
    });
  }

  async #askDecisions(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      try {
        const proposal = await this.proposal(id);
        if (proposal.status !== 'open') this.#decisions.settle(id, proposal);
      } catch (error) {
        if (isFinal(error)) this.#decisions.fail(id, error);
        else throw error;
      }
    }
  }
}

/** Null: it is not told as an outcome is; whoever waits for it will ask. */
function outcomeIn({ type: _, ...item }: Record<string, unknown>): OutcomeView | null {
  const admitted = outcomeDoor.check(item);
  if (admitted.kind === 'bad' || !ended.some((status) => status === admitted.value.status)) return null;
  return admitted.value;
}
