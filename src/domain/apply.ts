/**
 * The only code that changes fleet state. Total over every event of the ledger; deterministic: no clock, no
 * chance, no settings. Status changes go along the charts (I3); an event that fits no edge is a broken invariant.
 */
import { assert, assertNever } from './assert.ts';
import { dropProposals, dropTasks } from './apply-drops.ts';
import { applyMember } from './apply-member.ts';
import { applyProposal } from './apply-proposal.ts';
import { applyTask } from './apply-task.ts';
import { keyBytes } from './bytes.ts';
import type { Entry, EntryContext, EventOf, LedgerEvent, RequestKey } from './events.ts';
import { attemptKey, type FleetState, type Remembered } from './state.ts';
import type { Charts } from './transitions.ts';

/** Applies a whole entry. The caller has checked genesis, term and chain. */
export function applyEntry(state: FleetState, entry: Entry, sequence: number, charts: Charts): void {
  beginEntry(state, { sequence, term: entry.term, at: entry.at });
  for (const event of entry.events) apply(state, event, leaderOf(entry), charts);
}

/** Moves the state to a new entry: from here on events belong to it. */
export function beginEntry(state: FleetState, context: EntryContext): void {
  assert(context.sequence === state.sequence + 1, `entry ${context.sequence} after ${state.sequence}`);
  assert(context.at >= state.at, `ledger time went back from ${state.at} to ${context.at}`);
  state.sequence = context.sequence;
  state.at = context.at;
  for (const store of [state.requests, state.keys]) {
    expire(store, context.at, (key, remembered) => {
      state.bytes.kept -= keyBytes(key, remembered);
    });
  }
  expire(state.removed, context.at);
}

export interface Author {
  readonly term: number;
  readonly id: Entry['leader'];
  readonly incarnation: Entry['incarnation'];
  readonly genesis: string;
}

export function leaderOf(entry: Entry): Author {
  return { term: entry.term, id: entry.leader, incarnation: entry.incarnation, genesis: entry.genesis };
}

export function apply(state: FleetState, event: LedgerEvent, author: Author, charts: Charts): void {
  switch (event.type) {
    case 'term.started':
      startTerm(state, event, author);
      break;
    case 'term.handedOver':
      state.handover = event.reason;
      break;
    case 'member.joined':
    case 'member.updated':
    case 'member.draining':
    case 'member.resumed':
    case 'member.left':
    case 'member.died':
    case 'member.forgotten':
    case 'member.removed':
      applyMember(state, event, charts.member);
      break;
    case 'request.accepted':
      remember(state, event.request, { tasks: event.tasks });
      break;
    case 'task.submitted':
      if (event.key !== undefined) remember(state, event.key, { tasks: [event.task.id] });
      applyTask(state, event, charts.task);
      break;
    case 'task.approved':
    case 'task.due':
    case 'task.assigned':
    case 'task.started':
    case 'task.completed':
    case 'task.attemptFailed':
    case 'task.attemptLost':
    case 'task.attemptReturned':
    case 'task.failed':
    case 'task.cancelling':
    case 'task.cancelled':
    case 'task.retried':
      applyTask(state, event, charts.task);
      break;
    case 'tasks.dropped':
      dropTasks(state, event.ids);
      break;
    case 'attempt.released':
      state.members.get(event.agent)?.lingering.delete(attemptKey(event.id, event.attempt));
      break;
    case 'proposal.opened':
      if (event.key !== undefined) remember(state, event.key, { proposal: event.proposal.id });
      applyProposal(state, event, charts.proposal);
      break;
    case 'ballot.cast':
    case 'proposal.decided':
      applyProposal(state, event, charts.proposal);
      break;
    case 'proposals.dropped':
      dropProposals(state, event.ids);
      break;
    default:
      assertNever(event);
  }
}

function startTerm(state: FleetState, event: EventOf<'term.started'>, author: Author): void {
  assert(author.term === state.term + 1, `term ${author.term} after ${state.term}`);
  const { counts } = state;
  counts.elections += 1;
  if (state.leader?.id !== author.id) counts.leaderChanges += 1;
  if (event.cause === 'leader.gone' || event.cause === 'leader.silent') counts.reElections += 1;
  if (state.genesis === '') state.genesis = author.genesis;
  state.term = author.term;
  state.fencingToken = state.sequence;
  state.previousLeader = state.leader;
  state.leader = { id: author.id, incarnation: author.incarnation };
  state.previousHandover = state.handover;
  state.handover = null;
  state.leaderSince = state.at;
  state.lastElection = { cause: event.cause, candidates: event.candidates, durationMs: event.durationMs };
}

function remember(
  state: FleetState,
  { key, digest, expiresAt, isIdempotency }: RequestKey,
  what: Partial<Pick<Remembered, 'tasks' | 'proposal'>>,
): void {
  const store = isIdempotency === true ? state.keys : state.requests;
  const known = store.get(key);
  const remembered: Remembered = { digest, expiresAt, tasks: [], proposal: null, ...what };
  if (known !== undefined) state.bytes.kept -= keyBytes(key, known);
  state.bytes.kept += keyBytes(key, remembered);
  store.set(key, remembered);
}

/** What one map remembers has one window, so the oldest expires first. */
function expire<K, V extends { readonly expiresAt: number }>(
  remembered: Map<K, V>,
  at: number,
  gone?: (key: K, value: V) => void,
): void {
  for (const [key, value] of remembered) {
    if (value.expiresAt > at) return;
    remembered.delete(key);
    gone?.(key, value);
  }
}
