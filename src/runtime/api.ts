/**
 * What clients ask of the leader: the endpoints of the micro service `conclave`. A process that does not lead
 * answers nothing, so that a frozen old leader swallows nothing; only `trigger` is also for a fleet without one.
 */
import { refused, type Verdict } from '../domain/decision.ts';
import { decideDrain, decideResume } from '../domain/decide-members.ts';
import { decideBallot, decidePropose, type ProposalRequest } from '../domain/decide-proposals.ts';
import { decideCancel, decideRetry, decideSubmit, VOTER_BYTES } from '../domain/decide-tasks.ts';
import { problem } from '../domain/errors.ts';
import type { AgentId, ProposalId, TaskId } from '../domain/ids.ts';
import type { FleetState } from '../domain/state.ts';
import type { Endpoint, Incoming } from '../ports.ts';
import { encode } from '../wire/codec.ts';
import { digestOf, doorFor, type Door } from '../wire/door.ts';
import {
  AgentsSchema,
  ByIdSchema,
  NothingSchema,
  OutcomesSchema,
  ProposalsSchema,
  ProposeSchema,
  TasksSchema,
  VoteSchema,
  type ProposeMessage,
} from '../wire/messages.ts';
import type { ApiVerb } from '../wire/subjects.ts';
import type { Office } from './office.ts';
import { answer, refuse } from './respond.ts';
import { readSubmission } from './submission.ts';
import {
  agentView,
  outcomeView,
  proposalView,
  statusView,
  taskView,
  type AgentView,
  type StatusView,
} from './views.ts';

const doors = {
  byId: doorFor(ByIdSchema),
  tasks: doorFor(TasksSchema),
  outcomes: doorFor(OutcomesSchema),
  propose: doorFor(ProposeSchema),
  proposals: doorFor(ProposalsSchema),
  vote: doorFor(VoteSchema),
  agents: doorFor(AgentsSchema),
  nothing: doorFor(NothingSchema),
};

/** Items of a page that does not say. */
const LIMIT = 50;
/** Of a list in an answer. */
const ANSWER_BYTES_MAX = 524_288;

/** One endpoint per verb. */
export function endpointsFor(office: Office): Endpoint[] {
  const { subjects } = office.options;
  const endpoint = (name: ApiVerb, handle: (message: Incoming) => void): Endpoint => ({
    name,
    subject: subjects.api(name),
    handle,
  });
  const checked = <T>(name: ApiVerb, door: Door<T>, handle: (body: T, message: Incoming) => void): Endpoint =>
    endpoint(name, (message) => {
      const admitted = door.admit(message.data, message.headers);
      if (admitted.kind === 'ok') {
        handle(admitted.value, message);
        return;
      }
      office.options.rejections.count(message.subject, admitted.problem);
      refuse(message, admitted.problem);
    });
  return [
    endpoint('submit', (message) => {
      submit(office, message);
    }),
    checked('task', doors.byId, ({ id }, message) => {
      show(
        office,
        message,
        () => {
          const task = office.state.tasks.get(id as TaskId);
          return task === undefined ? null : taskView(office.state, task);
        },
        `no task ${id}`,
      );
    }),
    checked('tasks', doors.tasks, (filter, message) => {
      office.read(message, () => listTasks(office.state, filter), false);
    }),
    checked('outcomes', doors.outcomes, ({ ids }, message) => {
      office.read(
        message,
        () => ({ outcomes: fitting(ids.map((id) => outcomeView(office.state, id as TaskId))) }),
        true,
      );
    }),
    checked('cancel', doors.byId, ({ id }, message) => {
      office.decide(message, {
        decide: (context) => decideCancel(context, id as TaskId),
        view: (value) => ({ id, ...value }),
      });
    }),
    checked('retry', doors.byId, ({ id }, message) => {
      office.decide(message, {
        decide: (context) => decideRetry(context, id as TaskId),
        view: () => ({ id }),
      });
    }),
    checked('propose', doors.propose, (body, message) => {
      propose(office, body, message);
    }),
    checked('proposal', doors.byId, ({ id }, message) => {
      show(
        office,
        message,
        () => {
          const proposal = office.state.proposals.get(id as ProposalId);
          return proposal === undefined ? null : proposalView(proposal);
        },
        `no proposal ${id}`,
      );
    }),
    checked('proposals', doors.proposals, (filter, message) => {
      office.read(message, () => listProposals(office.state, filter), false);
    }),
    checked('vote', doors.vote, ({ proposal, voter, decision, reason = null }, message) => {
      office.decide(message, {
        decide: (context): Verdict<null> => {
          const known = context.state.proposals.get(proposal as ProposalId);
          if (known !== undefined && !known.spec.outsiders.includes(voter)) {
            return refused('NOT_A_VOTER', `${voter} is not an outside voter of ${proposal}`);
          }
          return decideBallot(context, { proposal: proposal as ProposalId, voter, decision, reason });
        },
        view: () => ({ proposal, voter, decision }),
      });
    }),
    checked('agents', doors.agents, (filter, message) => {
      office.read(message, () => listAgents(office, filter), false);
    }),
    checked('drain', doors.byId, ({ id }, message) => {
      office.decide(message, {
        decide: (context) => decideDrain(context, id as AgentId),
        view: () => ({ id }),
      });
    }),
    checked('resume', doors.byId, ({ id }, message) => {
      office.decide(message, {
        decide: (context) => decideResume(context, id as AgentId),
        view: () => ({ id }),
      });
    }),
    checked('status', doors.nothing, (_, message) => {
      office.read(message, () => officeStatus(office), false);
    }),
    checked('trigger', doors.nothing, (_, message) => {
      const { term } = office.options.author;
      office.afterHandover(() => {
        answer(message, { term });
      });
      office.resign('trigger');
    }),
  ];
}

function submit(office: Office, message: Incoming): void {
  const { settings, random, author, rejections } = office.options;
  const read = readSubmission(message, { settings, key: () => random.id(), proposer: author.id });
  if (read.kind === 'bad') {
    rejections.count(message.subject, read.problem);
    refuse(message, read.problem);
    return;
  }
  const { request, isMany } = read.value;
  // An approval repeats its task's payload, and names every voter.
  const approvals = request.tasks.filter(({ approval }) => approval !== null).length;
  const bytes =
    message.data.length * (approvals > 0 ? 2 : 1) + approvals * office.state.members.size * VOTER_BYTES;
  office.decide(message, {
    bytes,
    decide: (context) => decideSubmit(context, request),
    view: (ids) => (isMany ? { ids } : { id: ids[0] }),
  });
}

function propose(office: Office, body: ProposeMessage, message: Incoming): void {
  const { payloadBytesMax } = office.options.settings;
  if (message.data.length > payloadBytesMax) {
    refuse(message, problem('TOO_LARGE', `a proposal is at most ${payloadBytesMax} bytes`));
    return;
  }
  const request: ProposalRequest = {
    type: body.type,
    description: body.description ?? '',
    data: body.data ?? null,
    proposer: body.proposer ?? 'client',
    quorum: body.quorum ?? null,
    timeoutMs: body.timeoutMs ?? null,
    weighting: body.weighting ?? 'equal',
    voters: [...new Set(body.voters ?? [])],
  };
  const key = { key: body.key ?? office.options.random.id(), digest: digestOf(message.data) };
  office.decide(message, {
    decide: (context) => decidePropose(context, request, key),
    view: (id) => ({ id }),
  });
}

/** One thing by its id, or `NOT_FOUND`. */
function show(office: Office, message: Incoming, view: () => object | null, missing: string): void {
  const value = view();
  if (value === null) office.refuseLater(message, problem('NOT_FOUND', missing));
  else office.read(message, () => value, false);
}

interface Page {
  readonly skip?: number;
  readonly limit?: number;
}

function listTasks(
  state: FleetState,
  filter: Page & { readonly type?: string; readonly status?: string; readonly agent?: string },
): object {
  const found = [];
  let total = 0;
  const { skip = 0, limit = LIMIT } = filter;
  for (const task of state.tasks.values()) {
    if (filter.type !== undefined && task.spec.type !== filter.type) continue;
    if (filter.status !== undefined && task.status !== filter.status) continue;
    if (filter.agent !== undefined && task.attempts.at(-1)?.agent !== filter.agent) continue;
    if (total >= skip && found.length < limit) found.push(taskView(state, task));
    total += 1;
  }
  const byType = Object.fromEntries(state.counts.tasksByType);
  return { tasks: fitting(found), total, byStatus: { ...state.counts.tasks }, byType };
}

function listProposals(state: FleetState, filter: Page & { readonly status?: string }): object {
  const all = [...state.proposals.values()].filter(
    (each) => filter.status === undefined || each.status === filter.status,
  );
  const { skip = 0, limit = LIMIT } = filter;
  return {
    proposals: fitting(all.slice(skip, skip + limit).map(proposalView)),
    total: all.length,
    byStatus: { ...state.counts.proposals },
  };
}

function listAgents(
  office: Office,
  filter: { readonly state?: string; readonly capability?: string },
): { readonly agents: AgentView[]; readonly total: number } {
  const { roster, clock } = office.options;
  const hearsay = {
    now: clock.now(),
    beatOf: (id: AgentId) => roster.get(id),
    stateOf: (id: AgentId) => office.liveness.stateOf(id),
  };
  const agents = [...office.state.members.values()]
    .map((member) => agentView(office.state, member, hearsay))
    .filter((agent) => filter.state === undefined || agent.state === filter.state)
    .filter((agent) => filter.capability === undefined || agent.capabilities.includes(filter.capability));
  return { agents, total: agents.length };
}

/** The first of them that one message can carry; who asks for more goes on from there. */
function fitting<T>(items: readonly T[]): T[] {
  let bytes = 0;
  const count = items.findIndex((item) => {
    bytes += encode(item, 'json').length;
    return bytes > ANSWER_BYTES_MAX;
  });
  return items.slice(0, count === -1 ? items.length : Math.max(1, count));
}

export function officeStatus(office: Office): StatusView {
  const agents: Record<string, number> = { alive: 0, suspect: 0, draining: 0, dead: 0, left: 0 };
  for (const id of office.state.members.keys()) {
    const state = office.liveness.stateOf(id);
    agents[state] = (agents[state] ?? 0) + 1;
  }
  const { subjects, ledgerNow } = office.options;
  return statusView(office.state, { fleet: subjects.fleet, hasLeader: true, at: ledgerNow(), agents });
}
