/**
 * A ledger of three copies that is shortened while its fleet works and its servers die: three nats-servers, agents in
 * processes of their own. What begins later goes on from a snapshot, and has what the others have.
 */
import { afterEach, expect, test } from 'vitest';
import { openLedgerGauge, type LedgerGauge } from '../../bench/gauge.ts';
import { connectFleet, verifyLedger, type Fleet, type TaskHandle } from '../../src/index.ts';
import { endAgents, startAgent, type AgentProcess, type Copy } from '../support/agent-process.ts';
import { withCluster, type ServerName } from '../support/nats-cluster.ts';

const fleetName = 'copies';
const stream = `CONCLAVE_${fleetName}`;
const settings = { snapshotEntries: 60, snapshotLookMs: 100, endedTasksMax: 200 };

const cluster = withCluster();
const agents = new Map<string, AgentProcess>();
let client: Fleet | undefined;
let gauge: LedgerGauge | undefined;

afterEach(async () => {
  await endAgents();
  await gauge?.close();
  await client?.close();
});

async function start(id: string, priority: number): Promise<void> {
  const options = { servers: cluster().urls, fleet: fleetName, id, priority, settings, replicas: 3 } as const;
  agents.set(id, await startAgent(options));
}

/** Again and again while a server is away and nobody answers. */
async function until<T>(look: () => Promise<T | false>): Promise<T> {
  for (;;) {
    const found = await look().catch(() => false as const);
    if (found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Tasks without end, one after the other, until it is told to stop; then those that it submitted. */
function keepWorking(fleet: Fleet): {
  readonly done: () => number;
  readonly stop: () => Promise<TaskHandle[]>;
} {
  const handles: TaskHandle[] = [];
  let isStopped = false;
  let done = 0;
  const loop = async (): Promise<void> => {
    while (!isStopped) {
      const handle = await fleet.submit({ type: 'echo', payload: done });
      handles.push(handle);
      await handle.outcome();
      done += 1;
    }
  };
  const loops = Promise.all([loop(), loop()]);
  return {
    done: () => done,
    stop: async () => {
      isStopped = true;
      await loops;
      return handles;
    },
  };
}

/** Until the ledger was shortened past where it ends now. */
async function untilShortened(ledger: LedgerGauge): Promise<void> {
  const { last } = await until(() => ledger.read());
  await until(async () => (await ledger.read()).first > last);
}

/** Until every process has every entry at the same moment. */
async function untilSame(): Promise<readonly Copy[]> {
  for (;;) {
    const copies = (await Promise.all([...agents.values()].map((agent) => agent.copy()))).filter(
      (copy) => copy !== null,
    );
    const isSame = new Set(copies.map(({ sequence }) => sequence)).size === 1;
    if (isSame && copies.length === agents.size) return copies;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const otherThan = (name: ServerName | null): ServerName => (name === 'one' ? 'two' : 'one');

test('a ledger of three copies is shortened while servers are killed, and whoever comes later goes on from a snapshot', async () => {
  await start('a', 3);
  await start('b', 2);
  client = await connectFleet({ servers: cluster().urls, fleet: fleetName, timeoutMs: 60_000 });
  gauge = await openLedgerGauge(cluster().urls, fleetName);
  const work = keepWorking(client);
  await untilShortened(gauge);

  // A copy that is away while the ledger is shortened, and comes back.
  const follower = otherThan((await until(() => cluster().standing(stream))).leader);
  await cluster().kill(follower);
  await untilShortened(gauge);
  await start('c', 1);
  await cluster().restart(follower);
  await until(async () => (await cluster().standing(stream)).isWhole);

  // The one that leads the stream, in the middle of the work.
  const { leader } = await until(() => cluster().standing(stream));
  await cluster().kill(leader ?? 'one');
  await untilShortened(gauge);
  await cluster().restart(leader ?? 'one');
  await until(async () => (await cluster().standing(stream)).isWhole);

  // Who has never seen the purged entries leads.
  for (const id of ['a', 'b']) {
    agents.get(id)?.signal('SIGKILL');
    agents.delete(id);
  }
  await start('d', 0);
  await until(async () => (await client?.status())?.leader === 'c');
  const done = work.done();
  await until(() => Promise.resolve(work.done() > done + 10));
  const handles = await work.stop();

  const copies = await untilSame();
  expect(copies).toHaveLength(2);
  expect(new Set(copies.map(({ hash }) => hash)).size).toBe(1);
  const report = await verifyLedger({ servers: cluster().urls, fleet: fleetName });
  expect(report.problems).toEqual([]);
  expect(report.snapshotSequence).toBeGreaterThan(0);
  expect(report.doubleOutcomes).toBe(0);
  expect(report.outcomes).toEqual({ completed: handles.length, failed: 0, cancelled: 0 });
}, 240_000);
