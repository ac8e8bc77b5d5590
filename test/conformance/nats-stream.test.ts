/** Opening the ledger on a broker that is not as it should be: each time an error that says what to change. */
import { connect, type StreamConfig } from 'nats';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ConclaveError } from '../../src/domain/errors.ts';
import type { Request } from '../../src/nats/jetstream-api.ts';
import { NatsLedgerConnection } from '../../src/nats/ledger-connection.ts';
import { purgeUpTo } from '../../src/nats/stream-bounds.ts';
import type { AppendOutcome, Ledger, LedgerConnection, OpenOutcome } from '../../src/ports.ts';
import { openNatsPorts, type NatsPorts, type NatsPortsOptions } from '../../src/nats/ports.ts';
import { subjectsOf } from '../../src/wire/subjects.ts';
import { withServer } from '../support/nats-server.ts';
import { startRawServer } from '../support/raw-server.ts';

const server = withServer();
const ledgerBytesMax = 16 * 1024 ** 2;
const log = { warn: () => undefined, error: () => undefined };
let fleets = 0;
const opened: NatsPorts[] = [];
afterEach(async () => {
  for (const ports of opened.splice(0)) await ports.close();
});

async function open(options: Partial<NatsPortsOptions>): Promise<NatsPorts> {
  const address = { servers: server().url, role: 'test', id: 'a' };
  const ports = await openNatsPorts({ ...address, fleet: `f${++fleets}`, ledgerBytesMax, log, ...options });
  opened.push(ports);
  return ports;
}

function connectLedger(ledger: Ledger): Promise<OpenOutcome> {
  return new Promise((resolve) => ledger.connect(resolve));
}

async function connectionOf(fleet: string): Promise<LedgerConnection> {
  const outcome = await connectLedger((await open({ fleet })).ledger);
  if (outcome.kind !== 'opened') throw new Error(outcome.kind);
  return outcome.connection;
}

/** As the broker reports the stream that Conclave itself creates. */
async function ownConfig(fleet: string): Promise<StreamConfig> {
  await connectLedger((await open({ fleet })).ledger);
  const nc = await connect({ servers: server().url });
  const { config } = await (await nc.jetstreamManager()).streams.info(subjectsOf(fleet).stream);
  await nc.close();
  return config;
}

async function replaceStream(fleet: string, change: object): Promise<void> {
  const config = await ownConfig(fleet);
  const nc = await connect({ servers: server().url });
  const { streams } = await nc.jetstreamManager();
  await streams.delete(config.name);
  await streams.add({ ...config, ...change });
  await nc.close();
}

/** What is wrong with the stream, by field. */
async function fieldsRefused(fleet: string): Promise<string[]> {
  const outcome = await connectLedger((await open({ fleet })).ledger);
  if (outcome.kind !== 'broken' || !(outcome.error instanceof ConclaveError)) throw new Error(outcome.kind);
  expect(outcome.error.code).toBe('LEDGER_MISCONFIGURED');
  return outcome.error.fields.map(({ field }) => field);
}

describe('the stream', () => {
  it('is created as the ledger needs it, and accepted the next time', async () => {
    const fleet = `f${++fleets}`;
    expect(await ownConfig(fleet)).toMatchObject({
      name: `CONCLAVE_${fleet}`,
      subjects: [`_conclave.${fleet}.ledger`],
      storage: 'file',
      discard: 'new',
      num_replicas: 1,
      max_bytes: ledgerBytesMax,
      deny_delete: true,
      deny_purge: false,
      allow_direct: false,
    });
    expect(await connectLedger((await open({ fleet })).ledger)).toMatchObject({ kind: 'opened' });
  });

  it.each([
    ['discard', { discard: 'old' }],
    ['storage', { storage: 'memory' }],
    ['retention', { retention: 'interest' }],
    ['max_age', { max_age: 1e12 }],
    ['max_msgs', { max_msgs: 10 }],
    ['max_msgs_per_subject', { max_msgs_per_subject: 10 }],
    ['max_bytes', { max_bytes: 1024 ** 2 }],
    ['max_bytes', { max_bytes: -1 }],
    ['max_msg_size', { max_msg_size: 1024 }],
    ['max_consumers', { max_consumers: 2 }],
    ['deny_delete', { deny_delete: false }],
    ['deny_purge', { deny_purge: true }],
    ['allow_direct', { allow_direct: true }],
    ['allow_rollup_hdrs', { allow_rollup_hdrs: true }],
    ['allow_msg_ttl', { allow_msg_ttl: true }],
    ['no_ack', { no_ack: true }],
    ['subjects', { subjects: ['somewhere.else.%'] }],
    ['subject_transform', { subject_transform: { src: '>', dest: 'moved.>' } }],
    ['persist_mode', { persist_mode: 'async' }],
    ['sources', { sources: [{ name: 'elsewhere' }] }],
    ['republish', { republish: { src: '>', dest: 'told.>' } }],
    ['consumer_limits', { consumer_limits: { inactive_threshold: 1e9, max_ack_pending: 5 } }],
    ['first_seq', { first_seq: 100 }],
  ])('with another %s is refused by name (%j)', async (field, change) => {
    const fleet = `f${++fleets}`;
    await replaceStream(fleet, JSON.parse(JSON.stringify(change).replace('%', fleet)) as object);
    const outcome = await connectLedger((await open({ fleet })).ledger);
    expect(outcome).toMatchObject({
      kind: 'broken',
      error: { code: 'LEDGER_MISCONFIGURED', fields: [{ field }] },
    });
  });

  it.each([
    ['subjects', 'mirror', { subjects: [], mirror: { name: 'elsewhere' } }],
    ['discard', 'allow_msg_counter', { discard: 'old', allow_msg_counter: true }],
    ['discard', 'allow_msg_schedules', { discard: 'old', allow_msg_schedules: true }],
    ['allow_msg_ttl', 'subject_delete_marker_ttl', { subject_delete_marker_ttl: 1e10 }],
  ])('with another %s, as the broker wants it for %s, is refused for both', async (first, second, change) => {
    const fleet = `f${++fleets}`;
    await replaceStream(fleet, change);
    expect(await fieldsRefused(fleet)).toEqual(expect.arrayContaining([first, second]));
  });

  it('that was sealed since is refused by name', async () => {
    const fleet = `f${++fleets}`;
    const config = await ownConfig(fleet);
    const nc = await connect({ servers: server().url });
    const sealed: Partial<StreamConfig> = { ...config, sealed: true };
    await (await nc.jetstreamManager()).streams.update(config.name, sealed);
    await nc.close();
    expect(await fieldsRefused(fleet)).toContain('sealed');
  });

  it('gets appends that name the sequence they expect, and no message id', async () => {
    const fleet = `f${++fleets}`;
    const connection = await connectionOf(fleet);
    const stored = await new Promise<AppendOutcome>((resolve) =>
      connection.append({ data: new Uint8Array([1]), expectedLast: 0, timeoutMs: 2_000 }, resolve),
    );
    expect(stored).toEqual({ kind: 'stored', sequence: 1 });
    const nc = await connect({ servers: server().url });
    const { streams } = await nc.jetstreamManager();
    const { header } = await streams.getMessage(subjectsOf(fleet).stream, { seq: 1 });
    await nc.close();
    expect(header.get('Nats-Expected-Last-Sequence')).toBe('0');
    expect(header.keys()).not.toContain('Nats-Msg-Id');
  });

  it('that grows while a purge is under way keeps what was written since', async () => {
    const fleet = `f${++fleets}`;
    const connection = await connectionOf(fleet);
    if (!(connection instanceof NatsLedgerConnection)) throw new Error('not on NATS');
    const append = (last: number): Promise<AppendOutcome> =>
      new Promise((resolve) =>
        connection.append({ data: new Uint8Array([last]), expectedLast: last, timeoutMs: 2_000 }, resolve),
      );
    for (let last = 0; last < 4; last += 1) await append(last);
    // Between the look at the stream's end and the purge itself.
    const request: Request = (message, done) => {
      if (!message.subject.includes('.PURGE.')) return connection.request(message, done);
      void append(4).then(() => connection.request(message, done));
      return () => undefined;
    };
    const { stream } = subjectsOf(fleet);
    const purged = await new Promise((resolve) => purgeUpTo({ request, stream, upTo: 2 }, resolve));
    expect(purged).toEqual({ kind: 'purged', first: 3 });
  });

  it('says what the field is and what it must be', async () => {
    const fleet = `f${++fleets}`;
    await replaceStream(fleet, { discard: 'old' });
    const outcome = await connectLedger((await open({ fleet })).ledger);
    expect(outcome.kind === 'broken' && outcome.error.message).toContain(
      'discard is "old" and must be "new"',
    );
  });

  it('may have a larger byte limit than asked for', async () => {
    const fleet = `f${++fleets}`;
    await replaceStream(fleet, { max_bytes: 2 * ledgerBytesMax });
    expect((await connectLedger((await open({ fleet })).ledger)).kind).toBe('opened');
  });

  it('with one replica is refused where three are asked for, and so is making one on a single server', async () => {
    const fleet = `f${++fleets}`;
    const misconfigured = {
      kind: 'broken',
      error: { code: 'LEDGER_MISCONFIGURED', fields: [{ field: 'num_replicas' }] },
    };
    expect(await connectLedger((await open({ fleet, replicas: 3 })).ledger)).toMatchObject(misconfigured);
    await ownConfig(fleet);
    expect(await connectLedger((await open({ fleet, replicas: 3 })).ledger)).toMatchObject(misconfigured);
  });

  it('cannot be made where another stream has its subject, or where there is no room for it', async () => {
    const fleet = `f${++fleets}`;
    const nc = await connect({ servers: server().url });
    const { streams } = await nc.jetstreamManager();
    await streams.add({ name: `GREEDY_${fleet}`, subjects: [`_conclave.${fleet}.>`] });
    await nc.close();
    expect(await connectLedger((await open({ fleet })).ledger)).toMatchObject({
      kind: 'broken',
      error: { code: 'LEDGER_MISCONFIGURED', fields: [{ field: 'subjects' }] },
    });
    expect(await connectLedger((await open({ ledgerBytesMax: 1e15 })).ledger)).toMatchObject({
      kind: 'broken',
      error: { code: 'LEDGER_MISCONFIGURED', fields: [{ field: 'max_bytes' }] },
    });
  });

  it('is created once when many come at the same time', async () => {
    const fleet = `f${++fleets}`;
    const all = await Promise.all(Array.from({ length: 5 }, () => open({ fleet })));
    const outcomes = await Promise.all(all.map(({ ledger }) => connectLedger(ledger)));
    expect(outcomes.map(({ kind }) => kind)).toEqual(Array.from({ length: 5 }, () => 'opened'));
  });
});

describe('the server', () => {
  it('without JetStream is broken, and the error says how to turn it on', async () => {
    const bare = await startRawServer('');
    const { ledger } = await open({ servers: bare.url });
    const outcome = await connectLedger(ledger);
    expect(outcome).toMatchObject({ kind: 'broken', error: { code: 'JETSTREAM_MISSING' } });
    expect(outcome.kind === 'broken' && outcome.error.message).toContain('nats-server -js');
    await bare.stop();
  });

  it('that cannot be reached is named, with what to do', async () => {
    const bare = await startRawServer('');
    await bare.stop();
    const failure = open({ servers: bare.url });
    await expect(failure).rejects.toMatchObject({ code: 'NO_NATS' });
    await expect(failure).rejects.toThrow(bare.url);
    await expect(failure).rejects.toThrow('`conclave up` or `nats-server -js`');
  });

  it('that is frozen is found out in time, and leaves nothing behind that keeps the process alive', async () => {
    const bare = await startRawServer('');
    const sockets = (): number =>
      process.getActiveResourcesInfo().filter((each) => each.startsWith('TCPSocket')).length;
    const before = sockets();
    bare.signal('SIGSTOP');
    await expect(open({ servers: bare.url })).rejects.toMatchObject({ code: 'NO_NATS' });
    await vi.waitFor(() => expect(sockets()).toBe(before));
    bare.signal('SIGCONT');
    await bare.stop();
  });

  it('that wants other credentials is an error of its own', async () => {
    const guarded = await startRawServer('authorization { token: "secret" }');
    await expect(open({ servers: guarded.url })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(open({ servers: guarded.url, token: 'secret' })).resolves.toBeDefined();
    await guarded.stop();
  });

  it('is not asked when the fleet has no proper name', async () => {
    await expect(open({ fleet: 'a.b' })).rejects.toMatchObject({ code: 'INVALID' });
  });
});
