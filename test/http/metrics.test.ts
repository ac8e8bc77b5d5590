/** `/metrics` of a real fleet on a real nats-server, as text. */
import { afterEach, expect, test } from 'vitest';
import { metricList } from '../../src/http/metric-list.ts';
import { createMetrics, type Metrics } from '../../src/http/metrics.ts';
import { joinFleet, type Agent, type JoinOptions } from '../../src/index.ts';
import { Listener, startEventServer, type EventServer } from '../support/event-server.ts';
import { withServer } from '../support/nats-server.ts';

const nats = withServer();
const agents: Agent[] = [];
const servers: EventServer[] = [];
const opened: Metrics[] = [];

afterEach(async () => {
  for (const each of opened.splice(0)) each.close();
  await Promise.all(servers.splice(0).map((each) => each.close()));
  await Promise.all(agents.splice(0).map((each) => each.leave().catch(() => undefined)));
});

async function join(options: Omit<JoinOptions, 'servers'>): Promise<Agent> {
  const agent = await joinFleet({ servers: nats().url, handleSignals: false, ...options });
  agents.push(agent);
  return agent;
}

async function serve(fleet: string): Promise<{ server: EventServer; metrics: Metrics }> {
  let metrics: Metrics | undefined;
  const server = await startEventServer({
    servers: nats().url,
    fleet,
    beforeStart: ({ observer, log, counts }) => {
      metrics = createMetrics({ observer, log, counts, status: () => observer.reader.status() });
    },
  });
  if (metrics === undefined) throw new Error('no metrics');
  servers.push(server);
  opened.push(metrics);
  return { server, metrics };
}

/** `name{labels}` → value. */
function samplesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

test('what a fleet did can be read from its metrics, under the names of the list', async () => {
  const fleet = 'metrics_1';
  const tasks: JoinOptions['tasks'] = {
    scan: () => 'clean',
    broken: () => {
      throw new Error('never');
    },
  };
  const ada = await join({ fleet, id: 'ada', priority: 1, tasks, settings: { retryBackoffMs: 10 } });
  await join({ fleet, id: 'bob', tasks, vote: () => 'approve' });
  const scans = await ada.fleet.submitMany(Array.from({ length: 5 }, () => ({ type: 'scan' })));
  await Promise.all(scans.map((task) => task.result()));
  await (await ada.fleet.submit({ type: 'broken', maxRetries: 1 })).outcome();
  await ada.fleet.propose({ type: 'policy_change', data: null });
  const { server, metrics } = await serve(fleet);
  const listener = new Listener(`${server.url}?since=0&kind=proposal.decided`);
  await listener.untilKind('proposal.decided');
  metrics.observeRequest({ method: 'GET', route: '/coordination/tasks', status: 200, durationMs: 3 });
  metrics.observeRequest({ method: 'BREW', route: null, status: 404, durationMs: 3 });
  const text = await metrics.text();
  const samples = samplesOf(text);
  const expected: Record<string, number> = {
    'conclave_agents{state="alive"}': 2,
    'conclave_agents{state="dead"}': 0,
    conclave_agent_health_average: 1,
    'conclave_fleet_health{health="healthy"}': 1,
    'conclave_fleet_health{health="unhealthy"}': 0,
    conclave_has_leader: 1,
    'conclave_leader_info{agent="ada"}': 1,
    conclave_term: 1,
    conclave_elections_total: 1,
    'conclave_tasks{status="completed"}': 5,
    'conclave_tasks{status="failed"}': 1,
    'conclave_tasks_by_type{type="scan"}': 5,
    conclave_tasks_submitted_total: 6,
    conclave_tasks_completed_total: 5,
    conclave_tasks_failed_total: 1,
    conclave_task_retries_total: 1,
    'conclave_task_attempts_failed_total{end="failed"}': 1,
    conclave_task_waiting_seconds_count: 6,
    conclave_task_run_seconds_count: 5,
    conclave_task_oldest_waiting_seconds: 0,
    'conclave_proposals{status="approved"}': 1,
    conclave_ballots_total: 2,
    conclave_ledger_sequence: server.observer.state.sequence,
    conclave_ledger_entry_events_count: server.observer.state.sequence,
    conclave_ledger_caught_up: 1,
    conclave_http_event_sockets: 1,
    conclave_http_events_sent_total: 1,
    'conclave_http_request_seconds_count{method="GET",route="/coordination/tasks",status="2xx"}': 1,
    'conclave_http_request_seconds_count{method="other",route="other",status="4xx"}': 1,
  };
  for (const [name, value] of Object.entries(expected))
    expect.soft([name, samples.get(name)]).toEqual([name, value]);
  expect([...samples].filter(([, value]) => !Number.isFinite(value))).toEqual([]);
  const typed = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]);
  expect(typed.sort()).toEqual(
    Object.entries(metricList)
      .map(([name, { type }]) => [name, type])
      .sort(),
  );
  expect(metrics.contentType).toMatch(/^text\/plain; version=0\.0\.4/);
});

test('how long appends take is what the leader says of them, as a histogram', async () => {
  const fleet = 'metrics_2';
  const ada = await join({
    fleet,
    id: 'ada',
    tasks: { scan: () => 'clean' },
    settings: { heartbeatIntervalMs: 50 },
  });
  await (await ada.fleet.submit({ type: 'scan' })).result();
  const { server, metrics } = await serve(fleet);
  await new Promise<void>((resolve) => {
    server.observer.roster.onBeat(({ appends }) => {
      if ((appends?.count ?? 0) >= 2) resolve();
    });
  });
  // What a fleet shows is withheld while it is being replayed.
  await expect.poll(() => server.observer.isCaughtUp, { timeout: 20_000 }).toBe(true);
  const name = 'conclave_ledger_append_seconds';
  const samples = samplesOf(await metrics.text());
  const buckets = [...samples].filter(([key]) => key.startsWith(`${name}_bucket`)).map(([, value]) => value);
  const count = samples.get(`${name}_count{agent="ada"}`) ?? 0;
  expect(count).toBeGreaterThanOrEqual(2);
  expect(buckets).toEqual([...buckets].sort((a, b) => a - b));
  expect(buckets.at(-1)).toBe(count);
  expect(samples.get(`${name}_sum{agent="ada"}`)).toBeGreaterThan(0);
  expect(samples.has(`${name}_bucket{le="0.005",agent="ada"}`)).toBe(true);
});

test('a fleet that is being replayed shows none of its figures, the server shows its own', async () => {
  const { server, metrics } = await serve('metrics_3');
  Object.defineProperty(server.observer, 'isCaughtUp', { get: () => false });
  const samples = samplesOf(await metrics.text());
  expect(samples.get('conclave_ledger_caught_up')).toBe(0);
  expect(samples.has('conclave_http_events_kept')).toBe(true);
  expect([...samples.keys()].filter((name) => name.startsWith('conclave_tasks'))).toEqual([]);
});
