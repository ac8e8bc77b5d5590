/** Which tasks an agent could take, by its profile alone: SPEC T3. */
import type { Profile } from './events.ts';
import type { Requirement } from './waiting.ts';

/** What of a profile decides it. */
export interface Ability {
  /** Of tasks; `*`: every type. */
  readonly handles: ReadonlySet<string>;
  readonly capabilities: ReadonlySet<string>;
}

/** Equal exactly for profiles that can take the same tasks by the same words. */
export function abilityKeyOf({ handles, capabilities }: Profile): string {
  return `${handles.join(' ')}|${capabilities.join(' ')}`;
}

export function abilityOf({ handles, capabilities }: Profile): Ability {
  return { handles: new Set(handles), capabilities: new Set(capabilities) };
}

/** Each ability once: fleets have many agents and few kinds of them. */
export function abilitiesOf(profiles: Iterable<Profile>): Ability[] {
  const abilities = new Map<string, Ability>();
  for (const profile of profiles) {
    const key = abilityKeyOf(profile);
    if (!abilities.has(key)) abilities.set(key, abilityOf(profile));
  }
  return [...abilities.values()];
}

export function canHandle(ability: Ability, type: string): boolean {
  return ability.handles.has(type) || ability.handles.has('*');
}

export function canTake(ability: Ability, requirement: Requirement): boolean {
  return canHandle(ability, requirement.type) && missingOf(ability, requirement).length === 0;
}

/** Capabilities that a task asks for and the agent has not, as the task lists them. */
export function missingOf({ capabilities }: Ability, requirement: Requirement): readonly string[] {
  return requirement.capabilities.filter((each) => !capabilities.has(each));
}
