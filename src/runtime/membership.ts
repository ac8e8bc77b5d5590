/**
 * Who is there, as this process sees it: counts by state and averages. Looked at anew each time, since suspicion
 * comes and goes with the clock and not with entries; a fleet has thousands of members at most.
 */
import type { AgentId } from '../domain/ids.ts';
import type { MemberStatus } from '../domain/state.ts';
import type { StatusView } from '../wire/views.ts';
import { loadOf, type Seen } from './views.ts';

export interface Membership {
  readonly agents: StatusView['agents'];
  readonly suspects: readonly AgentId[];
  /** Suspects that beat and do not answer their inbox; not among `suspects`. */
  readonly deaf: readonly AgentId[];
  readonly dead: readonly AgentId[];
}

/** Who has not said how healthy it is counts as healthy. */
export function membershipOf(members: Iterable<Seen>): Membership {
  const counts: Record<MemberStatus, number> = { alive: 0, suspect: 0, draining: 0, dead: 0, left: 0 };
  const suspects: AgentId[] = [];
  const deaf: AgentId[] = [];
  const dead: AgentId[] = [];
  let present = 0;
  let health = 0;
  let load = 0;
  for (const { member, state, suspicion, beat } of members) {
    counts[state] += 1;
    if (state === 'suspect') (suspicion === 'inbox' ? deaf : suspects).push(member.id);
    if (state === 'dead') dead.push(member.id);
    if (state === 'dead' || state === 'left') continue;
    present += 1;
    health += beat?.health ?? 1;
    load += loadOf(member, beat);
  }
  const agents = {
    total: present + counts.dead,
    ...counts,
    averageHealth: average(health, present),
    averageLoad: average(load, present),
  };
  return { agents, suspects, deaf, dead };
}

/** To a millionth: three times 0.7 must not come out below 0.7. */
function average(sum: number, count: number): number | null {
  return count === 0 ? null : Math.round((sum / count) * 1e6) / 1e6;
}
