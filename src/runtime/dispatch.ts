/**
 * What the leader sends to agents: assignments, aborts, vote requests, probes. Derived from committed state and
 * sent again until answered, so that a new leader only has to derive it again; twice is harmless, because every
 * item names its attempt and the incarnation that is meant.
 */
import type { AttemptEnd, LedgerEvent } from '../domain/events.ts';
import type { AgentId, ProposalId, TaskId } from '../domain/ids.ts';
import type { Settings } from '../domain/settings.ts';
import {
  attemptKey,
  currentAttempt,
  isPresent,
  partsOfKey,
  type FleetState,
  type Member,
} from '../domain/state.ts';
import type { Bus, Clock } from '../ports.ts';
import { contentTypes, encode } from '../wire/codec.ts';
import { type Assignment, type InboxMessage, type VoteRequest, type WorkMessage } from '../wire/messages.ts';
import type { Subjects } from '../wire/subjects.ts';
import { inboxOutcome, type InboxOutcome } from './inbox-reply.ts';
import type { Rejections } from './rejections.ts';

export interface DispatchOptions {
  readonly clock: Clock;
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly settings: Settings;
  readonly state: FleetState;
  readonly term: number;
  readonly rejections: Rejections;
  readonly onAnswered: (id: AgentId) => void;
  readonly onUnreachable: (id: AgentId) => void;
  /** What was sent to its inbox then was not answered in time. */
  readonly onUnanswered: (id: AgentId, sentAt: number) => void;
  /** Somebody answered with a higher term: ours may be over. */
  readonly onHigherTerm: () => void;
}

/** What one agent has yet to acknowledge. */
interface Outbox {
  /** Task → the committed attempt: the state may be ahead with one that is not. */
  readonly assign: Map<TaskId, number>;
  /** `task/attempt` → why. */
  readonly abort: Map<string, string>;
  readonly vote: Map<ProposalId, null>;
  isBusy: boolean;
}

/** Items in one message. */
const ITEMS_MAX = 256;
const headers = { 'Content-Type': contentTypes.msgpack };

export class Dispatch {
  readonly #options: DispatchOptions;
  readonly #boxes = new Map<AgentId, Outbox>();
  readonly #ready = new Set<AgentId>();
  readonly #expected = new Map<TaskId, number>();
  #isStopped = false;

  constructor(options: DispatchOptions) {
    this.#options = options;
    for (const member of options.state.members.values()) this.#derive(member);
    for (const proposal of options.state.proposals.values()) {
      if (proposal.status === 'open') this.#askForVotes(proposal.spec.id);
    }
  }

  /** A committed event. Call `flush` after the last one of an entry. */
  observe(event: LedgerEvent): void {
    switch (event.type) {
      case 'task.assigned':
        if (this.#expected.get(event.id) === event.attempt) this.#expected.delete(event.id);
        this.#box(event.agent).assign.set(event.id, event.attempt);
        break;
      case 'member.joined':
        this.#askForVotesOf(event.id);
        break;
      case 'task.cancelling':
        this.#abortCurrent(event.id, 'cancelled');
        break;
      case 'task.attemptFailed':
      case 'task.failed':
        if (event.lingers) this.#abortEnded(event.id, event.end);
        break;
      case 'proposal.opened':
        this.#askForVotes(event.proposal.id);
        break;
      case 'member.left':
      case 'member.died':
        this.#boxes.delete(event.id);
        break;
      case 'member.removed':
        this.tellUnknown(event.id, event.incarnation);
        break;
      default:
        break;
    }
  }

  /** The handler of this attempt must stop: it is not the agent's any more. */
  abort(agent: AgentId, attempt: { readonly id: string; readonly attempt: number }, reason: string): void {
    this.#box(agent).abort.set(attemptKey(attempt.id, attempt.attempt), reason);
  }

  /** The incarnation is not a member: it must join again. Said once; its next beat is the reminder. */
  tellUnknown(agent: AgentId, incarnation: string): void {
    const { bus, subjects, term } = this.#options;
    const none = { assign: [], abort: [], vote: [] };
    const message: WorkMessage = { kind: 'work', term, to: incarnation, ...none, isUnknown: true };
    bus.publish({ subject: subjects.inbox(agent), data: encode(message, 'msgpack'), headers });
  }

  /** An assignment that is decided and not yet committed. */
  expect(task: TaskId, attempt: number): void {
    this.#expected.set(task, attempt);
  }

  /** The agent has acknowledged its assignment. */
  isDelivered(agent: AgentId, task: TaskId): boolean {
    return !this.#expected.has(task) && this.#boxes.get(agent)?.assign.has(task) !== true;
  }

  /** It is committed, and the agent has not acknowledged it. */
  isUndelivered(agent: AgentId, task: TaskId): boolean {
    return this.#boxes.get(agent)?.assign.has(task) === true;
  }

  flush(): void {
    for (const id of this.#ready) this.#send(id);
    this.#ready.clear();
  }

  /** Asks an agent whether it is there, and as which incarnation. */
  probe(id: AgentId, timeoutMs: number, done: (outcome: InboxOutcome) => void): void {
    const { bus, subjects, rejections, term } = this.#options;
    const message: InboxMessage = { kind: 'probe', term };
    const subject = subjects.inbox(id);
    bus.request({ subject, data: encode(message, 'msgpack'), headers, timeoutMs }, (outcome) => {
      if (!this.#isStopped) done(inboxOutcome(outcome, { subject, rejections }));
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#boxes.clear();
    this.#expected.clear();
  }

  #derive(member: Member): void {
    if (!isPresent(member)) return;
    for (const id of member.held) {
      const task = this.#options.state.tasks.get(id);
      if (task?.status === 'assigned') this.#box(member.id).assign.set(id, task.attempt);
      if (task?.status === 'cancelling') this.#abortCurrent(id, 'cancelled');
    }
    for (const key of member.lingering) this.#box(member.id).abort.set(key, 'ran too long');
  }

  #abortCurrent(id: TaskId, reason: string): void {
    const task = this.#options.state.tasks.get(id);
    const attempt = task === undefined ? undefined : currentAttempt(task);
    if (attempt !== undefined) this.abort(attempt.agent, { id, attempt: attempt.attempt }, reason);
  }

  /** The attempt that the event ended; the state may be in a later one already, or have dropped the task. */
  #abortEnded(id: TaskId, end: AttemptEnd | null): void {
    const task = this.#options.state.tasks.get(id);
    if (task === undefined) this.#abortLingering(id);
    const attempt = task?.attempts.findLast((each) => each.end === end);
    if (attempt !== undefined) this.abort(attempt.agent, { id, attempt: attempt.attempt }, 'ran too long');
  }

  #askForVotes(id: ProposalId): void {
    const proposal = this.#options.state.proposals.get(id);
    for (const voter of proposal?.spec.electorate ?? []) {
      const member = this.#options.state.members.get(voter.id as AgentId);
      if (member === undefined || !isPresent(member) || proposal?.ballots.has(voter.id) === true) continue;
      this.#box(member.id).vote.set(id, null);
    }
  }

  /** Whoever still has a handler of a task that is not kept any more. */
  #abortLingering(id: TaskId): void {
    for (const member of this.#options.state.members.values()) {
      for (const key of member.lingering) {
        if (key.startsWith(`${id}/`)) this.#box(member.id).abort.set(key, 'ran too long');
      }
    }
  }

  /** Who comes back is asked again: its box went with it. */
  #askForVotesOf(id: AgentId): void {
    for (const { status, spec, ballots } of this.#options.state.proposals.values()) {
      if (status !== 'open' || ballots.has(id) || !spec.electorate.some((voter) => voter.id === id)) continue;
      this.#box(id).vote.set(spec.id, null);
    }
  }

  #box(id: AgentId): Outbox {
    this.#ready.add(id);
    let box = this.#boxes.get(id);
    if (box === undefined) {
      box = { assign: new Map(), abort: new Map(), vote: new Map(), isBusy: false };
      this.#boxes.set(id, box);
    }
    return box;
  }

  #send(id: AgentId): void {
    const box = this.#boxes.get(id);
    if (box === undefined || box.isBusy || this.#isStopped) return;
    const composed = this.#composeFitting(id, box);
    if (composed === null) return;
    box.isBusy = true;
    const { bus, clock, subjects, settings, rejections } = this.#options;
    const { message, data } = composed;
    const subject = subjects.inbox(id);
    const sentAt = clock.now();
    bus.request({ subject, data, headers, timeoutMs: settings.resendMs }, (heard) => {
      if (this.#isStopped || this.#boxes.get(id) !== box) return;
      box.isBusy = false;
      const outcome = inboxOutcome(heard, { subject, rejections });
      if (outcome.kind === 'timeout') this.#options.onUnanswered(id, sentAt);
      if (this.#settled(id, box, message, outcome)) {
        this.#send(id);
        return;
      }
      clock.setTimeout(() => {
        this.#send(id);
      }, settings.resendMs / 4);
    });
  }

  /** As much of the box as one message can carry. */
  #composeFitting(
    id: AgentId,
    box: Outbox,
  ): { readonly message: WorkMessage; readonly data: Uint8Array } | null {
    for (let itemsMax = ITEMS_MAX; ; itemsMax = Math.ceil(itemsMax / 4)) {
      const message = this.#compose(id, box, itemsMax);
      if (message === null) return null;
      const data = encode(message, 'msgpack');
      if (data.length <= this.#options.settings.entryBytesMax || itemsMax === 1) return { message, data };
    }
  }

  /** What still holds of the box, as one message; null when nothing does. */
  #compose(id: AgentId, box: Outbox, itemsMax: number): WorkMessage | null {
    const { state, term } = this.#options;
    const member = state.members.get(id);
    if (member === undefined || !isPresent(member)) return null;
    const assign = take(box.assign, itemsMax, ([task, attempt]) => this.#assignment(id, task, attempt));
    const abort = [...box.abort].slice(0, itemsMax).map(([key, reason]) => ({ ...partsOfKey(key), reason }));
    const vote = take(box.vote, itemsMax, ([proposal]) => this.#voteRequest(id, proposal));
    if (assign.length + abort.length + vote.length === 0) return null;
    return { kind: 'work', term, to: member.incarnation, assign, abort, vote, isUnknown: false };
  }

  #assignment(agent: AgentId, id: TaskId, attemptNumber: number): Assignment | null {
    const task = this.#options.state.tasks.get(id);
    const attempt = task === undefined ? undefined : currentAttempt(task);
    if (task?.status !== 'assigned' || attempt?.agent !== agent || attempt.attempt !== attemptNumber)
      return null;
    const { type, payload, target, priority } = task.spec;
    const { fencingToken } = attempt;
    return { id, attempt: attempt.attempt, fencingToken, type, payload: payload ?? null, target, priority };
  }

  #voteRequest(agent: AgentId, id: ProposalId): VoteRequest | null {
    const proposal = this.#options.state.proposals.get(id);
    if (proposal?.status !== 'open' || proposal.ballots.has(agent)) return null;
    const { type, description, data, proposer, deadlineAt } = proposal.spec;
    return {
      id,
      type,
      description,
      data: data ?? null,
      proposer,
      deadlineMs: deadlineAt - this.#options.state.at,
    };
  }

  /** True when the agent has it. */
  #settled(id: AgentId, box: Outbox, message: WorkMessage, outcome: InboxOutcome): boolean {
    if (outcome.kind === 'noResponders') this.#options.onUnreachable(id);
    if (outcome.kind !== 'reply') return false;
    const { reply } = outcome;
    if (reply.term > this.#options.term) this.#options.onHigherTerm();
    if (reply.incarnation !== message.to) return false;
    for (const { id: task, attempt } of message.assign) {
      if (box.assign.get(task as TaskId) === attempt) box.assign.delete(task as TaskId);
    }
    for (const each of message.abort) box.abort.delete(attemptKey(each.id, each.attempt));
    for (const { id: proposal } of message.vote) box.vote.delete(proposal as ProposalId);
    this.#options.onAnswered(id);
    return true;
  }
}

/** Composes up to the limit; drops from the box what no longer holds. */
function take<K, V, T>(box: Map<K, V>, itemsMax: number, compose: (entry: readonly [K, V]) => T | null): T[] {
  const items: T[] = [];
  for (const entry of box) {
    if (items.length >= itemsMax) break;
    const item = compose(entry);
    if (item === null) box.delete(entry[0]);
    else items.push(item);
  }
  return items;
}
