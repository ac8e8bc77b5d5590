/**
 * Every metric that `/metrics` shows: name, type, help and labels. The registry is built from this list, docs/metrics.md
 * is held to it, and the dashboard and the alerts may name nothing else.
 *
 * Those of the fleet come from the ledger and from heartbeats: every server shows the same ones, so take the maximum
 * over servers, not the sum. Those of the server are its own.
 */
import { appendBucketsMs } from '../runtime/append-times.ts';

export interface MetricDefinition {
  readonly type: 'gauge' | 'counter' | 'histogram';
  /** `fleet`: shown once the ledger has been read. */
  readonly of: 'fleet' | 'server';
  readonly help: string;
  readonly labels: readonly string[];
  /** Of a histogram: upper bounds, in the metric's unit. */
  readonly buckets?: readonly number[];
}

const waits = [0.001, 0.01, 0.1, 0.5, 1, 5, 10, 60, 300, 1_800, 7_200] as const;
const runs = [0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1_800, 7_200] as const;
const requests = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
const batches = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000] as const;

const gauge = (of: 'fleet' | 'server', help: string, ...labels: string[]) =>
  ({ type: 'gauge', of, help, labels }) as const;
const counter = (of: 'fleet' | 'server', help: string, ...labels: string[]) =>
  ({ type: 'counter', of, help, labels }) as const;
const histogram = (of: 'fleet' | 'server', help: string, buckets: readonly number[], ...labels: string[]) =>
  ({ type: 'histogram', of, help, labels, buckets }) as const;

export const metricList = {
  conclave_fleet_health: gauge(
    'fleet',
    '1 for what the fleet is now: healthy, degraded or unhealthy',
    'health',
  ),
  conclave_agents: gauge('fleet', 'Agents by state: alive, suspect, draining, dead, left', 'state'),
  conclave_agent_health_average: gauge('fleet', 'Mean health of the agents that are present, 0 to 1'),
  conclave_agent_load_average: gauge('fleet', 'Mean load of the agents that are present, 0 to 1'),
  conclave_agent_deaths_total: counter('fleet', 'Agents that were found dead'),
  conclave_recoveries_total: counter(
    'fleet',
    'Deaths whose tasks have all been assigned again, or have ended',
  ),
  conclave_recovery_seconds: histogram(
    'fleet',
    'From the loss of tasks until all were assigned again',
    waits,
  ),

  conclave_has_leader: gauge('fleet', '1 while somebody leads'),
  conclave_leader_info: gauge('fleet', '1 for the agent that leads', 'agent'),
  conclave_term: gauge('fleet', 'Number of the latest election'),
  conclave_elections_total: counter('fleet', 'Elections that ended with a leader'),
  conclave_leader_changes_total: counter('fleet', 'Elections that ended with another leader'),
  conclave_re_elections_total: counter('fleet', 'Elections because a leader was gone or silent'),

  conclave_tasks: gauge('fleet', 'Tasks that are kept, by status', 'status'),
  conclave_tasks_by_type: gauge('fleet', 'Tasks that are kept, by type; beyond 100 types: other', 'type'),
  conclave_tasks_submitted_total: counter('fleet', 'Tasks that were submitted'),
  conclave_tasks_completed_total: counter('fleet', 'Tasks that were completed'),
  conclave_tasks_failed_total: counter('fleet', 'Tasks that failed for good'),
  conclave_tasks_cancelled_total: counter('fleet', 'Tasks that were cancelled'),
  conclave_task_attempts_failed_total: counter(
    'fleet',
    'Attempts that failed or ran too long, and are tried again',
    'end',
  ),
  conclave_task_retries_total: counter('fleet', 'Attempts that followed a failed one'),
  conclave_tasks_reassigned_total: counter(
    'fleet',
    'Attempts whose agent was gone, and whose task went on to wait',
  ),
  conclave_task_waiting_seconds: histogram(
    'fleet',
    'From submission to the first assignment, ledger time',
    waits,
  ),
  conclave_task_run_seconds: histogram(
    'fleet',
    'From the assignment of a completed attempt to its end, ledger time',
    runs,
  ),
  conclave_task_oldest_waiting_seconds: gauge('fleet', 'Age of the oldest pending task; 0: there is none'),

  conclave_proposals: gauge('fleet', 'Proposals that are kept, by status', 'status'),
  conclave_ballots_total: counter('fleet', 'Ballots that were cast'),

  conclave_ledger_sequence: gauge('fleet', 'Sequence of the latest entry that this server has read'),
  conclave_ledger_entry_events: histogram('fleet', 'Events in an entry', batches),
  conclave_ledger_append_seconds: histogram(
    'fleet',
    'How long the leader waited for an append to be stored, since its term began',
    appendBucketsMs.map((ms) => ms / 1_000),
    'agent',
  ),

  conclave_ledger_caught_up: gauge(
    'server',
    '1 when everything that was in the ledger at the start has been read',
  ),
  conclave_messages_refused_total: counter(
    'server',
    'NATS messages that this server heard and that were not valid',
  ),
  conclave_http_request_seconds: histogram(
    'server',
    'HTTP requests, until the answer was sent',
    requests,
    'method',
    'route',
    'status',
  ),
  conclave_http_event_sockets: gauge('server', 'WebSockets that follow the events now'),
  conclave_http_event_sockets_refused_total: counter(
    'server',
    'WebSockets turned away: too many, or the ledger not read',
  ),
  conclave_http_event_sockets_slow_total: counter(
    'server',
    'WebSockets closed because their reader was too slow',
  ),
  conclave_http_events_sent_total: counter('server', 'Events sent to WebSockets, all together'),
  conclave_http_events_kept: gauge('server', 'Events that a WebSocket can still begin with'),
  conclave_http_events_kept_bytes: gauge('server', 'What they take as text'),
  conclave_process_loop_lag_seconds: gauge(
    'server',
    'How late timers were since the last scrape',
    'quantile',
  ),
  conclave_process_resident_bytes: gauge('server', 'Memory of the process'),
  conclave_process_cpu_seconds_total: counter('server', 'CPU time that the process has used'),
} as const satisfies Readonly<Record<`conclave_${string}`, MetricDefinition>>;

export type MetricName = keyof typeof metricList;
export type NamesOf<T extends MetricDefinition['type']> = {
  [K in MetricName]: (typeof metricList)[K]['type'] extends T ? K : never;
}[MetricName];
