/**
 * Where the figures of `/metrics` come from: the state for what it counts, each entry for what it does not, the status
 * for what is judged, and the process for its own.
 */
import type { IntervalHistogram } from 'node:perf_hooks';
import type { Entry, LedgerEvent } from '../domain/events.ts';
import type { Observer } from '../runtime/observer.ts';
import { attemptOf } from '../runtime/recoveries.ts';
import type { StatusView } from '../wire/views.ts';
import type { EventLog } from './event-log.ts';
import type { SocketCounts } from './event-socket.ts';
import type { NamesOf } from './metric-list.ts';

export interface FigureSources {
  readonly observer: Pick<Observer, 'state' | 'isCaughtUp' | 'rejections'>;
  /** As `observer.reader.status` gives it. Asked once for each scrape. */
  readonly status: () => StatusView;
  readonly log: Pick<EventLog, 'first' | 'end' | 'bytes'>;
  readonly counts: SocketCounts;
}

/** Where figures go, by name. */
export interface Meter {
  /** Replaces every series of it. */
  set(name: NamesOf<'gauge'>, label: string, values: readonly (readonly [string, number])[]): void;
  /** Null: it has no value now. */
  setOne(name: NamesOf<'gauge'>, value: number | null): void;
  /** Counted elsewhere. */
  setTotal(name: NamesOf<'counter'>, value: number): void;
  add(name: NamesOf<'counter'>, labels?: Readonly<Record<string, string>>): void;
  observe(name: NamesOf<'histogram'>, labels: Readonly<Record<string, string>>, value: number): void;
}

/** Task types that have a series of their own. */
const TYPES_MAX = 100;
/** Of the look at the event loop: it is this late when nothing is. */
export const LAG_RESOLUTION_MS = 10;
/** Stands for all that have no series of their own. */
export const OTHER = 'other';

/** What the state does not count, and what each event took. */
export function countEvent(
  fleet: Meter,
  { observer }: FigureSources,
  event: LedgerEvent,
  entry: Entry,
): void {
  switch (event.type) {
    case 'task.assigned': {
      const submittedAt = observer.state.tasks.get(event.id)?.submittedAt;
      if (event.attempt === 1 && submittedAt !== undefined)
        fleet.observe('conclave_task_waiting_seconds', {}, (entry.at - submittedAt) / 1_000);
      break;
    }
    case 'task.completed': {
      const assignedAt = attemptOf(observer.state.tasks.get(event.id), event.attempt)?.assignedAt;
      if (assignedAt !== undefined)
        fleet.observe('conclave_task_run_seconds', {}, (entry.at - assignedAt) / 1_000);
      break;
    }
    case 'task.attemptFailed':
      fleet.add('conclave_task_attempts_failed_total', { end: event.end });
      break;
    case 'ballot.cast':
      fleet.add('conclave_ballots_total');
      break;
    default:
  }
}

export function fillFleet(fleet: Meter, { observer, status }: FigureSources): void {
  const { counts, term, sequence, tasksCreated } = observer.state;
  const view = status();
  const { total: _, averageHealth, averageLoad, ...states } = view.agents;
  const others = ['healthy', 'degraded', 'unhealthy'].filter((each) => each !== view.health);
  fleet.set('conclave_fleet_health', 'health', [
    [view.health, 1],
    ...others.map((each) => [each, 0] as const),
  ]);
  fleet.set('conclave_agents', 'state', Object.entries(states));
  fleet.setOne('conclave_agent_health_average', averageHealth);
  fleet.setOne('conclave_agent_load_average', averageLoad);
  fleet.setOne('conclave_has_leader', view.hasLeader ? 1 : 0);
  fleet.set('conclave_leader_info', 'agent', view.leader === null ? [] : [[view.leader, 1]]);
  fleet.setOne('conclave_term', term);
  fleet.setOne('conclave_ledger_sequence', sequence);
  fleet.set('conclave_tasks', 'status', Object.entries(view.tasks.byStatus));
  fleet.set('conclave_tasks_by_type', 'type', bounded(Object.entries(view.tasks.byType)));
  fleet.setOne('conclave_task_oldest_waiting_seconds', (view.tasks.oldestWaitingMs ?? 0) / 1_000);
  fleet.set('conclave_proposals', 'status', Object.entries(view.proposals.byStatus));
  fleet.setTotal('conclave_tasks_submitted_total', tasksCreated);
  fleet.setTotal('conclave_tasks_completed_total', counts.outcomes.completed);
  fleet.setTotal('conclave_tasks_failed_total', counts.outcomes.failed);
  fleet.setTotal('conclave_tasks_cancelled_total', counts.outcomes.cancelled);
  fleet.setTotal('conclave_elections_total', counts.elections);
  fleet.setTotal('conclave_leader_changes_total', counts.leaderChanges);
  fleet.setTotal('conclave_re_elections_total', counts.reElections);
  fleet.setTotal('conclave_agent_deaths_total', counts.deaths);
  fleet.setTotal('conclave_task_retries_total', counts.retries);
  fleet.setTotal('conclave_tasks_reassigned_total', counts.reassigned);
}

/** The first types that a fleet had keep their series; the rest share one. */
function bounded(types: readonly (readonly [string, number])[]): (readonly [string, number])[] {
  const [own, rest] = [types.slice(0, TYPES_MAX), types.slice(TYPES_MAX)];
  if (rest.length === 0) return own;
  const kept = own.filter(([type]) => type !== OTHER);
  const others = [...rest, ...own.filter(([type]) => type === OTHER)];
  return [...kept, [OTHER, others.reduce((sum, [, tasks]) => sum + tasks, 0)]];
}

export function fillServer(server: Meter, options: FigureSources, lag: IntervalHistogram): void {
  const { observer, log, counts } = options;
  server.setOne('conclave_ledger_caught_up', observer.isCaughtUp ? 1 : 0);
  server.setTotal('conclave_messages_refused_total', observer.rejections.total);
  server.setOne('conclave_http_event_sockets', counts.open);
  server.setTotal('conclave_http_event_sockets_refused_total', counts.refused);
  server.setTotal('conclave_http_event_sockets_slow_total', counts.slow);
  server.setTotal('conclave_http_events_sent_total', counts.sent);
  server.setOne('conclave_http_events_kept', log.end - log.first);
  server.setOne('conclave_http_events_kept_bytes', log.bytes);
  const late = (percentile: number): number => lateSeconds(lag.percentile(percentile));
  server.set('conclave_process_loop_lag_seconds', 'quantile', [
    ['0.5', late(50)],
    ['0.99', late(99)],
    ['1', lateSeconds(lag.max)],
  ]);
  lag.reset();
  server.setOne('conclave_process_resident_bytes', process.memoryUsage.rss());
  const { user, system } = process.cpuUsage();
  server.setTotal('conclave_process_cpu_seconds_total', (user + system) / 1_000_000);
}

/** Of the time from one look of the histogram to the next, which is its resolution when nothing is late. */
function lateSeconds(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - LAG_RESOLUTION_MS / 1_000);
}
