/** What standbys answer while nobody leads: the status, and the wish for an election (SPEC E5). */
import { problem } from '../domain/errors.ts';
import type { AgentId } from '../domain/ids.ts';
import type { Bus, Clock, Subscription } from '../ports.ts';
import type { Subjects } from '../wire/subjects.ts';
import type { Replica } from './replica.ts';
import { answer, refuse } from './respond.ts';
import type { Roster } from './roster.ts';
import { statusView } from './views.ts';

export interface VacancyDeskOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly subjects: Subjects;
  readonly replica: Replica;
  readonly roster: Roster;
  readonly isVacant: () => boolean;
  readonly canStand: () => boolean;
  readonly stand: () => void;
}

export function serveVacancy(options: VacancyDeskOptions): Subscription {
  const { bus, subjects, replica, isVacant, canStand, stand } = options;
  const trigger = bus.subscribe(subjects.api('trigger'), (message) => {
    if (!isVacant()) return;
    if (!canStand()) {
      refuse(message, problem('NO_LEADER', 'nobody leads, and this standby cannot stand yet'));
      return;
    }
    const { term } = replica.state;
    stand();
    answer(message, { term });
  });
  const status = bus.subscribe(subjects.api('status'), (message) => {
    if (!isVacant()) return;
    const agents: Record<string, number> = {};
    for (const id of replica.state.members.keys()) count(agents, memberStatus(options, id));
    answer(
      message,
      statusView(replica.state, { fleet: subjects.fleet, hasLeader: false, at: replica.state.at, agents }),
    );
  });
  return {
    close: () => {
      trigger.close();
      status.close();
    },
  };
}

function memberStatus({ replica }: VacancyDeskOptions, id: AgentId): string {
  return replica.state.members.get(id)?.status ?? 'unknown';
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
