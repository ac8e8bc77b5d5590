/** A nats-server that says that it is going: its leader hands over before the connection is gone. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { connect } from 'nats';
import { afterEach, expect, test } from 'vitest';
import { connectFleet, joinFleet, type Agent, type Fleet } from '../../src/index.ts';
import { findNatsServer } from '../../src/nats/server-binary.ts';
import { freePort } from '../support/free-port.ts';
import { binary } from '../support/nats-server.ts';
import { startRawServer, type RawServer } from '../support/raw-server.ts';

const agents: Agent[] = [];
const fleets: Fleet[] = [];
const servers: RawServer[] = [];

afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.leave().catch(() => undefined)));
  await Promise.all(fleets.splice(0).map((fleet) => fleet.close()));
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

/** Three, so that the ledger outlives the one that goes. */
async function cluster(): Promise<readonly RawServer[]> {
  const ports = await Promise.all([1, 2, 3].map(() => freePort()));
  const routes = ports.map((port) => `"nats-route://127.0.0.1:${port}"`).join(', ');
  for (const [i, port] of ports.entries()) {
    const server = await startRawServer(`
      server_name: "n${i}"
      jetstream { store_dir: "$FOLDER/js" }
      cluster { name: "c", listen: "127.0.0.1:${port}", routes: [${routes}] }
      lame_duck_duration: "30s"
      lame_duck_grace_period: "5s"
    `);
    servers.push(server);
  }
  return servers;
}

/** Until the servers have found each other: a stream with three copies can be made. */
async function untilTheyAreOne(url: string): Promise<void> {
  const connection = await connect({ servers: url });
  for (;;) {
    try {
      const manager = await connection.jetstreamManager();
      await manager.streams.add({ name: 'PROBE', subjects: ['probe'], num_replicas: 3 });
      break;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  await connection.close();
}

test('a leader whose server goes into lame duck mode hands over at once, and one on another server leads', async () => {
  const [going, staying] = (await cluster()) as [RawServer, RawServer];
  await untilTheyAreOne(staying.url);
  const fleet = 'lame_duck';
  const tasks = { echo: (task: { payload: unknown }) => task.payload };
  const join = async (id: string, url: string, priority: number): Promise<Agent> => {
    const agent = await joinFleet({
      servers: url,
      fleet,
      id,
      priority,
      tasks,
      replicas: 3,
      handleSignals: false,
    });
    agents.push(agent);
    return agent;
  };
  const leader = await join('ada', going.url, 9);
  await join('bob', staying.url, 1);
  const client = await connectFleet({ servers: staying.url, fleet });
  fleets.push(client);
  expect(await client.status()).toMatchObject({ leader: 'ada', term: 1 });
  const lost = new Promise((resolve) => {
    client.onEvent('leader.lost', resolve);
  });
  const { path } = await findNatsServer({ binary });
  await promisify(execFile)(path, ['--signal', `ldm=${going.pid}`]);
  expect(await lost).toMatchObject({ leader: 'ada', term: 1, reason: 'lameDuck' });
  const task = await client.submit({ type: 'echo', payload: 'still here' });
  expect(await task.result()).toBe('still here');
  expect(await client.status()).toMatchObject({ leader: 'bob', term: 2, election: { cause: 'handover' } });
  expect(leader.isLeader).toBe(false);
}, 60_000);
