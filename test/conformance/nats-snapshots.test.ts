/** The store of snapshots on a real broker: its stream, its parts, and what only a broker can do to them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LedgerConnection, SaveOutcome } from '../../src/ports.ts';
import type { Request } from '../../src/nats/jetstream-api.ts';
import { openNatsPorts } from '../../src/nats/ports.ts';
import { startPrivateServer } from '../../src/nats/private-server.ts';
import { realRandom } from '../../src/nats/random.ts';
import { contentHash } from '../../src/nats/snapshot-manifest.ts';
import { SnapshotParts } from '../../src/nats/snapshot-parts.ts';
import { leftoversOf, surveySnapshots } from '../../src/nats/snapshot-survey.ts';
import { NatsSnapshots } from '../../src/nats/snapshots.ts';
import { binary, withServer } from '../support/nats-server.ts';
import { startRawServer } from '../support/raw-server.ts';
import { makeNatsWorld, type NatsWorld } from './nats-world.ts';
import { bytes, listed, load, noise, openLedger, save, saved } from './patience.ts';

/** Three chunks. */
const LARGE = 1_200_001;
const CHUNK = 512 * 1024;

const server = withServer();
let world: NatsWorld;
let ledger: LedgerConnection;
beforeEach(async () => {
  world = await makeNatsWorld(server());
  ledger = await openLedger(world, await world.ledger('a'));
});
afterEach(() => world.stop());

const streams = (): Promise<string[]> =>
  world.manage(async (manager) => {
    const names: string[] = [];
    for await (const { config } of manager.streams.list()) names.push(config.name);
    return names;
  });

/** The store over the bus's requests, each of which `before` sees first and may hold back. */
async function storeBehind(before: (subject: string) => Promise<void>): Promise<NatsSnapshots> {
  const bus = await world.bus('a');
  const request: Request = (message, done) => {
    void before(message.subject).then(() => bus.request(message, done));
    return () => undefined;
  };
  const { snapshots: subjects } = world;
  const wish = () => ({ stream: subjects.stream, subject: subjects.all, bytesMax: world.ledgerBytesMax });
  const log = { warn: () => undefined, error: () => undefined };
  const payloadBytesMax = () => bus.payloadBytesMax;
  return new NatsSnapshots({
    request,
    subjects,
    wish,
    mayCreate: true,
    payloadBytesMax,
    random: realRandom,
    log,
  });
}

const saveWith = (store: NatsSnapshots, data: Uint8Array): Promise<SaveOutcome> =>
  new Promise((resolve) => store.saveSnapshot({ sequence: 1, data }, resolve));

describe('the stream of the snapshots', () => {
  it('is made by the first save, and not by looking', async () => {
    await listed(world, ledger);
    await load(world, ledger, '1-x');
    expect(await streams()).not.toContain(world.snapshots.stream);
    await saved(world, ledger, { sequence: 1, data: bytes('x') });
    const { config } = await world.manage((manager) => manager.streams.info(world.snapshots.stream));
    expect(config).toMatchObject({
      name: `CONCLAVE-SNAPSHOTS_${world.fleet}`,
      subjects: [`_conclave.${world.fleet}.snapshot.>`],
      storage: 'file',
      discard: 'new',
      num_replicas: 1,
      max_bytes: world.ledgerBytesMax,
      deny_delete: true,
      deny_purge: false,
      allow_direct: false,
    });
  });

  it('is not made by a process that may not create', async () => {
    const log = { warn: () => undefined, error: () => undefined };
    const address = { servers: server().url, role: 'test', id: 'b', fleet: world.fleet, log };
    const ledgerBytesMax = world.ledgerBytesMax;
    const ports = await openNatsPorts({ ...address, ledgerBytesMax, mayCreate: false });
    const other = await openLedger(world, ports.ledger);
    expect(await save(world, other, { sequence: 1, data: bytes('x') })).toMatchObject({
      kind: 'unavailable',
    });
    expect(await listed(world, other)).toEqual([]);
    expect(await streams()).not.toContain(world.snapshots.stream);
    await ports.close();
  });

  it('that is not as it must be takes no snapshot, and says why; what it has can be read', async () => {
    const name = await saved(world, ledger, { sequence: 1, data: bytes('x') });
    await world.manage(async (manager) => {
      const { config } = await manager.streams.info(world.snapshots.stream);
      await manager.streams.update(config.name, { ...config, max_age: 3_600_000_000_000 });
    });
    const other = await openLedger(world, await world.ledger('b'));
    const outcome = await save(world, other, { sequence: 2, data: bytes('y') });
    expect(outcome.kind === 'unavailable' && outcome.reason).toContain('max_age');
    expect(world.logged.filter((line) => line.includes('snapshots cannot be saved'))).toHaveLength(1);
    expect((await load(world, other, name)).kind).toBe('snapshot');
  });

  it('that was deleted is made again by the second save that follows', async () => {
    await saved(world, ledger, { sequence: 1, data: bytes('x') });
    await world.manage((manager) => manager.streams.delete(world.snapshots.stream));
    expect((await save(world, ledger, { sequence: 2, data: bytes('x') })).kind).toBe('unavailable');
    await saved(world, ledger, { sequence: 3, data: bytes('x') });
    expect((await listed(world, ledger)).map(({ sequence }) => sequence)).toEqual([3]);
  });

  it('outlives a kill of its server', async () => {
    const own = await startPrivateServer({ binary });
    const local = await makeNatsWorld(own);
    const data = noise(LARGE);
    const name = await saved(local, await openLedger(local, await local.ledger('a')), { sequence: 1, data });
    await own.kill('SIGKILL');
    await own.restart();
    const loaded = await load(local, await openLedger(local, await local.ledger('b')), name);
    expect(loaded.kind === 'snapshot' && Buffer.compare(loaded.data, data)).toBe(0);
    await local.stop();
    await own.stop();
  });
});

describe('a snapshot', () => {
  it('that has lost a chunk is not listed any more, and is corrupt', async () => {
    const name = await saved(world, ledger, { sequence: 1, data: noise(LARGE) });
    await world.manage((manager) =>
      manager.streams.purge(world.snapshots.stream, { filter: world.snapshots.chunk(name, 1) }),
    );
    expect(await listed(world, ledger)).toEqual([]);
    expect(await load(world, ledger, name)).toMatchObject({ kind: 'corrupt' });
  });

  it('whose manifest was written over is not listed, and is corrupt', async () => {
    const data = noise(LARGE);
    const name = await saved(world, ledger, { sequence: 1, data });
    const whole = { v: 1, sequence: 1, bytes: LARGE, chunkBytes: CHUNK, hash: await contentHash(data) };
    const forgeries = [{ sequence: 2 }, { v: 2 }, { bytes: 1e15 }, { bytes: LARGE + 1e6 }, { chunkBytes: 0 }];
    for (const body of ['{', ...forgeries.map((change) => JSON.stringify({ ...whole, ...change }))]) {
      await world.manage((manager) => manager.jetstream().publish(world.snapshots.manifest(name), body));
      expect(await listed(world, ledger)).toEqual([]);
      expect(await load(world, ledger, name)).toMatchObject({ kind: 'corrupt' });
    }
  });

  it('has each part once: a second one is not stored', async () => {
    const data = noise(LARGE);
    const name = await saved(world, ledger, { sequence: 1, data });
    const bus = await world.bus('a');
    const parts = new SnapshotParts(bus.request.bind(bus), world.snapshots);
    for (const subject of [world.snapshots.chunk(name, 0), world.snapshots.manifest(name)]) {
      expect(await parts.store(subject, bytes('another'))).toMatchObject({ kind: 'unavailable' });
    }
    const loaded = await load(world, ledger, name);
    expect(loaded.kind === 'snapshot' && Buffer.compare(loaded.data, data)).toBe(0);
  });

  it('is cut into chunks that a broker with small messages takes', async () => {
    const small = await startRawServer('max_payload: 65536\njetstream { store_dir: "$FOLDER" }');
    const local = await makeNatsWorld(small);
    const connection = await openLedger(local, await local.ledger('a'));
    const data = noise(300_000);
    const name = await saved(local, connection, { sequence: 1, data });
    const loaded = await load(local, connection, name);
    expect(loaded.kind === 'snapshot' && Buffer.compare(loaded.data, data)).toBe(0);
    const { state } = await local.manage((manager) => manager.streams.info(local.snapshots.stream));
    expect(state.messages).toBe(Math.ceil(300_000 / 32_768) + 1);
    await local.stop();
    await small.stop();
  });

  it('is sent a few chunks at a time, and its manifest after all of them', async () => {
    const sent: string[] = [];
    const [open, waiting]: [(() => void)[], (() => void)[]] = [[], []];
    const store = await storeBehind((subject) => {
      const part = world.snapshots.partOf(subject);
      if (part === null) return Promise.resolve();
      sent.push(part.chunk === null ? 'manifest' : `${part.chunk}`);
      return new Promise((resolve) => {
        open.push(resolve);
        for (const look of waiting.splice(0)) look();
      });
    });
    const outcome = saveWith(store, noise(9 * CHUNK));
    for (let released = 0; released < 10; released += 1) {
      while (open.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
      expect(open.length).toBeLessThanOrEqual(4);
      open.shift()?.();
    }
    expect((await outcome).kind).toBe('saved');
    expect(sent).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', 'manifest']);
  });

  it('whose chunks are removed while it is being saved is not saved, and not listed', async () => {
    const store = await storeBehind(async (subject) => {
      const part = world.snapshots.partOf(subject);
      if (part?.chunk !== null) return;
      await world.manage((manager) =>
        manager.streams.purge(world.snapshots.stream, { filter: world.snapshots.chunk(part.name, 0) }),
      );
    });
    expect(await saveWith(store, noise(LARGE))).toMatchObject({ kind: 'unavailable' });
    expect(await listed(world, ledger)).toEqual([]);
  });

  it('that is dropped while it is read is missing, and not corrupt', async () => {
    const name = await saved(world, ledger, { sequence: 1, data: noise(LARGE) });
    let isFirst = true;
    const store = await storeBehind(async () => {
      // The first question is for the manifest; the next ones are for chunks.
      if (!isFirst)
        await new Promise<void>((resolve) => ledger.snapshots.dropSnapshot(name, () => resolve()));
      isFirst = false;
    });
    const outcome = new Promise((resolve) => store.loadSnapshot(name, resolve));
    expect(await outcome).toEqual({ kind: 'missing' });
  });
});

describe('an incomplete snapshot', () => {
  it('may be removed once its newest part is older than any save takes, and not before', async () => {
    await saved(world, ledger, { sequence: 1, data: bytes('x') });
    await world.manage(async (manager) => {
      const js = manager.jetstream();
      await js.publish(world.snapshots.chunk('7-left', 0), 'x');
      await js.publish(world.snapshots.chunk('7-left', 1), 'x');
    });
    const bus = await world.bus('a');
    const { snapshots: subjects } = world;
    const store = { parts: new SnapshotParts(bus.request.bind(bus), subjects), subjects };
    const survey = await surveySnapshots(store);
    if (survey.kind === 'unavailable') throw new Error(survey.reason);
    expect(survey.nowMs).not.toBeNull();
    const after = (ms: number): Promise<string[]> =>
      leftoversOf(store, { ...survey, nowMs: (survey.nowMs ?? 0) + ms }, 32);
    expect(await after(0)).toEqual([]);
    expect(await after(590_000)).toEqual([]);
    expect(await after(600_001)).toEqual(['7-left']);
    expect(await leftoversOf(store, { ...survey, nowMs: null }, 32)).toEqual([]);
  });

  it('is not removed by looking', async () => {
    await saved(world, ledger, { sequence: 1, data: bytes('x') });
    await world.manage((manager) => manager.jetstream().publish(world.snapshots.chunk('7-left', 0), 'x'));
    expect(await listed(world, ledger)).toHaveLength(1);
    expect(await world.heldSnapshots()).toEqual([expect.stringMatching(/^1-/), '7-left']);
  });
});
