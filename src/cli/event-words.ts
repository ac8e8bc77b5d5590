/** What the ledger's events say, in words for people; and which of them are about one task, agent or proposal. */
import { assertNever } from '../domain/assert.ts';
import type { Entry, LedgerEvent, RequestKey } from '../domain/events.ts';
import { brief, clipped, duration, rounded } from './output.ts';

/** The thing that somebody follows through the ledger. */
export type Subject =
  | { readonly kind: 'task'; readonly id: string }
  | { readonly kind: 'agent'; readonly id: string }
  | { readonly kind: 'proposal'; readonly id: string };

/** The entry's head is no event, but whoever leads is an agent: only a term's beginning and end are about it. */
export function isAbout(event: LedgerEvent, entry: Entry, { kind, id }: Subject): boolean {
  switch (kind) {
    case 'task':
      return isAboutTask(event, id);
    case 'proposal':
      return isAboutProposal(event, id);
    case 'agent': {
      if (event.type.startsWith('term.')) return entry.leader === id;
      if (event.type === 'ballot.cast') return event.voter === id;
      if (event.type.startsWith('member.')) return 'id' in event && event.id === id;
      return 'agent' in event && event.agent === id;
    }
  }
}

function isAboutTask(event: LedgerEvent, id: string): boolean {
  if (event.type === 'task.submitted') return event.task.id === id;
  if (event.type === 'proposal.opened') return event.proposal.task === id;
  if (event.type === 'tasks.dropped') return event.ids.some((each) => each === id);
  const isOfTask = event.type.startsWith('task.') || event.type === 'attempt.released';
  return isOfTask && 'id' in event && event.id === id;
}

function isAboutProposal(event: LedgerEvent, id: string): boolean {
  if (event.type === 'proposal.opened') return event.proposal.id === id;
  if (event.type === 'task.submitted') return event.task.proposal === id;
  if (event.type === 'proposals.dropped') return event.ids.some((each) => each === id);
  return (event.type === 'ballot.cast' || event.type === 'proposal.decided') && event.id === id;
}

export function wordsFor(event: LedgerEvent, { leader, term }: Entry): string {
  switch (event.type) {
    case 'term.started': {
      const { cause, candidates, durationMs } = event;
      const stood = candidates.map(({ id, score }) => `${id} (${rounded(score)})`).join(', ');
      return `${leader} leads term ${term}: ${cause}, after ${duration(durationMs)}; stood: ${stood || 'nobody else'}`;
    }
    case 'term.handedOver':
      return `${leader} hands over: ${event.reason}`;
    case 'member.joined':
      return `agent ${event.id} joins (${profileWords(event.profile)})`;
    case 'member.updated':
      return `agent ${event.id} is now ${profileWords(event.profile)}`;
    case 'member.draining':
      return `agent ${event.id} takes no new task`;
    case 'member.resumed':
      return `agent ${event.id} takes tasks again`;
    case 'member.left':
      return `agent ${event.id} has left`;
    case 'member.died':
      return `agent ${event.id} is dead: ${event.reason}`;
    case 'member.removed':
      return `agent ${event.id} was removed by hand`;
    case 'member.forgotten':
      return `agent ${event.id} is forgotten`;
    case 'request.accepted':
      return `request ${keyWords(event.request)} accepted: ${event.tasks.length} tasks`;
    case 'proposal.opened': {
      const { id, type, proposer, quorum, electorate, task } = event.proposal;
      const about = task === null ? '' : ` about task ${task}`;
      return `proposal ${id} (${type}) opened by ${proposer}${about}: ${electorate.length} voters, quorum ${quorum}`;
    }
    case 'ballot.cast':
      return `${event.voter} votes ${event.decision} on ${event.id}${reasonWords(event.reason)}`;
    case 'proposal.decided':
      return `proposal ${event.id} is ${event.outcome}`;
    case 'tasks.dropped':
      return `${event.ids.length} ended tasks are kept no longer`;
    case 'proposals.dropped':
      return `${event.ids.length} decided proposals are kept no longer`;
    default:
      return taskWords(event);
  }
}

type TaskEvent = Extract<LedgerEvent, { readonly type: `task.${string}` | 'attempt.released' }>;

function taskWords(event: TaskEvent): string {
  if (event.type === 'task.submitted') {
    const { id, type, priority, proposal } = event.task;
    const approval = proposal === null ? '' : `, needs proposal ${proposal}`;
    return `task ${id} (${type}, priority ${priority}) submitted${approval}`;
  }
  return `task ${event.id} ${stepWords(event)}`;
}

function stepWords(event: Exclude<TaskEvent, { readonly type: 'task.submitted' }>): string {
  switch (event.type) {
    case 'task.approved':
      return 'is approved';
    case 'task.due':
      return 'is due';
    case 'task.assigned':
      return `goes to ${event.agent}, attempt ${event.attempt}`;
    case 'task.started':
      return `runs, attempt ${event.attempt}`;
    case 'task.completed':
      return `is completed by attempt ${event.attempt}: ${brief(event.result) || 'null'}`;
    case 'task.attemptFailed': {
      const { attempt, end, error, retryAt } = event;
      const how = end === 'timedOut' ? 'ran too long' : 'failed';
      return `attempt ${attempt} ${how}: ${clipped(error.message, 120)}; again from ${timeOf(retryAt)}`;
    }
    case 'task.attemptLost':
      return `attempt ${event.attempt} is lost: ${event.reason}`;
    case 'task.attemptReturned':
      return `attempt ${event.attempt} was handed back`;
    case 'attempt.released':
      return `attempt ${event.attempt} has let go of its slot at ${event.agent}`;
    case 'task.failed':
      return `has failed${event.end === null ? '' : ` (${event.end})`}: ${clipped(event.error.message, 120)}`;
    case 'task.cancelling':
      return 'is being cancelled';
    case 'task.cancelled':
      return 'is cancelled';
    case 'task.retried':
      return 'is tried again by hand';
    default:
      return assertNever(event);
  }
}

interface Told {
  readonly capabilities: readonly string[];
  readonly priority: number;
  readonly slots: number;
  readonly electable: boolean;
  readonly handles: readonly string[];
}

function profileWords({ capabilities, priority, slots, electable, handles }: Told): string {
  const parts = [
    `does ${handles.join(', ') || 'nothing'}`,
    ...(capabilities.length === 0 ? [] : [`has ${capabilities.join(', ')}`]),
    `${slots} slots`,
    `priority ${priority}`,
    ...(electable ? [] : ['never leads']),
  ];
  return parts.join('; ');
}

function keyWords({ key }: RequestKey): string {
  return clipped(key, 40);
}

function reasonWords(reason: string | null): string {
  return reason === null ? '' : `: ${clipped(reason, 80)}`;
}

export function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
