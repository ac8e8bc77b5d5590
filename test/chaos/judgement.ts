/** What of the figures of a run must not be: nothing ends, is refused or stays away but for a reason that its faults give. */
import type { ErrorCode } from '../../src/domain/errors.ts';
import { Finding, type Check } from './finding.ts';
import type { LoadFigures } from './load.ts';

/** A call goes on for a minute, far longer than any fault: who is out of time then was told the truth. */
export const faultRefusals: readonly ErrorCode[] = ['TIMEOUT', 'NO_LEADER', 'NO_NATS'];

/** A process that is started while it is cut off, or no server is there, does not begin. */
export const faultEnds: readonly string[] = ['NO_NATS before it joined'];

export function judge(load: LoadFigures, agentEnds: Readonly<Record<string, number>>): readonly Check[] {
  return [
    unexplained('calls refused for a reason that no fault gives', load.refused, faultRefusals),
    unexplained('agents that ended for a reason that no fault gives', agentEnds, faultEnds),
    unanswered(load),
    missing(load),
  ];
}

function unexplained(
  name: string,
  counts: Readonly<Record<string, number>>,
  allowed: readonly string[],
): Check {
  const finding = new Finding(name);
  for (const [why, count] of Object.entries(counts))
    if (!allowed.includes(why)) for (let i = 0; i < count; i++) finding.note(why);
  return finding.check();
}

/** Neither way: the client hangs, or keeps something for itself. */
function unanswered({ calls }: LoadFigures): Check {
  const { tasks, outcomes, proposals, decisions } = calls;
  const open = [
    ...Object.entries(calls).map(
      ([what, each]) => [what, each.asked - each.answered - each.refused] as const,
    ),
    ['handles of tasks', tasks.answered - outcomes.asked] as const,
    ['ids of proposals', proposals.answered - decisions.asked] as const,
  ].filter(([, count]) => count !== 0);
  return {
    name: 'tasks and proposals, and ends of both, that a client was told nothing of',
    found: open.reduce((sum, [, count]) => sum + Math.abs(count), 0),
    evidence: open.map(([what, count]) => `${what}: ${count}`),
  };
}

/** However long each was away: a fleet that works for less than half of its time is none. */
function missing({ calls: { tasks }, heldBack }: LoadFigures): Check {
  const due = tasks.asked + heldBack;
  const enough = Math.max(1, Math.ceil(due / 2));
  return {
    name: 'tasks that are missing to half of those that were due',
    found: Math.max(0, enough - tasks.answered),
    evidence: [`${tasks.answered} of ${due} were acknowledged`],
  };
}
