/** What the doctor finds on real servers: nothing on a healthy one, and on each sick one what is wrong and what to do. */
import { connect, type NatsConnection, type StreamConfig } from 'nats';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Finding } from '../../src/cli/doctor/finding.ts';
import { examine } from '../../src/cli/doctor/examine.ts';
import { joinFleet, type Agent, type JoinOptions } from '../../src/index.ts';
import { realClock } from '../../src/nats/clock.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { startAgent, endAgents } from '../support/agent-process.ts';
import { conclave } from '../support/command.ts';
import { withServer } from '../support/nats-server.ts';
import { startRawServer, type RawServer } from '../support/raw-server.ts';

vi.setConfig({ testTimeout: 60_000 });

const server = withServer();
const agents: Agent[] = [];
const connections: NatsConnection[] = [];
const servers: RawServer[] = [];
let count = 0;

afterEach(async () => {
  await endAgents();
  await Promise.all(agents.splice(0).map((agent) => agent.leave().catch(() => undefined)));
  await Promise.all(connections.splice(0).map((nc) => nc.close()));
  await Promise.all(servers.splice(0).map((each) => each.stop()));
});

async function raw(config: string): Promise<RawServer> {
  const started = await startRawServer(config);
  servers.push(started);
  return started;
}

async function nats(servers: string): Promise<NatsConnection> {
  const nc = await connect({ servers });
  connections.push(nc);
  return nc;
}

async function join(options: Partial<JoinOptions>): Promise<Agent> {
  const tasks = { double: (task: { payload: unknown }) => Number(task.payload) * 2 };
  const agent = await joinFleet({
    servers: server().url,
    id: 'ada',
    handleSignals: false,
    tasks,
    ...options,
  });
  agents.push(agent);
  return agent;
}

function newFleet(): string {
  count += 1;
  return `fleet_${count}`;
}

/** Short: what a fleet that is small and new beats in. */
const listenMs = 1_500;

function one(findings: readonly Finding[], check: string): Finding {
  const found = findings.filter((each) => each.check === check);
  expect(found, check).toHaveLength(1);
  return found[0] as Finding;
}

function bad(findings: readonly Finding[]): string[] {
  return findings
    .filter(({ verdict }) => verdict === 'warning' || verdict === 'error')
    .map(({ check }) => check);
}

describe('a healthy fleet', () => {
  test('is found to be one: exit code 0, a line per check, and only fsync is not known', async () => {
    const fleet = newFleet();
    await join({ fleet });
    const { exitCode, stdout, stderr } = await conclave([
      'doctor',
      '--servers',
      server().url,
      '--fleet',
      fleet,
    ]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const lines = stdout.trim().split('\n');
    const notOk = lines.filter((line) => !line.startsWith('ok '));
    expect(notOk).toHaveLength(1);
    expect(notOk[0]).toMatch(/^unknown +fsync: .* → set `sync_interval: always`/);
    expect(lines.length).toBeGreaterThan(14);
  });

  test('every finding that is not ok says what to do, also as JSON', async () => {
    const fleet = newFleet();
    const { exitCode, stdout } = await conclave([
      'doctor',
      '--json',
      '--servers',
      server().url,
      '--fleet',
      fleet,
    ]);
    expect(exitCode).toBe(1);
    const { findings, verdict } = JSON.parse(stdout) as { findings: Finding[]; verdict: string };
    expect(verdict).toBe('error');
    for (const each of findings) expect(each.advice === null, each.check).toBe(each.verdict === 'ok');
    expect(one(findings, 'leader')).toMatchObject({
      verdict: 'error',
      advice: expect.stringContaining('start an agent'),
    });
  });

  test('with a task that nobody can take gets a warning, and exit code 4', async () => {
    const fleet = newFleet();
    const { fleet: client } = await join({ fleet });
    await client.submit({ type: 'paint' });
    const { exitCode, stdout } = await conclave(['doctor', '--servers', server().url, '--fleet', fleet]);
    expect(exitCode).toBe(4);
    expect(stdout).toMatch(
      /^warning +health: degraded: 1 pending task is of type `paint`.*→ start an agent/m,
    );
  });
});

describe('a server', () => {
  test.each([
    ['always', 'ok', 'before each acknowledgement'],
    ['lazy', 'warning', 'some time after the acknowledgement'],
  ] as const)('that is said to write to disk %s: %s, and who says so', async (fsync, verdict, found) => {
    const fleet = newFleet();
    const own = await examine({ servers: server().url, fleet, listenMs, fsync });
    expect(one(own, 'fsync')).toMatchObject({
      verdict,
      found: `${found}, as the configuration asserts`,
    });
    await join({ fleet, fsync, log: silentLog });
    const theirs = await examine({ servers: server().url, fleet, listenMs });
    expect(one(theirs, 'fsync')).toMatchObject({ verdict, found: `${found}, as the agents were told` });
  });

  test('without JetStream: how to turn it on', async () => {
    const { url } = await raw('');
    const findings = await examine({ servers: url, listenMs });
    expect(one(findings, 'JetStream')).toMatchObject({
      verdict: 'error',
      advice: expect.stringContaining('nats-server -js'),
    });
  });

  test('with a small max_payload: which number it must be', async () => {
    const { url } = await raw('max_payload: 65536\njetstream { store_dir: "$FOLDER/js" }');
    const findings = await examine({ servers: url, listenMs });
    expect(one(findings, 'message size')).toMatchObject({
      verdict: 'error',
      found: expect.stringContaining('65536'),
      advice: expect.stringContaining('900000'),
    });
  });

  test('with limits that are used up: which limit to raise', async () => {
    const { url } = await raw(`jetstream { store_dir: "$FOLDER/js" }
accounts { A { jetstream { max_streams: 1, max_store: 2000000 }, users: [{ user: a, password: a }] } }`);
    const nc = await connect({ servers: url, user: 'a', pass: 'a' });
    connections.push(nc);
    await (await nc.jetstreamManager()).streams.add({ name: 'OTHER', subjects: ['other'], max_bytes: 1_000 });
    const findings = await examine({ servers: url, user: 'a', pass: 'a', listenMs });
    expect(one(findings, 'account limits')).toMatchObject({
      verdict: 'error',
      advice: expect.stringContaining('limit of streams'),
    });
  });

  test('whose user may not ask, hear or read: each is named, with the permission that is missing', async () => {
    const { url } = await raw(`jetstream { store_dir: "$FOLDER/js" }
authorization { users: [
  { user: all, password: all }
  { user: few, password: few, permissions: {
    publish: { deny: ["conclave.*.api.>", "_conclave.>"] }, subscribe: { deny: ["conclave.*.event.>"] } } }
] }`);
    const fleet = newFleet();
    await join({ servers: url, user: 'all', pass: 'all', fleet });
    const findings = await examine({ servers: url, user: 'few', pass: 'few', fleet, listenMs });
    const refused = findings.filter(({ check }) => check === 'permissions');
    expect(refused.map(({ verdict, found }) => `${verdict} ${found}`).sort()).toEqual([
      `error may not publish to conclave.${fleet}.api.agents: the fleet cannot be asked`,
      `error may not publish to conclave.${fleet}.api.status: the fleet cannot be asked`,
      `warning may not subscribe to conclave.${fleet}.event.>: its events cannot be seen`,
    ]);
    expect(refused[0]?.advice).toContain('allow');
    expect(one(findings, 'private subjects')).toMatchObject({ verdict: 'unknown' });
    expect(one(findings, 'leader').advice).toContain('permissions');
  });
});

describe('a ledger', () => {
  async function editStream(fleet: string, change: Partial<StreamConfig>): Promise<void> {
    const nc = await nats(server().url);
    const { streams } = await nc.jetstreamManager();
    await streams.update(`CONCLAVE_${fleet}`, change);
  }

  test('whose stream is otherwise configured: every field that is wrong', async () => {
    const fleet = newFleet();
    await join({ fleet });
    await editStream(fleet, { max_age: 3_600e9, max_msgs: 1_000_000 });
    const findings = await examine({ servers: server().url, fleet, listenMs });
    expect(one(findings, 'ledger stream')).toMatchObject({
      verdict: 'error',
      found: expect.stringMatching(
        /max_age is 3600000000000 and must be 0.*max_msgs is 1000000 and must be -1/,
      ),
      advice: expect.stringContaining(`nats stream edit CONCLAVE_${fleet}`),
    });
  });

  test('that is nearly full: that submits are refused, and what makes room', async () => {
    const fleet = newFleet();
    const { fleet: client } = await join({ fleet, settings: { snapshotLookMs: 600_000 } });
    const payload = 'x'.repeat(200_000);
    await Promise.all(Array.from({ length: 10 }, () => client.submit({ type: 'paint', payload })));
    await editStream(fleet, { max_bytes: 2_200_000 });
    const findings = await examine({ servers: server().url, fleet, listenMs });
    expect(one(findings, 'ledger space')).toMatchObject({
      verdict: 'error',
      found: expect.stringContaining('submits and proposals are refused'),
      advice: expect.stringContaining('max_bytes'),
    });
  });

  test('that was deleted, and whose snapshots were not: that they are of entries that are no more', async () => {
    const fleet = newFleet();
    const often = { snapshotEntries: 5, snapshotLookMs: 100 };
    const agent = await join({ fleet, settings: often });
    const nc = await nats(server().url);
    const jsm = await nc.jetstreamManager();
    const has = async (): Promise<boolean> => {
      await agent.fleet.submit({ type: 'paint' });
      const { state } = await jsm.streams.info(`CONCLAVE-SNAPSHOTS_${fleet}`).catch(() => ({ state: null }));
      return (state?.messages ?? 0) > 1;
    };
    await expect.poll(has, { timeout: 30_000 }).toBe(true);
    await agent.leave();
    const { config } = await jsm.streams.info(`CONCLAVE_${fleet}`);
    await jsm.streams.delete(config.name);
    await jsm.streams.add(config);
    const findings = await examine({ servers: server().url, fleet, listenMs });
    expect(one(findings, 'snapshots')).toMatchObject({
      verdict: 'error',
      found: expect.stringMatching(/one of entry \d+, and the ledger ends at 0: the stream was deleted/),
      advice: expect.stringContaining('restore the ledger'),
    });
  });

  test('that lost its beginning: that nobody can join, and what to do', async () => {
    const fleet = newFleet();
    await (await join({ fleet })).fleet.submit({ type: 'paint' });
    const nc = await nats(server().url);
    await (await nc.jetstreamManager()).streams.purge(`CONCLAVE_${fleet}`, { seq: 2 });
    const findings = await examine({ servers: server().url, fleet, listenMs });
    expect(one(findings, 'snapshots')).toMatchObject({
      verdict: 'error',
      found: expect.stringContaining('begins at entry 2, and no snapshot covers'),
      advice: expect.stringContaining('backup'),
    });
  });
});

describe('somebody', () => {
  test('who listens on the private subjects: an error that says how to find them', async () => {
    const fleet = newFleet();
    (await nats(server().url)).subscribe(`_conclave.${fleet}.>`);
    const findings = await examine({ servers: server().url, fleet, listenMs });
    expect(one(findings, 'private subjects')).toMatchObject({
      verdict: 'error',
      advice: expect.stringContaining('nats server report connections'),
    });
  });

  test('whose clock is ahead: by how much, and of what', async () => {
    const fleet = newFleet();
    await join({ fleet });
    const clock = { ...realClock, wallNow: () => realClock.wallNow() + 90_000 };
    const findings = await examine({ servers: server().url, fleet, listenMs, clock });
    expect(one(findings, 'clock')).toMatchObject({
      verdict: 'warning',
      found: "this machine's clock is 1 min ahead of the server's",
      advice: expect.stringContaining('NTP'),
    });
    expect(bad(findings)).toEqual(['clock']);
  });

  test('who is frozen is named', async () => {
    const fleet = newFleet();
    await join({ fleet });
    const frozen = await startAgent({ servers: server().url, fleet, id: 'eve', priority: -5 });
    frozen.signal('SIGSTOP');
    const findings = await examine({ servers: server().url, fleet, listenMs });
    frozen.signal('SIGCONT');
    expect(findings).toContainEqual(
      expect.objectContaining({
        check: 'agents',
        verdict: 'warning',
        found: expect.stringContaining('eve is '),
      }),
    );
  });

  test('who beats under an id that another process has: both are one too many', async () => {
    const fleet = newFleet();
    await join({ fleet });
    const nc = await nats(server().url);
    const heard = nc.subscribe(`conclave.${fleet}.agent.heartbeat.ada`, { max: 1 });
    for await (const { data } of heard) {
      const beat = { ...(JSON.parse(new TextDecoder().decode(data)) as object), incarnation: 'other' };
      const examining = examine({ servers: server().url, fleet, listenMs });
      const timer = setInterval(() => {
        nc.publish(`conclave.${fleet}.agent.heartbeat.ada`, JSON.stringify(beat));
      }, 100);
      const findings = await examining;
      clearInterval(timer);
      expect(one(findings, 'agents')).toMatchObject({ verdict: 'error', found: '2 processes beat as ada' });
    }
  });
});
