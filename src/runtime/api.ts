/**
 * What clients ask of the leader: the endpoints of the micro service `conclave`. A process that does not lead
 * answers nothing, so that a frozen old leader swallows nothing; only `trigger` is also for a fleet without one.
 */
import { refused, type DecisionContext, type Verdict } from '../domain/decision.ts';
import { decideDrain, decideRemove, decideResume, noAgent } from '../domain/decide-members.ts';
import { decideBallot, decidePropose, noProposal, type ProposalRequest } from '../domain/decide-proposals.ts';
import {
  decideCancel,
  decideOnce,
  decideRetry,
  decideSubmit,
  noTask,
  VOTER_BYTES,
} from '../domain/decide-tasks.ts';
import { ConclaveError, problem, problemOf } from '../domain/errors.ts';
import type { AgentId, ProposalId, TaskId } from '../domain/ids.ts';
import type { Endpoint, Incoming } from '../ports.ts';
import { encode } from '../wire/codec.ts';
import { doorFor, type Door } from '../wire/door.ts';
import {
  AgentsSchema,
  ByIdSchema,
  ChangeSchema,
  NothingSchema,
  OutcomesSchema,
  ProposalsSchema,
  ProposeSchema,
  TasksSchema,
  VoteSchema,
  type ChangeMessage,
  type ProposeMessage,
} from '../wire/messages.ts';
import type { ApiVerb } from '../wire/subjects.ts';
import { openEntrance } from './entrance.ts';
import type { Office } from './office.ts';
import { nameOf, readSubmission } from './submission.ts';
import type { Cut } from './reader.ts';

const doors = {
  byId: doorFor(ByIdSchema),
  change: doorFor(ChangeSchema),
  tasks: doorFor(TasksSchema),
  outcomes: doorFor(OutcomesSchema),
  propose: doorFor(ProposeSchema),
  proposals: doorFor(ProposalsSchema),
  vote: doorFor(VoteSchema),
  agents: doorFor(AgentsSchema),
  nothing: doorFor(NothingSchema),
};

/** Of each second, for all clients together: agents have to be heard too. */
const CLIENTS_MS_MAX = 800;
/** Of a list in an answer. */
const ANSWER_BYTES_MAX = 524_288;

/** One endpoint per verb. */
export function endpointsFor(office: Office): Endpoint[] {
  const { subjects, settings } = office.options;
  const { clientRequestsPerSecondMax: perSecondMax } = settings;
  const enter = openEntrance(office, { perSecondMax, busyMsMax: CLIENTS_MS_MAX });
  const endpoint = (name: ApiVerb, handle: (message: Incoming) => void): Endpoint => ({
    name,
    subject: subjects.api(name),
    handle: (message) => {
      enter(message, null, () => {
        handle(message);
      });
    },
  });
  const checked = <T>(name: ApiVerb, door: Door<T>, handle: (body: T, message: Incoming) => void): Endpoint =>
    endpoint(name, (message) => {
      const admitted = door.admit(message.data, message.headers);
      if (admitted.kind === 'ok') {
        handle(admitted.value, message);
        return;
      }
      office.options.rejections.count(message.subject, admitted.problem);
      office.reception.refuse(message, admitted.problem);
    });
  return [
    endpoint('submit', (message) => {
      submit(office, message);
    }),
    checked('task', doors.byId, ({ id }, message) => {
      show(office, message, office.reader.task(id), noTask(id));
    }),
    checked('tasks', doors.tasks, (filter, message) => {
      list(office, message, () => office.reader.tasks(filter, fitting));
    }),
    checked('explain', doors.byId, ({ id }, message) => {
      show(office, message, office.reader.explain(id), noTask(id));
    }),
    checked('outcomes', doors.outcomes, ({ ids }, message) => {
      office.reception.read(
        message,
        () => ({ outcomes: fitting(ids.map((id) => office.reader.outcome(id))) }),
        true,
      );
    }),
    checked('cancel', doors.change, (body, message) => {
      const { tasks } = office.state;
      changeTask(office, message, body, {
        decide: decideCancel,
        again: (id) => ({ status: tasks.get(id)?.status === 'cancelled' ? 'cancelled' : 'cancelling' }),
      });
    }),
    checked('retry', doors.change, (body, message) => {
      changeTask(office, message, body, { decide: decideRetry, again: () => null });
    }),
    checked('propose', doors.propose, (body, message) => {
      propose(office, body, message);
    }),
    checked('proposal', doors.byId, ({ id }, message) => {
      show(office, message, office.reader.proposal(id), noProposal(id));
    }),
    checked('proposals', doors.proposals, (filter, message) => {
      list(office, message, () => office.reader.proposals(filter, fitting));
    }),
    checked('vote', doors.vote, ({ proposal, voter, decision, reason = null }, message) => {
      office.reception.decide(message, {
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
    checked('agent', doors.byId, ({ id }, message) => {
      show(office, message, office.reader.agent(id), noAgent(id));
    }),
    checked('agents', doors.agents, (filter, message) => {
      list(office, message, () => office.reader.agents(filter, fitting));
    }),
    checked('drain', doors.byId, ({ id }, message) => {
      office.reception.decide(message, {
        decide: (context) => decideDrain(context, id as AgentId),
        view: () => ({ id }),
      });
    }),
    checked('resume', doors.byId, ({ id }, message) => {
      office.reception.decide(message, {
        decide: (context) => decideResume(context, id as AgentId),
        view: () => ({ id }),
      });
    }),
    checked('remove', doors.change, (body, message) => {
      change(office, message, body, {
        tasks: [],
        decide: (context) => decideRemove(context, body.id as AgentId),
        again: () => null,
      });
    }),
    checked('status', doors.nothing, (_, message) => {
      office.reception.read(message, () => office.reader.status(), false);
    }),
    checked('barrier', doors.nothing, (_, message) => {
      office.reception.read(message, () => ({}), true);
    }),
    checked('trigger', doors.nothing, (_, message) => {
      const { term } = office.options.author;
      office.afterHandover(() => {
        office.reception.answer(message, { term });
      });
      office.resign('trigger');
    }),
  ];
}

function changeTask<T extends object | null>(
  office: Office,
  message: Incoming,
  body: ChangeMessage,
  of: {
    readonly decide: (context: DecisionContext, id: TaskId) => Verdict<T>;
    readonly again: (id: TaskId) => T;
  },
): void {
  const id = body.id as TaskId;
  change(office, message, body, {
    tasks: [id],
    decide: (context) => of.decide(context, id),
    again: () => of.again(id),
  });
}

/** Answers with the id, and with what the decision says. */
function change<T extends object | null>(
  office: Office,
  message: Incoming,
  body: ChangeMessage,
  of: {
    readonly tasks: readonly TaskId[];
    readonly decide: (context: DecisionContext) => Verdict<T>;
    readonly again: () => T;
  },
): void {
  const name = nameOf(body, message.data, () => office.options.random.id());
  office.reception.decide<T>(message, {
    decide: (context) =>
      decideOnce(context, name, { tasks: of.tasks, decide: () => of.decide(context), again: of.again }),
    view: (value) => ({ id: body.id, ...value }),
  });
}

function submit(office: Office, message: Incoming): void {
  const { settings, random, author, rejections } = office.options;
  const read = readSubmission(message, { settings, key: () => random.id(), proposer: author.id });
  if (read.kind === 'bad') {
    rejections.count(message.subject, read.problem);
    office.reception.refuse(message, read.problem);
    return;
  }
  const { request, isMany } = read.value;
  // An approval repeats its task's payload, and names every voter.
  const approvals = request.tasks.filter(({ approval }) => approval !== null).length;
  const bytes =
    message.data.length * (approvals > 0 ? 2 : 1) + approvals * office.state.members.size * VOTER_BYTES;
  office.reception.decide(message, {
    bytes,
    decide: (context) => decideSubmit(context, request),
    view: (ids) => (isMany ? { ids } : { id: ids[0] }),
  });
}

function propose(office: Office, body: ProposeMessage, message: Incoming): void {
  const { payloadBytesMax } = office.options.settings;
  if (message.data.length > payloadBytesMax) {
    office.reception.refuse(message, problem('TOO_LARGE', `a proposal is at most ${payloadBytesMax} bytes`));
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
  const name = nameOf(body, message.data, () => office.options.random.id());
  office.reception.decide(message, {
    // Each proposal names every voter.
    bytes: message.data.length + (office.state.members.size + request.voters.length) * VOTER_BYTES,
    decide: (context) => decidePropose(context, request, name),
    view: (id) => ({ id }),
  });
}

/** One thing by its id, or `NOT_FOUND`. */
function show(office: Office, message: Incoming, value: object | null, missing: string): void {
  if (value === null) office.reception.refuseLater(message, problem('NOT_FOUND', missing));
  else office.reception.read(message, () => value, false);
}

/** A page, or what is wrong with its cursor. */
function list(office: Office, message: Incoming, page: () => object): void {
  try {
    const value = page();
    office.reception.read(message, () => value, false);
  } catch (error) {
    if (!(error instanceof ConclaveError)) throw error;
    office.reception.refuse(message, problemOf(error));
  }
}

/** The first of them that one message can carry; who asks for more goes on from there. */
const fitting: Cut = (items) => {
  let bytes = 0;
  const count = items.findIndex((item) => {
    bytes += encode(item, 'json').length;
    return bytes > ANSWER_BYTES_MAX;
  });
  return items.slice(0, count === -1 ? items.length : Math.max(1, count));
};
