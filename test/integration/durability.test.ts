/** What an acknowledgement means on a real server: what the status says of it, and the log where it is bad. */
import { connect } from 'nats';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Log } from '../../src/runtime/log.ts';
import { subjectsOf } from '../../src/wire/subjects.ts';
import { withFleets } from '../support/fleets.ts';
import { withServer } from '../support/nats-server.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

vi.setConfig({ testTimeout: 30_000 });

const server = withServer();
let proxy: TcpProxy | undefined;
let said: string[];

beforeEach(() => {
  said = [];
});
afterEach(async () => {
  await proxy?.stop();
  proxy = undefined;
});
// Its agents leave before the proxy goes.
const { join, client, freshName } = withFleets(server);

/** Keeps what is worth a warning. */
function listening(): Log {
  const quiet = (): void => undefined;
  const hear = (_: object, message: string): void => {
    said.push(message);
  };
  return { debug: quiet, info: quiet, warn: hear, error: hear };
}

test('what the server tells is told on, and what it does not is said to be unknown', async () => {
  const fleet = freshName();
  await join({ fleet, id: 'ada', log: listening() });
  expect((await (await client(fleet)).status()).durability).toEqual({
    word: 'unknown',
    meaning: 'stored by one server; on disk then, or later',
    reasons: ['whether the server writes to disk before it acknowledges is not known'],
    version: server().version,
    replicas: 1,
    storage: 'file',
    fsync: 'unknown',
    fsyncSource: null,
  });
  expect(said).toEqual([]);
});

test('what an operator asserts is said to be asserted', async () => {
  const fleet = freshName();
  await join({ fleet, id: 'ada', fsync: 'always', log: listening() });
  expect((await (await client(fleet)).status()).durability).toMatchObject({
    word: 'durable',
    meaning: expect.stringContaining('as is asserted'),
    fsync: 'always',
    fsyncSource: 'asserted',
  });
  expect(said).toEqual([]);
});

test('a server that writes to disk later is a risk, and loudly so', async () => {
  const fleet = freshName();
  await join({ fleet, id: 'ada', fsync: 'lazy', log: listening() });
  expect((await (await client(fleet)).status()).durability).toMatchObject({
    word: 'at_risk',
    reasons: [expect.stringContaining('a power cut loses entries')],
    fsync: 'lazy',
  });
  expect(said).toEqual([expect.stringContaining('may lose acknowledged entries')]);
});

test('an older server is a risk, and loudly so', async () => {
  const older = (frame: Buffer): Buffer => {
    if (!frame.toString('latin1', 0, 5).startsWith('INFO ')) return frame;
    return Buffer.from(frame.toString().replace(/"version":"[^"]+"/, '"version":"2.12.1"'));
  };
  proxy = await startTcpProxy(server(), { edit: older });
  const fleet = freshName();
  await join({ fleet, id: 'ada', servers: proxy.url, fsync: 'always', log: listening() });
  expect((await (await client(fleet)).status()).durability).toMatchObject({
    word: 'at_risk',
    reasons: ['nats-server 2.12.1 may lose what it has acknowledged'],
    version: '2.12.1',
  });
  expect(said).toEqual([expect.stringContaining('use 2.14.6 or newer')]);
});

test('a stream that is changed while it is used: the status and the log name the field, and no more once it is mended', async () => {
  const fleet = freshName();
  await join({ fleet, id: 'ada', fsync: 'always', settings: { snapshotLookMs: 50 }, log: listening() });
  const asking = await client(fleet);
  const nc = await connect({ servers: server().url });
  const { streams } = await nc.jetstreamManager();
  const wrong = 'max_age is 3600000000000 and must be 0';
  await streams.update(subjectsOf(fleet).stream, { max_age: 3_600e9 });
  await vi.waitFor(async () =>
    expect((await asking.status()).durability).toMatchObject({
      word: 'at_risk',
      reasons: [expect.stringContaining(wrong)],
    }),
  );
  await streams.update(subjectsOf(fleet).stream, { max_age: 0 });
  await vi.waitFor(async () => expect((await asking.status()).durability.word).toBe('durable'));
  await nc.close();
  expect(said).toEqual([expect.stringContaining(wrong)]);
});
