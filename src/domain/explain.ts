/**
 * Why a task stands where it stands, and for every agent why it cannot take it now: SPEC T3. An agent without an
 * obstacle is one that `placement.ts` would give the task if it were alone with it; a test holds the two together.
 * The sentences are in `explain-text.ts`.
 */
import { abilitiesOf, abilityOf, canHandle, canTake, missingOf } from './ability.ts';
import { capabilityText, explanationText, handlerText, obstacleText } from './explain-text.ts';
import type {
  Ahead,
  Ballots,
  Chance,
  Explanation,
  Obstacle,
  ObstacleKind,
  Run,
  RunProgress,
} from './explanation.ts';
import {
  currentAttempt,
  isEnded,
  isPresent,
  usedSlots,
  type FleetState,
  type Member,
  type MemberStatus,
  type Task,
} from './state.ts';
import { goesFirst, requirementOf, signatureOf } from './waiting.ts';

/** What the state does not say. */
export interface Sight {
  /** Ledger time. */
  readonly now: number;
  /** How a member seems to whoever explains. */
  readonly stateOf: (member: Member) => MemberStatus;
  readonly progress: RunProgress | null;
  /** Pending tasks, of all or the oldest of them. */
  readonly pending: readonly Task[];
  readonly pendingTotal: number;
}

/** Listed, of agents and of voters. */
const LISTED_MAX = 100;

export function explain(state: FleetState, task: Task, sight: Sight): Explanation {
  const isWaiting =
    task.status === 'pending' || task.status === 'scheduled' || task.status === 'awaiting_approval';
  const chances = isWaiting ? chancesOf(state, task, sight) : [];
  const agents = chances.slice(0, LISTED_MAX);
  const ballots = task.status === 'awaiting_approval' ? ballotsOf(state, task) : null;
  const facts = {
    id: task.spec.id,
    status: task.status,
    until: ballots?.deadlineAt ?? (task.status === 'scheduled' ? task.dueAt : null),
    proposal: ballots,
    run: isWaiting || isEnded(task) ? null : runOf(task, sight),
    ahead: task.status === 'pending' ? aheadOf(state, task, sight) : null,
    agents,
    agentsTotal: chances.length,
    agentsLeftOut: chances.length - agents.length,
  };
  return { ...facts, text: explanationText({ ...facts, task, chances, state, now: sight.now }) };
}

/** Every reason why this member cannot take it now, whatever it is that the task itself waits for. */
export function obstaclesOf(member: Member, seen: MemberStatus, { spec }: Task): Obstacle[] {
  const ability = abilityOf(member.profile);
  const found: Obstacle[] = [];
  if (!canHandle(ability, spec.type)) found.push(handlerText(spec.type));
  const missing = missingOf(ability, requirementOf(spec));
  if (missing.length > 0) found.push(capabilityText(missing));
  const states = new Set<MemberStatus>([member.status, seen]);
  // Who is not there has no slots.
  if (isPresent(member) && usedSlots(member) >= member.profile.slots)
    found.push(obstacleText('slots', member));
  for (const each of states) if (each !== 'alive') found.push(obstacleText(each, member));
  return found;
}

/** The nearest first. */
function chancesOf({ members }: FleetState, task: Task, { stateOf }: Sight): Chance[] {
  const chances = Array.from(members.values(), (member) => {
    const state = stateOf(member);
    const obstacles = obstaclesOf(member, state, task);
    const farness = obstacles.reduce((sum, { kind }) => sum + farnessOf[kind], 0);
    return { chance: { id: member.id, state, canTake: obstacles.length === 0, obstacles }, farness };
  });
  chances.sort((a, b) => a.farness - b.farness || (a.chance.id < b.chance.id ? -1 : 1));
  return chances.map(({ chance }) => chance);
}

/** What passes by itself is nearer than what somebody has to change; who is gone is farthest. */
const farnessOf: Readonly<Record<ObstacleKind, number>> = {
  slots: 1,
  suspect: 2,
  draining: 4,
  capability: 8,
  handler: 16,
  dead: 32,
  left: 64,
};

function ballotsOf({ proposals }: FleetState, { spec }: Task): Ballots | null {
  const proposal = spec.proposal === null ? undefined : proposals.get(spec.proposal);
  if (proposal === undefined) return null;
  const { electorate, deadlineAt } = proposal.spec;
  const counts = { approve: 0, reject: 0, abstain: 0 };
  for (const { decision } of proposal.ballots.values()) counts[decision] += 1;
  const awaited = electorate.filter(({ id }) => !proposal.ballots.has(id)).map(({ id }) => id);
  const { id } = proposal.spec;
  return { id, ...counts, notVoted: awaited.length, awaited: awaited.slice(0, LISTED_MAX), deadlineAt };
}

function runOf(task: Task, { progress }: Sight): Run | null {
  const current = currentAttempt(task);
  if (current === undefined) return null;
  const { agent, attempt, startedAt, assignedAt } = current;
  const retriesLeft = Math.max(0, task.spec.maxRetries - task.failures);
  return { agent, attempt, since: startedAt ?? assignedAt, retriesLeft, progress };
}

function aheadOf(state: FleetState, task: Task, { pending, pendingTotal }: Sight): Ahead {
  const present = [...state.members.values()].filter(isPresent);
  const able = abilitiesOf(present.map(({ profile }) => profile)).filter((each) =>
    canTake(each, requirementOf(task.spec)),
  );
  const rivals = new Map<string, boolean>();
  let tasks = 0;
  for (const other of pending) {
    if (other === task || !goesFirst(other, task)) continue;
    const signature = signatureOf(other.spec);
    let isRival = rivals.get(signature);
    if (isRival === undefined) {
      isRival = able.some((each) => canTake(each, requirementOf(other.spec)));
      rivals.set(signature, isRival);
    }
    if (isRival) tasks += 1;
  }
  return { tasks, isAtLeast: pendingTotal > pending.length };
}
