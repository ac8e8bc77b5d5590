/** The nats-server configurations of infra/nats: each is accepted, needs what it says it needs, and carries a fleet. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { connectFleet, joinFleet, verifyLedger, type Agent, type Fleet } from '../../src/index.ts';
import {
  checkConfiguration,
  exampleEnvironment,
  login,
  startOneNode,
  startThreeNodes,
  type ConfiguredServers,
} from '../support/configured-servers.ts';
import { root } from '../support/docs.ts';

/** A stream's new leader takes NATS up to ten seconds, on a machine that may be busy. */
vi.setConfig({ testTimeout: 120_000 });

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
let running: ConfiguredServers | null = null;
const agents: Agent[] = [];
const clients: Fleet[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await Promise.all(agents.splice(0).map((agent) => agent.leave()));
  await running?.stop();
  running = null;
});

describe('a configuration', () => {
  const single = { one: 'one-node.conf' };
  const three = { a: 'three-nodes/a.conf', b: 'three-nodes/b.conf', c: 'three-nodes/c.conf' };
  const regions = Object.fromEntries(
    ['west-a', 'west-b', 'west-c', 'east-a'].map((name) => [name, `two-regions/${name}.conf`]),
  );
  const files = Object.values({ ...single, ...three, ...regions });
  const example = exampleEnvironment();

  test.each(files)('%s is accepted by nats-server', async (file) => {
    expect(await checkConfiguration(file, example)).toMatch(/configuration file .* is valid/);
  });

  test.each(files)('%s names what it lacks', async (file) => {
    const { NATS_STORE_DIR: _, ...without } = example;
    expect(await checkConfiguration(file, without)).toMatch(/NATS_STORE_DIR/);
  });
});

test.each([
  ['a server of one-node.conf', 'always', true],
  ['one without `sync_interval: always`', '2m', undefined],
])(
  'the monitoring port of %s says whether it writes to disk before it acknowledges',
  async (_, sync, said) => {
    const folder = mkdtempSync(join(tmpdir(), 'conclave-sync-'));
    cpSync(join(root, 'infra/nats'), folder, { recursive: true });
    const common = join(folder, 'server.conf');
    const text = readFileSync(common, 'utf8');
    writeFileSync(common, text.replace('sync_interval: always', `sync_interval: ${sync}`));
    running = await startOneNode(join(folder, 'one-node.conf'));
    const answer = await fetch(`${running.servers[0]?.monitorUrl ?? ''}/varz`);
    const { jetstream } = (await answer.json()) as { jetstream: { config: { sync_always?: boolean } } };
    expect(jetstream.config.sync_always).toBe(said);
    rmSync(folder, { recursive: true, force: true });
  },
);

describe('a fleet', () => {
  test('on one server keeps what was acknowledged when the server is killed', async () => {
    running = await startOneNode();
    const where = { servers: running.urls(), fleet: 'one', log: silent };
    await expect(connectFleet({ ...where, user: login.user, pass: 'another' })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    await joined(where, 'only', { replicas: 1 });
    const client = await connected(where);
    const handles = await client.submitMany(
      Array.from({ length: 20 }, (_, i) => ({ type: 'echo', payload: i })),
    );
    const [server] = running.servers;
    await server?.kill();
    await server?.start();
    const results = await Promise.all(handles.map((handle) => handle.result()));
    expect(results).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  test('on three servers goes on when the one that leads its ledger is killed', async () => {
    running = await startThreeNodes();
    const where = { servers: running.urls(), fleet: 'three', log: silent };
    for (const id of ['first', 'second']) await joined(where, id, { replicas: 3 });
    const client = await connected(where);
    const batch = (): Promise<readonly { result(): Promise<unknown> }[]> =>
      client.submitMany(Array.from({ length: 50 }, () => ({ type: 'echo', payload: 1 })));
    const handles = [...(await batch())];
    const leader = await ledgerLeader(running, 'CONCLAVE_three');
    await running.named(leader).kill();
    handles.push(...(await batch()));
    expect(new Set(await Promise.all(handles.map((handle) => handle.result())))).toEqual(new Set([1]));
    await running.named(leader).start();
    const report = await verifyLedger({ ...where, ...login });
    expect(report).toMatchObject({ problems: [], doubleOutcomes: 0, tasks: { completed: 100 } });
  });
});

interface Where {
  readonly servers: readonly string[];
  readonly fleet: string;
  readonly log: typeof silent;
}

async function joined(where: Where, id: string, options: { readonly replicas: 1 | 3 }): Promise<void> {
  const tasks = { echo: (task: { payload: unknown }) => task.payload };
  agents.push(await joinFleet({ ...where, ...login, ...options, id, slots: 8, tasks, handleSignals: false }));
}

async function connected(where: Where): Promise<Fleet> {
  const client = await connectFleet({ ...where, ...login, timeoutMs: 60_000 });
  clients.push(client);
  return client;
}

interface StreamsPage {
  readonly account_details: readonly {
    readonly stream_detail: readonly {
      readonly name: string;
      readonly cluster: { readonly leader: string };
    }[];
  }[];
}

async function ledgerLeader({ servers }: ConfiguredServers, stream: string): Promise<string> {
  const answer = await fetch(`${servers[0]?.monitorUrl ?? ''}/jsz?streams=true`);
  const { account_details: accounts } = (await answer.json()) as StreamsPage;
  const found = accounts.flatMap((account) => account.stream_detail).find(({ name }) => name === stream);
  return found?.cluster.leader ?? '';
}
