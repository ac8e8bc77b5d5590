/** A ledger that is shortened while its fleet works, on a real nats-server: what comes later goes on from a snapshot. */
import { connect, type NatsConnection } from 'nats';
import { afterEach, expect, test } from 'vitest';
import {
  connectFleet,
  joinFleet,
  startHttpServer,
  verifyLedger,
  type Agent,
  type HttpServer,
} from '../../src/index.ts';
import { withServer } from '../support/nats-server.ts';

const server = withServer();
const agents: Agent[] = [];
let http: HttpServer | undefined;
let watcher: NatsConnection | undefined;

afterEach(async () => {
  await http?.close();
  await Promise.all(agents.splice(0).map((agent) => agent.leave().catch(() => undefined)));
  await watcher?.close();
});

async function join(id: string): Promise<Agent> {
  const agent = await joinFleet({
    servers: server().url,
    id,
    handleSignals: false,
    slots: 4,
    settings: { snapshotEntries: 40, snapshotLookMs: 100, leaveGraceMs: 200 },
    tasks: { double: (task) => Number(task.payload) * 2 },
  });
  agents.push(agent);
  return agent;
}

async function firstOf(stream: string): Promise<number> {
  watcher ??= await connect({ servers: server().url });
  const manager = await watcher.jetstreamManager();
  return (await manager.streams.info(stream)).state.first_seq;
}

test('agents, servers and the check of the ledger go on from a snapshot, and nothing is lost', async () => {
  await Promise.all([join('ada'), join('bob')]);
  const client = await connectFleet({ servers: server().url });
  let done = 0;
  while ((await firstOf('CONCLAVE_default')) < 100) {
    const task = await client.submit({ type: 'double', payload: done });
    expect(await task.result()).toBe(done * 2);
    done += 1;
  }
  await Promise.all(agents.splice(0).map((agent) => agent.leave()));

  await join('cyd');
  http = await startHttpServer({ servers: server().url, port: 0 });
  const answer = await fetch(`${http.url}/coordination/status`);
  expect(await answer.json()).toMatchObject({ leader: 'cyd', tasks: { by_status: { completed: done } } });
  const task = await client.submit({ type: 'double', payload: 21 });
  expect(await task.result()).toBe(42);
  const report = await verifyLedger({ servers: server().url });
  expect(report.problems).toEqual([]);
  expect(report.snapshotSequence).toBeGreaterThan(0);
  expect(report.outcomes.completed).toBe(done + 1);
  await client.close();
});
