/**
 * What agents ask of the leader: join, drain, leave, report, vote. The sender is the subject's; every answer waits
 * for its entry.
 */
import { accepted, refused, type Verdict } from '../domain/decision.ts';
import { decideBallot } from '../domain/decide-proposals.ts';
import {
  decideDrain,
  decideJoin,
  decideLeave,
  holderToProbe,
  type HolderVerdict,
  type JoinRequest,
  type ProbedHolder,
} from '../domain/decide-members.ts';
import { decideReport, type Report, type ReportAnswer } from '../domain/decide-tasks.ts';
import { problem } from '../domain/errors.ts';
import type { Profile } from '../domain/events.ts';
import type { AgentId, Incarnation, ProposalId } from '../domain/ids.ts';
import { presentMember } from '../domain/state.ts';
import type { Incoming, Subscription } from '../ports.ts';
import type { JoinReply, ReportReply } from '../wire/answers.ts';
import { doorFor, type Admitted, type Door } from '../wire/door.ts';
import {
  BallotSchema,
  JoinSchema,
  ReportSchema,
  type BallotMessage,
  type JoinMessage,
  type ReportMessage,
} from '../wire/messages.ts';
import type { AgentVerb } from '../wire/subjects.ts';
import { openEntrance } from './entrance.ts';
import type { Office } from './office.ts';

const joinDoor = doorFor(JoinSchema);
const reportDoor = doorFor(ReportSchema);
const ballotDoor = doorFor(BallotSchema);

/** Of a subject whose last token is no agent's id. */
const nobody = problem('INVALID', 'the subject names no agent: an id is 1–63 of A-Z a-z 0-9 _ -');

export function openDesk(office: Office): Subscription {
  const { bus, subjects, settings, rejections } = office.options;
  const enter = openEntrance(office, { perSecondMax: settings.agentRequestsPerSecondMax });
  const serve = <T>(
    verb: AgentVerb,
    door: Door<T>,
    handle: (from: AgentId, body: T, message: Incoming) => void,
  ) =>
    bus.subscribe(subjects.agent(verb, '*'), (message) => {
      const from = subjects.senderOf(message.subject);
      enter(message, from, () => {
        const admitted = admit(door, message, settings.entryBytesMax);
        if (from !== null && admitted.kind === 'ok') {
          handle(from, admitted.value, message);
          return;
        }
        const wrong = admitted.kind === 'bad' ? admitted.problem : nobody;
        rejections.count(message.subject, wrong);
        office.reception.refuse(message, wrong);
      });
    });
  const subscriptions = [
    serve('join', joinDoor, (from, body, message) => {
      join(office, from, body, message);
    }),
    serve('report', reportDoor, (from, body, message) => {
      report(office, from, body, message);
    }),
    serve('ballot', ballotDoor, (from, body, message) => {
      ballot(office, from, body, message);
    }),
  ];
  return {
    close: () => {
      for (const subscription of subscriptions) subscription.close();
    },
  };
}

/** What is decided together must fit into one entry. */
function admit<T>(door: Door<T>, { data, headers }: Incoming, bytesMax: number): Admitted<T> {
  if (data.length <= bytesMax) return door.admit(data, headers);
  return {
    kind: 'bad',
    problem: problem('TOO_LARGE', `a message is at most ${bytesMax} bytes, this one has ${data.length}`),
  };
}

function join(office: Office, id: AgentId, body: JoinMessage, message: Incoming): void {
  const incarnation = body.incarnation as Incarnation;
  switch (body.kind) {
    case 'join': {
      const request: JoinRequest = { id, incarnation, profile: normal(body.profile) };
      probeHolder(office, request, (holder) => {
        office.reception.decide(message, {
          decide: (context) => decideJoin(context, request, holder),
          view: () => joined(office),
          isRefusal: always,
        });
      });
      break;
    }
    case 'drain':
      office.reception.decide(message, {
        decide: (context) =>
          presentMember(office.state, { id, incarnation }) === undefined
            ? accepted(null)
            : decideDrain(context, id),
        view: () => joined(office),
        isRefusal: always,
      });
      break;
    case 'leave':
      office.reception.decide(message, {
        decide: (context) => decideLeave(context, { id, incarnation }),
        view: () => joined(office),
        isRefusal: always,
      });
      break;
  }
}

/** An agent acts on these answers: only a leader that still leads may give them. */
const always = (): boolean => true;

function joined(office: Office): JoinReply {
  const { author, ledgerNow } = office.options;
  const { heartbeatIntervalMs } = office.orders;
  return { term: author.term, heartbeatIntervalMs, ledgerAt: ledgerNow() };
}

/** A2: is the process that holds the id alive? */
function probeHolder(
  office: Office,
  request: JoinRequest,
  found: (holder: ProbedHolder | null) => void,
): void {
  const holder = holderToProbe(office.context(), request);
  if (holder === null) {
    found(null);
    return;
  }
  const { incarnation, joinedAt } = holder;
  const done = (verdict: HolderVerdict): void => {
    found({ incarnation, verdict });
  };
  office.dispatch.probe(request.id, office.options.settings.probeIntervalMs, (outcome) => {
    // Who was let in a moment ago may not have opened its inbox yet.
    const isNew = office.context().at - joinedAt < office.options.settings.unreachableMs;
    if (outcome.kind === 'noResponders') done(isNew ? 'silent' : 'gone');
    else if (outcome.kind !== 'reply') done('silent');
    else if (outcome.reply.incarnation === incarnation) done('alive');
    else if (outcome.reply.incarnation !== request.incarnation) done('gone');
    // It answered its own probe, which says nothing of the holder: the watch on members will find out.
    else if (request.incarnation !== office.options.author.incarnation) done('silent');
    // It leads: what is known of the holder is what was heard of it.
    else done(hearsayOf(office, request.id, incarnation));
  });
}

/** Two intervals are enough to hear whoever is there. */
function hearsayOf(office: Office, id: AgentId, incarnation: Incarnation): HolderVerdict {
  const { roster, clock } = office.options;
  const beat = roster.get(id);
  const lately = 2 * (beat?.intervalMs ?? office.orders.heartbeatIntervalMs);
  if (beat?.incarnation === incarnation && clock.now() - beat.heardAt < lately) return 'alive';
  return roster.listeningMs < lately ? 'silent' : 'gone';
}

/** Lists sorted and without repeats, so that equal sets are equal. */
function normal(profile: Profile): Profile {
  const sorted = (names: readonly string[]): string[] => [...new Set(names)].sort();
  return { ...profile, capabilities: sorted(profile.capabilities), handles: sorted(profile.handles) };
}

function report(office: Office, agent: AgentId, body: ReportMessage, message: Incoming): void {
  const from = { agent, incarnation: body.incarnation as Incarnation };
  office.reception.decide(message, {
    decide: (context): Verdict<readonly ReportAnswer[]> => {
      if (presentMember(office.state, { ...from, id: agent }) === undefined)
        return refused('NOT_A_MEMBER', 'join first');
      return accepted(body.reports.map((each) => decideReport(context, from, each as Report)));
    },
    view: (answers) => ({ term: office.options.author.term, answers }) satisfies ReportReply,
    isRefusal: (answers) => answers.includes('stale'),
  });
}

function ballot(office: Office, voter: AgentId, body: BallotMessage, message: Incoming): void {
  const { decision, reason = null } = body;
  office.reception.decide(message, {
    decide: (context) => {
      // Somebody who was removed, or forgotten: nobody waits for it any more.
      if (!context.state.members.has(voter)) return refused('NOT_A_MEMBER', 'join first');
      return decideBallot(context, { proposal: body.proposal as ProposalId, voter, decision, reason });
    },
    view: () => ({ term: office.options.author.term }),
  });
}
