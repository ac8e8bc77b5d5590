/**
 * How a fleet does as a whole, and why: SPEC §6. Pure; what it is judged by is given. The rules and what they mean
 * for an operator are in `docs/wire.md` under `status`.
 */
import { canHandle, canTake, type Ability } from './ability.ts';
import type { Requirement } from './waiting.ts';

export interface Health {
  readonly word: 'healthy' | 'degraded' | 'unhealthy';
  /** In plain words, the worst first; empty exactly if it is healthy. */
  readonly reasons: readonly string[];
}

export interface HealthFacts {
  readonly hasLeader: boolean;
  /** Members without those that left. */
  readonly known: number;
  readonly alive: number;
  readonly suspects: readonly string[];
  /** Suspect, too: they beat and do not answer their inbox. */
  readonly deaf: readonly string[];
  readonly dead: readonly string[];
  /** 0–1, of the members present; null: nobody is. */
  readonly averageHealth: number | null;
  readonly unmet: readonly Unmet[];
}

/** What pending tasks ask for and no present member could ever give. */
export interface Unmet {
  readonly requirement: Requirement;
  /** Pending tasks that ask for it. */
  readonly tasks: number;
  readonly lack: Lack;
}

export type Lack =
  | { readonly kind: 'handler' }
  | { readonly kind: 'capability'; readonly capability: string }
  /** Somebody has each of it, nobody has all. */
  | { readonly kind: 'together' };

/** Below it the fleet is unhealthy. */
const HEALTH_MIN = 0.3;
/** Below it the fleet is degraded. */
const HEALTH_GOOD = 0.7;
/** Reasons that are listed; the last one counts the rest. */
const REASONS_MAX = 10;

export function fleetHealth(facts: HealthFacts): Health {
  const grave = [...graveReasons(facts)];
  const reasons = [...grave, ...mildReasons(facts)];
  const word = grave.length > 0 ? 'unhealthy' : reasons.length > 0 ? 'degraded' : 'healthy';
  return { word, reasons: bounded(reasons) };
}

/** What stands in the way of a task with this requirement; null: one of the abilities suffices for it. */
export function lackOf(requirement: Requirement, abilities: Iterable<Ability>): Lack | null {
  let isHandled = false;
  let missing = requirement.capabilities;
  for (const ability of abilities) {
    if (canTake(ability, requirement)) return null;
    isHandled ||= canHandle(ability, requirement.type);
    missing = missing.filter((each) => !ability.capabilities.has(each));
  }
  const [capability] = missing;
  if (capability !== undefined) return { kind: 'capability', capability };
  return { kind: isHandled ? 'together' : 'handler' };
}

function* graveReasons({ hasLeader, known, alive, averageHealth }: HealthFacts): Iterable<string> {
  if (!hasLeader) yield 'nobody leads';
  if (known === 0) yield 'there are no agents';
  else if (alive === 0) yield 'no agent is alive';
  else if (alive < known / 2) yield `only ${alive} of ${known} agents are alive`;
  if (averageHealth !== null && averageHealth < HEALTH_MIN) yield averageReason(averageHealth, HEALTH_MIN);
}

function* mildReasons({ suspects, deaf, dead, averageHealth, unmet }: HealthFacts): Iterable<string> {
  for (const id of dead) yield `${id} is dead`;
  for (const id of suspects) yield `${id} is suspect`;
  for (const id of deaf) yield `${id} is suspect: it beats, but does not answer its inbox`;
  if (averageHealth !== null && averageHealth >= HEALTH_MIN && averageHealth < HEALTH_GOOD) {
    yield averageReason(averageHealth, HEALTH_GOOD);
  }
  for (const each of unmet) yield unmetReason(each);
}

/** Rounded down, so that what is below the bound does not look as if it were on it. */
function averageReason(average: number, bound: number): string {
  return `average health is ${Math.floor(average * 100) / 100}, below ${bound}`;
}

function unmetReason({ requirement, tasks, lack }: Unmet): string {
  const { type, capabilities } = requirement;
  const one = tasks === 1;
  const what = `${tasks} pending ${one ? 'task' : 'tasks'}`;
  switch (lack.kind) {
    case 'capability':
      return `${what} ${one ? 'needs' : 'need'} \`${lack.capability}\`, which no agent has`;
    case 'handler':
      return `${what} ${one ? 'is' : 'are'} of type \`${type}\`, which no agent handles`;
    case 'together':
      return `${what} of type \`${type}\` ${one ? 'needs' : 'need'} ${quoted(capabilities)}, and no agent that handles the type has all of it`;
  }
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}

function bounded(reasons: readonly string[]): readonly string[] {
  if (reasons.length <= REASONS_MAX) return reasons;
  const shown = reasons.slice(0, REASONS_MAX - 1);
  return [...shown, `and ${reasons.length - shown.length} more`];
}
