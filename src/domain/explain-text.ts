/** The sentences of an explanation: what a task waits for, why an agent cannot take it, and what would change that. */
import { abilitiesOf } from './ability.ts';
import { assertNever } from './assert.ts';
import type { Chance, Explanation, Obstacle, ObstacleKind } from './explanation.ts';
import { lackOf } from './health.ts';
import { currentAttempt, isPresent, usedSlots, type FleetState, type Member, type Task } from './state.ts';
import { requirementOf } from './waiting.ts';

/** What a sentence is about; `chances`: all of them, not only those that are listed. */
export type Facts = Omit<Explanation, 'text'> & {
  readonly task: Task;
  readonly chances: readonly Chance[];
  readonly state: FleetState;
  /** Ledger time. */
  readonly now: number;
};

/** Named in a sentence. */
const NAMED_MAX = 10;

export function explanationText(facts: Facts): string {
  const { task } = facts;
  switch (task.status) {
    case 'awaiting_approval':
      return approvalText(facts);
    case 'scheduled':
      return scheduledText(facts);
    case 'pending':
      return `${pendingText(facts)}${aheadText(facts)}`;
    case 'assigned':
      return `is assigned to ${runText(facts)}; its handler has not reported that it started`;
    case 'running':
      return `runs on ${runText(facts)}`;
    case 'cancelling':
      return `is being cancelled: the handler on ${runText(facts)} was told to stop and has not ended yet`;
    case 'completed':
      return `was completed by ${currentAttempt(task)?.agent ?? 'nobody'} in attempt ${task.attempt}`;
    case 'failed':
      return `has failed ${triesText(task)}: ${task.error?.message ?? 'no reason given'}`;
    case 'cancelled':
      return `was cancelled ${triesText(task)}`;
    default:
      return assertNever(task.status);
  }
}

function approvalText({ proposal, now }: Facts): string {
  if (proposal === null) return 'waits for the approval of the fleet';
  const { id, approve, reject, abstain, notVoted, awaited, deadlineAt } = proposal;
  const votes = `${approve} for, ${reject} against, ${abstain} abstained, ${notVoted} not voted`;
  const missing = notVoted === 0 ? '' : ` (${listOf(awaited, notVoted)})`;
  return `waits for the approval of the fleet by proposal ${id}: ${votes}${missing}; decided in ${span(deadlineAt - now)} at the latest`;
}

function scheduledText({ task, until, now }: Facts): string {
  const inTime = until === null ? 'later' : `in ${span(until - now)}`;
  const last = currentAttempt(task);
  if (last === undefined) return `is not to run before its time, which comes ${inTime}`;
  const { attempt, error } = last;
  return `is tried again ${inTime}: attempt ${attempt} failed (${error?.message ?? 'no reason given'})`;
}

function pendingText({ task, chances, state }: Facts): string {
  const takers = chances.filter(({ canTake }) => canTake);
  const [first] = takers;
  if (first !== undefined) {
    return takers.length === 1
      ? `waits for its turn: ${first.id} can take it`
      : `waits for its turn: ${takers.length} agents can take it`;
  }
  const present = [...state.members.values()].filter(isPresent);
  if (present.length === 0) return 'waits: there are no agents';
  const requirement = requirementOf(task.spec);
  const { type, capabilities } = requirement;
  const lack = lackOf(requirement, abilitiesOf(present.map(({ profile }) => profile)));
  switch (lack?.kind) {
    case 'handler':
      return `waits: no agent handles \`${type}\``;
    case 'capability':
      return `waits: no agent has \`${lack.capability}\``;
    case 'together':
      return `waits: no agent that handles \`${type}\` has all of ${quoted(capabilities)}`;
    case undefined:
      return `waits: ${busyText(chances)}`;
  }
}

/** Somebody could take it, and nobody can. */
function busyText(chances: readonly Chance[]): string {
  const capable = chances.filter(({ obstacles }) => obstacles.every(({ kind }) => isPassing(kind)));
  const full = capable.filter(({ obstacles }) => obstacles.every(({ kind }) => kind === 'slots'));
  if (full.length === capable.length) {
    const [only] = capable;
    return capable.length === 1 && only !== undefined
      ? `the only capable agent, ${only.id}, is full`
      : `all ${capable.length} capable agents are full`;
  }
  const why = capable
    .slice(0, NAMED_MAX)
    .map(({ id, obstacles }) => `${id} ${obstacles.map(shortText).join(' and ')}`);
  return `none of ${capable.length} capable agents can take it now: ${listOf(why, capable.length)}`;
}

function isPassing(kind: ObstacleKind): boolean {
  return kind === 'slots' || kind === 'suspect' || kind === 'draining';
}

function shortText({ kind }: Obstacle): string {
  return kind === 'slots' ? 'is full' : `is ${kind}`;
}

function aheadText({ ahead }: Facts): string {
  if (ahead === null || ahead.tasks === 0) return '';
  const count = `${ahead.isAtLeast ? 'at least ' : ''}${ahead.tasks}`;
  return `; ${count} ${ahead.tasks === 1 ? 'task' : 'tasks'} of higher priority, or as high and older, ${ahead.tasks === 1 ? 'goes' : 'go'} first`;
}

function runText({ run, now }: Facts): string {
  if (run === null) return 'an agent';
  const { agent, attempt, since, retriesLeft, progress } = run;
  const left = retriesLeft === 1 ? '1 retry left' : `${retriesLeft} retries left`;
  const done = progress === null ? '' : `, ${Math.floor(progress.share * 100)} % done`;
  const note = progress?.note ?? null;
  return `${agent} for ${span(now - since)}, attempt ${attempt}, ${left}${done}${note === null ? '' : ` (${note})`}`;
}

function triesText({ attempt }: Task): string {
  if (attempt === 0) return 'before it ran';
  return attempt === 1 ? 'in its first attempt' : `after ${attempt} attempts`;
}

export function handlerText(type: string): Obstacle {
  return {
    kind: 'handler',
    text: `has no handler for \`${type}\``,
    remedy: `start it with a handler for \`${type}\`, or one for any type (\`*\`)`,
  };
}

export function capabilityText(missing: readonly string[]): Obstacle {
  const names = quoted(missing);
  return { kind: 'capability', text: `lacks ${names}`, remedy: `give it ${names}, or ask for less` };
}

export function obstacleText(
  kind: Exclude<ObstacleKind, 'handler' | 'capability'>,
  member: Member,
): Obstacle {
  const { id, profile, lingering } = member;
  switch (kind) {
    case 'slots': {
      const used = `${usedSlots(member)} of ${profile.slots} slots are in use`;
      const deaf =
        lingering.size === 0
          ? ''
          : `, ${lingering.size} by handlers that go on although their attempt is over`;
      return { kind, text: used + deaf, remedy: 'wait until one is free, or give it more slots' };
    }
    case 'draining':
      return { kind, text: 'is draining', remedy: `conclave resume ${id}` };
    case 'suspect':
      return {
        kind,
        text: 'was not heard in time',
        remedy: 'it is alive again when it answers; until the timeout, then it is dead',
      };
    case 'dead':
      return { kind, text: 'is dead', remedy: 'start it again' };
    case 'left':
      return { kind, text: 'has left', remedy: 'start it again' };
    default:
      return assertNever(kind);
  }
}

function quoted(names: readonly string[]): string {
  return listOf(
    names.slice(0, NAMED_MAX).map((name) => `\`${name}\``),
    names.length,
  );
}

/** The first of them, and how many more there are. */
function listOf(names: readonly string[], total: number): string {
  const shown = names.slice(0, NAMED_MAX);
  return total > shown.length ? `${shown.join(', ')} and ${total - shown.length} more` : shown.join(', ');
}

/** `350 ms`, `12 s`, `3 min`: rounded up, so that it is never "in 0 s". */
function span(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.ceil(ms))} ms`;
  return ms < 120_000 ? `${Math.ceil(ms / 1_000)} s` : `${Math.ceil(ms / 60_000)} min`;
}
