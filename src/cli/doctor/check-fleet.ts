/** Checks of the fleet: who leads, how its agents are, what stands still. */
import { ConclaveError } from '../../domain/errors.ts';
import type { Beat } from '../../runtime/roster.ts';
import { duration } from '../output.ts';
import { error, ok, unknown, warning, type Finding } from './finding.ts';
import type { Patient } from './patient.ts';

export function checkLeader({ status, subjects }: Patient): Finding {
  if ('failure' in status) {
    const { failure } = status;
    const isSilent = failure instanceof ConclaveError && failure.code === 'TIMEOUT';
    const advice = isSilent
      ? 'see `permissions`; if all is allowed, the leader is frozen or overloaded: look at its log'
      : 'start an agent that may lead: `conclave agent --id …`, without --no-electable';
    return error('leader', failure.message, advice);
  }
  const { value: view } = status;
  if (!view.hasLeader)
    return error('leader', `nobody leads fleet ${subjects.fleet}`, 'start an agent that may lead');
  return ok('leader', `${view.leader ?? ''}, term ${view.term}, since ${duration(view.sinceMs ?? 0)}`);
}

/** As the fleet itself judges: SPEC's rules of health, with the tasks that nobody can take. */
export function checkHealth({ status }: Patient): Finding[] {
  if ('failure' in status) return [];
  const { health, reasons } = status.value;
  if (health === 'healthy') return [ok('health', health)];
  const found = `${health}: ${reasons.join('; ')}`;
  const advice = adviceFor(reasons);
  return [health === 'degraded' ? warning('health', found, advice) : error('health', found, advice)];
}

function adviceFor(reasons: readonly string[]): string {
  const isStuck = reasons.some((each) => each.includes('pending task'));
  if (isStuck)
    return 'start an agent that can take these tasks, or cancel them: `conclave tasks --status pending` lists them';
  return '`conclave agents` shows who is missing; restart them';
}

export function checkAgents(patient: Patient): Finding[] {
  const { agents, beats, settings } = patient;
  if ('failure' in agents) return [];
  const findings = [...duplicates(beats), ...laggards(beats, settings.probeIntervalMs), ...unheard(patient)];
  if (findings.length > 0) return findings;
  const present = agents.value.filter(({ state }) => state !== 'left' && state !== 'dead');
  if (present.length === 0)
    return [warning('agents', 'there are none', 'start some: `conclave agent --help`')];
  return [ok('agents', `${present.length} present, all beat in time`)];
}

function duplicates(beats: readonly Beat[]): Finding[] {
  const byId = new Map<string, number>();
  for (const { id } of beats) byId.set(id, (byId.get(id) ?? 0) + 1);
  return [...byId]
    .filter(([, lives]) => lives > 1)
    .map(([id, lives]) =>
      error(
        'agents',
        `${lives} processes beat as ${id}`,
        'give each process an id of its own; if one was just replaced, run the doctor again',
      ),
    );
}

/** Standbys give a leader that long to answer. */
function laggards(beats: readonly Beat[], lagMsMax: number): Finding[] {
  return beats
    .filter(({ lagMs }) => lagMs > lagMsMax)
    .map(({ id, lagMs }) =>
      warning(
        'agents',
        `the event loop of ${id} stood still for ${duration(lagMs)}`,
        'move computing out of its handlers into worker threads or programs, or give it more CPU',
      ),
    );
}

function unheard({ agents, beats, refusals }: Patient): Finding[] {
  if ('failure' in agents) return [];
  if (refusals.some(({ subject }) => subject.includes('.agent.heartbeat.')))
    return [unknown('agents', 'their heartbeats were not heard', 'see `permissions`')];
  const heard = new Set(beats.map(({ id }) => String(id)));
  return agents.value
    .filter(({ id, state }) => state !== 'left' && state !== 'dead' && !heard.has(id))
    .map(({ id, state }) =>
      warning(
        'agents',
        `${id} is ${state}, and did not beat while the doctor listened`,
        'see whether its process is frozen or cut off; it is dead for the fleet soon',
      ),
    );
}
