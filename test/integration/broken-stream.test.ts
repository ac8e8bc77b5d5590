/** A stream that is not the fleet's ledger, or not any more: refused in one line at the start, and while an agent runs. */
import { connect, type JetStreamManager, type NatsConnection, type StreamConfig } from 'nats';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { joinFleet } from '../../src/index.ts';
import { endAgents, startAgent } from '../support/agent-process.ts';
import { agentWords, expectAnswer } from '../support/answers.ts';
import { conclave, startConclave } from '../support/command.ts';
import { withServer } from '../support/nats-server.ts';

vi.setConfig({ testTimeout: 90_000 });

const server = withServer();
let nc: NatsConnection;
let jsm: JetStreamManager;
let fleets = 0;

beforeAll(async () => {
  nc = await connect({ servers: server().url });
  jsm = await nc.jetstreamManager();
});
afterEach(async () => {
  await endAgents();
  // Each reserves a gigabyte of the server's disk.
  for await (const { config } of jsm.streams.list()) await jsm.streams.delete(config.name);
});
afterAll(async () => {
  await nc.close();
});

function newFleet(): string {
  fleets += 1;
  return `fleet_${fleets}`;
}

describe('the stream', () => {
  /** As Conclave makes it. */
  async function configFor(fleet: string): Promise<StreamConfig> {
    const model = newFleet();
    const agent = await joinFleet({ servers: server().url, fleet: model, id: 'model', handleSignals: false });
    await agent.leave();
    const { config } = await jsm.streams.info(`CONCLAVE_${model}`);
    return { ...config, name: `CONCLAVE_${fleet}`, subjects: [`_conclave.${fleet}.ledger`] };
  }

  test.each([
    ['another age', { max_age: 3_600e9 }, 'max_age is 3600000000000 and must be 0'],
    [
      'another storage',
      { storage: 'memory', max_bytes: 1_048_576 },
      'storage is "memory" and must be "file"',
    ],
    ['another retention', { retention: 'workqueue' }, 'retention is "workqueue" and must be "limits"'],
    ['other subjects', { subjects: ['elsewhere.%'] }, 'subjects is ["elsewhere.'],
    ['another way to discard', { discard: 'old' }, 'discard is "old" and must be "new"'],
    ['too few bytes', { max_bytes: 1_048_576 }, 'max_bytes is 1048576 and must be a limit of at least'],
  ])('of that name has %s', async (_, change, wrong) => {
    const fleet = newFleet();
    const changed = JSON.parse(JSON.stringify(change).replace('%', fleet)) as Partial<StreamConfig>;
    await jsm.streams.add({ ...(await configFor(fleet)), ...changed });
    const at = ['--servers', server().url, '--fleet', fleet];
    const says = [`stream CONCLAVE_${fleet}`, wrong, `nats stream edit CONCLAVE_${fleet}`];
    await expectAnswer({ words: [...agentWords, ...at], says, exitCode: 1 });
    await expectAnswer({ words: ['verify', ...at], says, exitCode: 1 });
  });

  test('of that name is somebody else’s', async () => {
    const fleet = newFleet();
    const config = await configFor(fleet);
    await jsm.streams.add(config);
    await nc.jetstream().publish(config.subjects[0] ?? '', 'not an entry');
    await expectAnswer({
      words: [...agentWords, '--servers', server().url, '--fleet', fleet],
      says: ['ledger entry 1 is not an entry of a known version', 'conclave verify'],
      exitCode: 1,
    });
    expect((await jsm.streams.info(config.name)).state.last_seq).toBe(1);
  });

  test('cannot be made, since another one has its subject', async () => {
    const fleet = newFleet();
    await jsm.streams.add({ name: `GREEDY_${fleet}`, subjects: [`_conclave.${fleet}.>`] });
    await expectAnswer({
      words: [...agentWords, '--servers', server().url, '--fleet', fleet],
      says: ['another stream captures its subject', 'narrow or remove that one'],
      exitCode: 1,
    });
  });

  test('was shortened, and no snapshot covers what is gone', async () => {
    const fleet = newFleet();
    const agent = await joinFleet({ servers: server().url, fleet, id: 'ada', handleSignals: false });
    await agent.fleet.submit({ type: 'x' });
    await agent.leave();
    const stream = `CONCLAVE_${fleet}`;
    await jsm.streams.purge(stream, { seq: 3 });
    const { last_seq: last } = (await jsm.streams.info(stream)).state;
    const at = ['--servers', server().url, '--fleet', fleet];
    const says = [/begins at (entry )?3, and no snapshot covers the entries before it/];
    await expectAnswer({ words: [...agentWords, ...at], says, exitCode: 1 });
    await expectAnswer({ words: ['verify', ...at], says: [...says, 'backup'], exitCode: 1 });
    await expectAnswer({ words: ['replay', ...at], says: [...says, 'backup'], exitCode: 1 });
    expect((await jsm.streams.info(stream)).state.last_seq).toBe(last);
  });

  test('asks for three replicas on one server', async () => {
    const failure = joinFleet({
      servers: server().url,
      fleet: newFleet(),
      id: 'ada',
      replicas: 3,
      handleSignals: false,
    });
    await expect(failure).rejects.toMatchObject({ code: 'LEDGER_MISCONFIGURED' });
    await expect(failure).rejects.toThrow('ask for 1 replica');
  });
});

test('deleted while nobody ran: its snapshots tell, an agent that starts says what to do, and a new ledger is not begun', async () => {
  const fleet = newFleet();
  const settings = ['snapshotEntries=5', 'snapshotLookMs=100', 'appendResignReplicatedMs=5000'];
  const set = settings.flatMap((each) => ['--set', `settings.${each}`]);
  const words = [...agentWords, '--servers', server().url, '--fleet', fleet, ...set];
  const agent = startConclave(words);
  await agent.line(/ada has joined/);
  const snapshots = `CONCLAVE-SNAPSHOTS_${fleet}`;
  const isThere = async (): Promise<boolean> => {
    await conclave(['submit', 'x', '--wait', '--servers', server().url, '--fleet', fleet]);
    const info = await jsm.streams.info(snapshots).catch(() => null);
    return (info?.state.messages ?? 0) > 1;
  };
  await expect.poll(isThere, { timeout: 60_000 }).toBe(true);
  agent.signal('SIGTERM');
  await agent.ended;
  await jsm.streams.delete(`CONCLAVE_${fleet}`);
  const { exitCode, stderr } = await startConclave(words).ended;
  expect(exitCode).toBe(1);
  const said = stderr.trim().split('\n').at(-1) ?? '';
  expect(said).toMatch(/^conclave: .*the ledger is empty, and a snapshot of its entry \d+ is there/);
  expect(said).toContain(`nats stream rm ${snapshots}`);
  // As it says: then the fleet starts over.
  await jsm.streams.delete(snapshots);
  const over = startConclave(words);
  await over.line(/ada has joined/);
  over.signal('SIGTERM');
  await over.ended;
});

describe('while an agent runs, its stream', () => {
  /** What happens to it, and how the agent's last words begin. */
  const fates: readonly (readonly [string, (stream: string) => Promise<void>, RegExp])[] = [
    [
      'is deleted',
      async (stream) => {
        await jsm.streams.delete(stream);
      },
      /the ledger is empty or gone, and entry \d+ was in it: the stream was deleted/,
    ],
    [
      'is deleted and made anew',
      async (stream) => {
        const { config } = await jsm.streams.info(stream);
        await jsm.streams.delete(stream);
        await jsm.streams.add(config);
      },
      /the ledger is empty or gone, and entry \d+ was in it: the stream was deleted, recreated/,
    ],
    [
      'is put back to an older copy',
      async (stream) => {
        const { config, state } = await jsm.streams.info(stream);
        const copies = [];
        for (let seq = 1; seq < state.last_seq; seq += 1)
          copies.push(await jsm.streams.getMessage(stream, { seq }));
        await jsm.streams.delete(stream);
        await jsm.streams.add(config);
        for (const { data } of copies) await nc.jetstream().publish(config.subjects[0] ?? '', data);
      },
      /the ledger ends at entry \d+, and entry \d+ was in it: .*put back to an older copy/,
    ],
    [
      'is replaced by the ledger of another fleet',
      async (stream) => {
        const { config } = await jsm.streams.info(stream);
        await jsm.streams.delete(stream);
        const other = await startAgent({
          servers: server().url,
          fleet: stream.replace('CONCLAVE_', ''),
          id: 'other',
        });
        expect((await jsm.streams.info(stream)).config.name).toBe(config.name);
        other.signal('SIGKILL');
      },
      /the stream was (recreated|deleted, recreated)/,
    ],
    [
      'gets an entry of a stranger',
      async (stream) => {
        const { config } = await jsm.streams.info(stream);
        await nc.jetstream().publish(config.subjects[0] ?? '', 'not an entry');
      },
      /ledger entry \d+ is not an entry of a known version/,
    ],
  ];

  test.each(fates)(
    '%s: the agent says so, ends with exit code 1, and writes no more',
    async (_, change, words) => {
      const fleet = newFleet();
      const stream = `CONCLAVE_${fleet}`;
      const at = ['--servers', server().url, '--fleet', fleet];
      const agent = startConclave([...agentWords, ...at, '--set', 'settings.appendResignReplicatedMs=5000']);
      await agent.line(/ada has joined/);
      expect((await conclave(['submit', 'x', '--wait', ...at])).exitCode).toBe(0);
      await change(stream);
      const before = await lastOf(stream);
      // Whoever asks is not answered as if it had been stored.
      const refused = await conclave(['--timeout', '1000', 'submit', 'x', ...at]);
      expect(refused.exitCode).toBe(3);
      const { exitCode, stderr } = await agent.ended;
      expect(exitCode).toBe(1);
      expect(stderr.trim().split('\n').at(-1)).toMatch(new RegExp(`^conclave: .*${words.source}`));
      expect(stderr.trim().split('\n').at(-1)).toContain('start again only on the stream that is to be kept');
      expect(await lastOf(stream)).toEqual(before);
    },
  );

  async function lastOf(stream: string): Promise<{ last: number; bytes: number } | null> {
    try {
      const { state } = await jsm.streams.info(stream);
      return { last: state.last_seq, bytes: state.bytes };
    } catch {
      return null;
    }
  }
});
