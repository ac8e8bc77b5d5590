/**
 * What is true of every fleet state between two decisions, as code: I4, I5 and what each record says of itself.
 * Slow and complete; the simulation and the tests ask after every entry.
 */
import { measured, proposalBytes, valuesIn } from './bytes.ts';
import type { LedgerEvent } from './events.ts';
import type { Touched } from './touched.ts';
import {
  attemptKey,
  isGate,
  currentAttempt,
  isEnded,
  isPresent,
  partsOfKey,
  usedSlots,
  type Attempt,
  type FleetState,
  type Member,
  type Proposal,
  type Task,
  type TaskStatus,
} from './state.ts';

/**
 * Everything that is wrong with the state, in plain words. `since`: the events applied since the last look, if
 * known; whoever was assigned something in them must have had a slot for it.
 */
export function violations(state: FleetState, since: readonly LedgerEvent[] = []): string[] {
  const found: string[] = [];
  const check = (holds: boolean, what: string): void => {
    if (!holds) found.push(what);
  };
  for (const task of state.tasks.values()) checkTask(state, task, check);
  for (const member of state.members.values()) checkMember(state, member, check);
  checkRemoved(state, check);
  for (const proposal of state.proposals.values()) checkProposal(state, proposal, check);
  checkCounts(state, check);
  checkTotals(state, check);
  checkKept(state, check);
  checkBytes(state, check);
  checkSlots(state, since, check);
  return found;
}

/**
 * What these events can have made wrong, given that nothing was before them: looks at the records that they touched
 * and at the sums, in a time that does not grow with the state. `violations` looks at everything.
 */
export function violationsIn(
  state: FleetState,
  { tasks, members, proposals }: Touched,
  since: readonly LedgerEvent[],
): string[] {
  const found: string[] = [];
  const check = (holds: boolean, what: string): void => {
    if (!holds) found.push(what);
  };
  for (const id of tasks) {
    const task = state.tasks.get(id);
    if (task !== undefined) checkTask(state, task, check);
  }
  for (const id of members) {
    const member = state.members.get(id);
    if (member !== undefined) checkMember(state, member, check);
  }
  for (const id of proposals) {
    const proposal = state.proposals.get(id);
    if (proposal !== undefined) checkProposal(state, proposal, check);
  }
  checkTotals(state, check);
  checkSlots(state, since, check);
  return found;
}

type Check = (holds: boolean, what: string) => void;

const activeStatuses: readonly TaskStatus[] = ['assigned', 'running', 'cancelling'];
const endedStatuses: readonly TaskStatus[] = ['completed', 'failed', 'cancelled'];

function checkTask(state: FleetState, task: Task, check: Check): void {
  const { spec, status, attempts } = task;
  const what = `task ${spec.id} (${status})`;
  const current = currentAttempt(task);
  const isActive = activeStatuses.includes(status);
  check(endedStatuses.includes(status) === isEnded(task), `${what}: endedAt is ${String(task.endedAt)}`);
  check(status !== 'scheduled' || task.dueAt !== null, `${what}: has no due time`);
  check(status === 'failed' || task.failures <= spec.maxRetries, `${what}: ${task.failures} failures`);
  check((status === 'failed') === (task.error !== null), `${what}: error is ${JSON.stringify(task.error)}`);
  check(task.ordinal < state.tasksCreated, `${what}: ordinal ${task.ordinal} of ${state.tasksCreated}`);

  check(task.valueBytes === valuesIn(task), `${what}: its values are said to have ${task.valueBytes} bytes`);
  check((current?.attempt ?? 0) === task.attempt, `${what}: latest attempt is not ${task.attempt}`);
  attempts.forEach((attempt, i) => {
    const name = `${what}, attempt ${attempt.attempt}`;
    const before = attempts[i - 1];
    if (before !== undefined)
      check(before.attempt + 1 === attempt.attempt, `${name}: follows ${before.attempt}`);
    const isOpen = attempt === current && isActive;
    check((attempt.endedAt === null) === isOpen, `${name}: endedAt is ${String(attempt.endedAt)}`);
    check((attempt.end === null) === isOpen, `${name}: end is ${String(attempt.end)}`);
    checkTimes(state, attempt, name, check);
  });
  check(status !== 'assigned' || current?.startedAt === null, `${what}: has started`);
  check(status !== 'running' || current?.startedAt !== null, `${what}: has not started`);

  if (isActive) {
    const holder = current === undefined ? undefined : state.members.get(current.agent);
    check(holder?.held.has(spec.id) === true, `I4: ${what}: ${String(current?.agent)} does not hold it`);
    check(holder?.incarnation === current?.incarnation, `${what}: its agent is another incarnation`);
  }
  const approval = spec.proposal === null ? undefined : state.proposals.get(spec.proposal);
  if (approval === undefined) return;
  check(
    (status === 'awaiting_approval') === (approval.status === 'open'),
    `${what}: its proposal is ${approval.status}`,
  );
  if (task.attempt > 0)
    check(approval.status === 'approved', `${what}: ran, its proposal is ${approval.status}`);
}

function checkTimes(state: FleetState, attempt: Attempt, name: string, check: Check): void {
  const { assignedAt, startedAt, endedAt } = attempt;
  const times = [assignedAt, startedAt, endedAt, state.at].filter((each) => each !== null);
  check(
    times.every((each, i) => i === 0 || each >= (times[i - 1] ?? 0)),
    `${name}: times out of order: ${times.join(', ')}`,
  );
  check(attempt.fencingToken <= state.fencingToken, `${name}: token of a later term`);
}

function checkMember(state: FleetState, member: Member, check: Check): void {
  const what = `member ${member.id} (${member.status})`;
  check(member.status !== 'suspect', `${what}: suspicion is not for the ledger`);
  check(isPresent(member) || usedSlots(member) === 0, `${what}: still has ${usedSlots(member)} slots`);
  for (const id of member.held) {
    const task = state.tasks.get(id);
    const isHis =
      task !== undefined && activeStatuses.includes(task.status) && currentAttempt(task)?.agent === member.id;
    check(isHis, `I4: ${what}: holds task ${id}, which is not its own`);
  }
  for (const key of member.lingering) {
    const { id, attempt } = partsOfKey(key);
    const task = state.tasks.get(id);
    const ended = task?.attempts.find((each) => attemptKey(task.spec.id, each.attempt) === key);
    check(ended === undefined || ended.end === 'timedOut', `${what}: lingers in attempt ${attempt} of ${id}`);
  }
}

function checkRemoved({ members, removed, at }: FleetState, check: Check): void {
  for (const [incarnation, { id, expiresAt }] of removed) {
    check(members.get(id)?.incarnation !== incarnation, `member ${id} was removed`);
    check(expiresAt > at, `the removal of ${id} has expired`);
  }
}

function checkProposal(state: FleetState, proposal: Proposal, check: Check): void {
  const { spec, status, ballots } = proposal;
  const what = `proposal ${spec.id} (${status})`;
  const voters = new Set(spec.electorate.map((voter) => voter.id));
  check(
    (status === 'open') === (proposal.decidedAt === null),
    `${what}: decidedAt is ${String(proposal.decidedAt)}`,
  );
  check(proposal.bytes === proposalBytes(proposal), `${what}: is said to have ${proposal.bytes} bytes`);
  check(voters.size === spec.electorate.length, `${what}: somebody is in the electorate twice`);
  for (const { id, weight } of spec.electorate) {
    check(Number.isSafeInteger(weight) && weight >= 0, `${what}: ${id} weighs ${weight}`);
  }
  for (const id of spec.outsiders) check(voters.has(id), `${what}: outsider ${id} may not vote`);
  for (const [voter, { at }] of ballots) {
    check(voters.has(voter), `${what}: ${voter} voted and may not`);
    check(at <= (proposal.decidedAt ?? state.at), `${what}: ${voter} voted after the end`);
  }
}

/** I5. */
function checkCounts(state: FleetState, check: Check): void {
  const { counts } = state;
  const tasks = tallyOf([...state.tasks.values()].map((task) => task.status));
  const proposals = tallyOf([...state.proposals.values()].map((each) => each.status));
  const types = tallyOf([...state.tasks.values()].map((task) => task.spec.type));
  const compare = (
    what: string,
    said: Iterable<[string, number]>,
    counted: ReadonlyMap<string, number>,
  ): void => {
    const names = new Set([...new Map(said).keys(), ...counted.keys()]);
    for (const name of names) {
      const [one, other] = [new Map(said).get(name) ?? 0, counted.get(name) ?? 0];
      check(one === other, `I5: ${what} ${name}: counted ${other}, counts say ${one}`);
    }
  };
  compare('tasks', Object.entries(counts.tasks), tasks);
  compare('proposals', Object.entries(counts.proposals), proposals);
  compare('type', counts.tasksByType, types);
  check(counts.leaderChanges <= counts.elections, 'more changes of leader than elections');
  check(counts.elections === state.term, `${counts.elections} elections in ${state.term} terms`);
}

/** I5, of what is counted for good. */
function checkTotals(state: FleetState, check: Check): void {
  const { counts } = state;
  const { outcomes, decisions, retriedByHand, tasksDropped, proposalsDropped } = counts;
  const compare = (what: string, said: number, counted: number): void => {
    if (said !== counted) check(false, `I5: ${what}: counted ${counted}, counts say ${said}`);
  };
  compare('tasks submitted', state.tasksCreated, state.tasks.size + tasksDropped);
  compare('ends of tasks', sum(outcomes), state.ended.size + tasksDropped + retriedByHand);
  compare('proposals opened', state.proposalsCreated, state.proposals.size + proposalsDropped);
  compare('decisions', sum(decisions), state.proposals.size - counts.proposals.open + proposalsDropped);
  checkEver(outcomes, counts.tasks, check);
  checkEver(decisions, counts.proposals, check);
}

function checkEver<K extends string>(
  ever: Readonly<Record<K, number>>,
  kept: Readonly<Record<NoInfer<K>, number>>,
  check: Check,
): void {
  for (const name in ever) {
    if (ever[name] < kept[name])
      check(false, `I5: ${ever[name]} were ever ${name}, and ${kept[name]} are kept`);
  }
}

function sum(numbers: Readonly<Record<string, number>>): number {
  let total = 0;
  for (const name in numbers) total += numbers[name] ?? 0;
  return total;
}

/** What waits to be dropped is what has ended, oldest first. */
function checkKept(state: FleetState, check: Check): void {
  const ended = [...state.tasks.values()].filter(isEnded);
  const decided = [...state.proposals.values()].filter((each) => each.status !== 'open');
  const gates = decided.filter((each) => isGate(state, each));
  check(isEach(state.ended, ended), `${state.ended.size} of ${ended.length} ended tasks wait to be dropped`);
  check(
    isEach(
      state.decided,
      decided.filter((each) => !gates.includes(each)),
    ),
    `${state.decided.size} of ${decided.length} decided proposals wait to be dropped, ${gates.length} with their task`,
  );
  const ends = [...state.ended].map((id) => state.tasks.get(id)?.endedAt ?? 0);
  check(isAscending(ends), `ended tasks do not wait in the order of their ends: ${ends.join(', ')}`);
  const decisions = [...state.decided].map((id) => state.proposals.get(id)?.decidedAt ?? 0);
  check(isAscending(decisions), `decided proposals are out of order: ${decisions.join(', ')}`);
}

/** I5, of bytes. */
function checkBytes(state: FleetState, check: Check): void {
  const counted = measured(state);
  for (const name of ['kept', 'ended', 'decided'] as const) {
    const [said, right] = [state.bytes[name], counted[name]];
    check(said === right, `I5: bytes ${name}: counted ${right}, the sum says ${said}`);
  }
}

function isEach(
  ids: ReadonlySet<string>,
  of: readonly { readonly spec: { readonly id: string } }[],
): boolean {
  return ids.size === of.length && of.every(({ spec }) => ids.has(spec.id));
}

function isAscending(numbers: readonly number[]): boolean {
  return numbers.every((each, i) => i === 0 || each >= (numbers[i - 1] ?? 0));
}

function tallyOf(names: readonly string[]): Map<string, number> {
  const counted = new Map<string, number>();
  for (const name of names) counted.set(name, (counted.get(name) ?? 0) + 1);
  return counted;
}

/** Nobody is given more than it has room for; a profile that shrinks later may leave it with too much. */
function checkSlots(state: FleetState, since: readonly LedgerEvent[], check: Check): void {
  const shrunk = new Set(since.flatMap((event) => (event.type === 'member.updated' ? event.id : [])));
  for (const event of since) {
    const member = event.type === 'task.assigned' ? state.members.get(event.agent) : undefined;
    if (member === undefined || shrunk.has(member.id)) continue;
    const { slots } = member.profile;
    check(
      usedSlots(member) <= slots,
      `member ${member.id} was given ${usedSlots(member)} for ${slots} slots`,
    );
  }
}
