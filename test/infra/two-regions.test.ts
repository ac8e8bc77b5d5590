/**
 * Two regions as infra/nats/two-regions configures them, with a slow link between them that a test cuts: three servers and
 * the ledger in west, one server in east, agents in both.
 */
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import {
  ConclaveError,
  connectFleet,
  joinFleet,
  verifyLedger,
  type Agent,
  type Fleet,
} from '../../src/index.ts';
import { login, startTwoRegions, type TwoRegions } from '../support/configured-servers.ts';
import { until } from '../support/until.ts';

/** Servers elect among themselves, and a fleet waits for what is silent, on a machine that may be busy. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
/** Less patience with a ledger that is out of reach than NATS's own fail-over needs: here it never fails over. */
const settings = { appendTimeoutMs: 1_000, appendResignMs: 4_000, appendResignReplicatedMs: 4_000 };
const ledgerPlacement = { cluster: 'west', tags: ['region:west'] };

let regions: TwoRegions;
let count = 0;
const agents: Agent[] = [];
const clients: Fleet[] = [];

beforeAll(async () => {
  regions = await startTwoRegions({ delayMs: 40 });
});
afterEach(async () => {
  regions.heal();
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await Promise.all(agents.splice(0).map((agent) => agent.leave()));
});
afterAll(() => regions.stop());

type Region = 'west' | 'east';

interface Scene {
  readonly fleet: string;
  readonly west: Fleet;
  readonly east: Fleet;
  /** In east, and soon gives up. */
  readonly hasty: Fleet;
  readonly join: (id: string, region: Region, priority: number) => Promise<Agent>;
}

async function scene(): Promise<Scene> {
  count += 1;
  const fleet = `regions_${count}`;
  const clientIn = async (region: Region, timeoutMs = 30_000): Promise<Fleet> => {
    const client = await connectFleet({
      servers: regions.urls(region),
      fleet,
      ...login,
      timeoutMs,
      log: silent,
    });
    clients.push(client);
    return client;
  };
  return {
    fleet,
    west: await clientIn('west'),
    east: await clientIn('east'),
    hasty: await clientIn('east', 1_000),
    join: async (id, region, priority) => {
      const agent = await joinFleet({
        servers: regions.urls(region),
        fleet,
        ...login,
        id,
        priority,
        capabilities: [region],
        slots: 4,
        replicas: 3,
        ledgerPlacement,
        settings,
        handleSignals: false,
        log: silent,
        tasks: { echo: (task) => ({ echo: task.payload, by: id }) },
      });
      agents.push(agent);
      return agent;
    },
  };
}

async function refusalOf(call: Promise<unknown>): Promise<ConclaveError> {
  const error = await call.then(
    () => null,
    (problem: unknown) => problem,
  );
  if (!(error instanceof ConclaveError)) throw new Error(`not refused: ${String(error)}`);
  return error;
}

async function echoed(client: Fleet, capability?: Region): Promise<unknown> {
  const required = capability === undefined ? {} : { requiredCapabilities: [capability] };
  const task = await client.submit({ type: 'echo', payload: 7, ...required });
  return task.result();
}

async function ledgerOf(fleet: string): Promise<{ problems: unknown; leaders: string[] }> {
  const report = await verifyLedger({ servers: regions.urls('west'), fleet, ...login, log: silent });
  return {
    problems: [...report.problems],
    leaders: report.terms.map(({ term, leader }) => `${term} ${leader}`),
  };
}

function aliveSeenBy(client: Fleet): Promise<string[]> {
  return client.agents({ state: 'alive' }).then((found) => found.map(({ id }) => id));
}

test('the ledger stands where it is placed, also when an agent of the other region creates it', async () => {
  const { fleet, join, east } = await scene();
  await join('east_1', 'east', 1);
  expect(await echoed(east)).toEqual({ echo: 7, by: 'east_1' });
  const streams = await Promise.all(
    regions.servers.map(async ({ name, monitorUrl }) => {
      const answer = await fetch(`${monitorUrl}/jsz?streams=true`);
      return (await answer.text()).includes(`"CONCLAVE_${fleet}"`) ? [name] : [];
    }),
  );
  expect(streams.flat()).toEqual(['west-a', 'west-b', 'west-c']);
});

test('a cut link leaves the region of the ledger at work and tells the other that nobody leads', async () => {
  const { fleet, join, west, east, hasty } = await scene();
  await join('west_1', 'west', 9);
  for (const id of ['west_2', 'west_3']) await join(id, 'west', 1);
  const away = [await join('east_1', 'east', 2), await join('east_2', 'east', 2)];
  expect(await echoed(west, 'east')).toMatchObject({ echo: 7 });
  expect(await echoed(east, 'west')).toMatchObject({ echo: 7 });

  regions.cut();
  expect(await echoed(west)).toMatchObject({ echo: 7 });
  // A standby of its own region says so.
  await until(async () => !(await east.status()).hasLeader);
  expect(await east.status()).toMatchObject({ leader: null, health: 'unhealthy' });
  const refusal = refusalOf(hasty.submit({ type: 'echo', payload: 8 }));
  expect(await refusal).toMatchObject({ code: 'NO_LEADER', isRetryable: true });
  await until(async () => (await west.status()).agents.dead === 2);
  expect(away.map(({ isLeader }) => isLeader)).toEqual([false, false]);
  expect(await west.status()).toMatchObject({ leader: 'west_1', term: 1 });

  regions.heal();
  const everybody = ['east_1', 'east_2', 'west_1', 'west_2', 'west_3'];
  await until(async () => String((await aliveSeenBy(west)).sort()) === String(everybody));
  expect(await echoed(east, 'east')).toMatchObject({ echo: 7 });
  expect(await ledgerOf(fleet)).toEqual({ problems: [], leaders: ['1 west_1'] });
});

test.each(['cut', 'stall'] as const)(
  'a leader in the other region leads no more after a %s, and the region of the ledger elects',
  async (how) => {
    const { fleet, join, west } = await scene();
    const first = await join('east_1', 'east', 9);
    for (const [id, priority] of [
      ['west_1', 3],
      ['west_2', 2],
    ] as const)
      await join(id, 'west', priority);
    expect(await echoed(west, 'west')).toMatchObject({ echo: 7 });
    expect(first.isLeader).toBe(true);

    regions[how]();
    expect(await echoed(west)).toMatchObject({ echo: 7 });
    expect((await west.status()).leader).toMatch(/^west_/);
    await until(() => !first.isLeader);

    regions.heal();
    await until(async () => (await aliveSeenBy(west)).includes('east_1') && first.state.includes('active'));
    expect(await echoed(west, 'east')).toEqual({ echo: 7, by: 'east_1' });
    const { problems, leaders } = await ledgerOf(fleet);
    expect(problems).toEqual([]);
    expect(leaders[0]).toBe('1 east_1');
    expect(leaders.slice(1).filter((each) => !each.includes('west_'))).toEqual([]);
  },
);
