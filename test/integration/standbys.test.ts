/** Who stands by, and who is let go, of real processes on a real nats-server: the broker counts who reads the ledger. */
import { connect, type NatsConnection } from 'nats';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { connectFleet, verifyLedger, type Fleet } from '../../src/index.ts';
import { endAgents, startAgent, type AgentProcess } from '../support/agent-process.ts';
import { withServer } from '../support/nats-server.ts';
import { until } from '../support/until.ts';

const server = withServer();
const settings = { standbysMax: 2, heartbeatIntervalMs: 200 };
const ids = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth'];
const fleets: Fleet[] = [];
let operator: NatsConnection;

beforeAll(async () => {
  operator = await connect({ servers: server().url });
});

afterEach(async () => {
  await endAgents();
  await Promise.all(fleets.splice(0).map((fleet) => fleet.close()));
});

afterAll(() => operator.close());

/** The best one first, so that it leads. */
async function start(fleet: string): Promise<{ client: Fleet; agents: Map<string, AgentProcess> }> {
  const servers = server().url;
  const client = await connectFleet({ servers, fleet, timeoutMs: 30_000 });
  fleets.push(client);
  const agents = new Map<string, AgentProcess>();
  for (const [i, id] of ids.entries()) {
    agents.set(id, await startAgent({ servers, fleet, id, priority: 60 - i * 10, settings }));
  }
  return { client, agents };
}

/** Consumers on the ledger: everybody who follows it has one, and a leader needs none. */
async function readers(fleet: string): Promise<number> {
  const manager = await operator.jetstreamManager();
  return (await manager.streams.info(`CONCLAVE_${fleet}`)).state.consumer_count;
}

async function standing(client: Fleet): Promise<string> {
  const agents = await client.agents({ state: 'alive' });
  return agents
    .filter(({ isStandby }) => isStandby)
    .map(({ id }) => id)
    .sort()
    .join();
}

test('of six processes the leader and two follow the ledger; all three killed, another leads and nothing is lost', async () => {
  const fleet = 'standbys_1';
  const { client, agents } = await start(fleet);
  await until(async () => (await standing(client)) === 'first,second,third');
  // The broker forgets a reader some seconds after it has gone.
  await until(async () => (await readers(fleet)) === 2);
  const handles = await client.submitMany(
    Array.from({ length: 20 }, (_, i) => ({ type: 'slow', payload: { ms: 300, value: i } })),
  );
  for (const id of ['first', 'second', 'third']) agents.get(id)?.signal('SIGKILL');
  const outcomes = await Promise.all(handles.map((handle) => handle.outcome()));
  expect(outcomes.filter(({ status }) => status !== 'completed')).toEqual([]);
  const { leader } = await client.status();
  expect(['fourth', 'fifth', 'sixth']).toContain(leader);
  await until(async () => (await readers(fleet)) === 2);
  const report = await verifyLedger({ servers: server().url, fleet });
  expect(report.problems).toEqual([]);
  expect(report.doubleOutcomes).toBe(0);
}, 60_000);
