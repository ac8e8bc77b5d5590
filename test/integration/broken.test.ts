/**
 * Everything that can be wrong around the command, against real servers: each is answered in one line that says what is
 * wrong and what to do, with the exit code that scripts can act on. Bad words on the command line are in
 * `cli-input.test.ts`, streams that are not as they must be in `broken-stream.test.ts`.
 */
import { connect, type JetStreamManager, type NatsConnection } from 'nats';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { connectFleet, joinFleet, type Agent, type Fleet } from '../../src/index.ts';
import { agentWords, expectAnswer } from '../support/answers.ts';
import { freePort } from '../support/free-port.ts';
import { withServer } from '../support/nats-server.ts';
import { startRawServer } from '../support/raw-server.ts';
import { startNatsStub, startStubServer } from '../support/stub-server.ts';

vi.setConfig({ testTimeout: 90_000 });

const server = withServer();
const folder = mkdtempSync(join(tmpdir(), 'conclave-broken-'));
const closers: (() => Promise<unknown>)[] = [];
let nc: NatsConnection;
let jsm: JetStreamManager;
let fleets = 0;

beforeAll(async () => {
  nc = await connect({ servers: server().url });
  jsm = await nc.jetstreamManager();
});
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
  // Each reserves a gigabyte of the server's disk.
  for await (const { config } of jsm.streams.list()) {
    if (config.name !== 'CONCLAVE_known') await jsm.streams.delete(config.name);
  }
});
afterAll(async () => {
  await nc.close();
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function closedAfter<T extends { stop(): Promise<unknown> }>(started: T): T {
  closers.push(() => started.stop());
  return started;
}

function newFleet(): string {
  fleets += 1;
  return `fleet_${fleets}`;
}

describe('the server', () => {
  test('is not there', async () => {
    const url = `nats://127.0.0.1:${await freePort()}`;
    await expectAnswer({ words: [...agentWords, '--servers', url], says: [url, 'conclave up'], exitCode: 3 });
  });

  test('is none of NATS', async () => {
    const { url } = closedAfter(await startStubServer('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await expectAnswer({
      words: ['status', '--servers', url],
      says: [url, 'name the address of one'],
      exitCode: 3,
    });
  });

  test('says nothing', async () => {
    const { url } = closedAfter(await startStubServer(''));
    await expectAnswer({ words: ['status', '--servers', url], says: [url, 'TIMEOUT'], exitCode: 3 });
  });

  test('is too old', async () => {
    const { url } = closedAfter(await startNatsStub({ version: '2.9.25' }));
    const says = [url, 'has version 2.9.25', 'needs 2.10.0 or newer', 'upgrade it'];
    await expectAnswer({ words: ['status', '--servers', url], says, exitCode: 3 });
    await expectAnswer({ words: [...agentWords, '--servers', url], says, exitCode: 3 });
  });

  test('has no TLS, and the address asks for it', async () => {
    const plain = server().url.replace('nats:', 'tls:');
    await expectAnswer({ words: ['status', '--servers', plain], says: [plain, 'TLS'], exitCode: 3 });
  });

  test('has no JetStream', async () => {
    const { url } = closedAfter(await startRawServer(''));
    const says = ['JetStream off', 'nats-server -js'];
    await expectAnswer({ words: [...agentWords, '--servers', url], says, exitCode: 3 });
    await expectAnswer({ words: ['verify', '--servers', url], says, exitCode: 3 });
    await expectAnswer({ words: ['replay', '--servers', url], says, exitCode: 3 });
  });

  test('refuses the credentials', async () => {
    const { url } = closedAfter(await startRawServer('authorization { user: a, password: secret }'));
    for (const login of [[], ['--user', 'a', '--password', 'wrong'], ['--token', 'wrong']]) {
      await expectAnswer({
        words: ['status', '--servers', url, ...login],
        says: [url, 'refused the credentials', 'check them'],
        exitCode: 1,
      });
    }
  });

  test('does not let the user create the stream', async () => {
    const { url } = closedAfter(
      await startRawServer(`jetstream { store_dir: "$FOLDER/js" }
authorization { users: [{ user: few, password: few, permissions: {
  publish: { deny: ["$JS.API.STREAM.CREATE.>"] } } }] }`),
    );
    await expectAnswer({
      words: [...agentWords, '--servers', url, '--user', 'few', '--password', 'few'],
      says: ['CONCLAVE_default', 'may not publish to $JS.API.STREAM.CREATE.CONCLAVE_default', 'allow it'],
      exitCode: 1,
    });
  });

  test('takes too small messages', async () => {
    const { url } = closedAfter(
      await startRawServer('max_payload: 65536\njetstream { store_dir: "$FOLDER/js" }'),
    );
    await expectAnswer({
      words: [...agentWords, '--servers', url],
      says: ['entryBytesMax must be at most 32768', 'raise max_payload of the NATS server to 900000'],
      exitCode: 2,
    });
  });

  test('has no room for the stream', async () => {
    const { url } = closedAfter(
      await startRawServer('jetstream { store_dir: "$FOLDER/js", max_file_store: 1000000 }'),
    );
    await expectAnswer({
      words: [...agentWords, '--servers', url],
      says: ['CONCLAVE_default cannot be created', "raise JetStream's storage limit"],
      exitCode: 1,
    });
  });
});

describe('a fleet', () => {
  let agent: Agent;
  let fleet: Fleet;
  const name = 'known';
  const at = (): string[] => ['--servers', server().url, '--fleet', name];

  beforeAll(async () => {
    const tasks = { x: () => 1 };
    agent = await joinFleet({ servers: server().url, fleet: name, id: 'ada', handleSignals: false, tasks });
    fleet = await connectFleet({ servers: server().url, fleet: name });
  });
  afterAll(async () => {
    await fleet.close();
    await agent.leave();
  });

  test.each([
    [['task', 'nope'], 'nope'],
    [['cancel', 'nope'], 'nope'],
    [['retry', 'nope'], 'nope'],
    [['proposal', 'nope'], 'nope'],
    [['vote', 'nope', 'approve', '--as', 'me'], 'nope'],
    [['drain', 'nope'], 'nope'],
    [['resume', 'nope'], 'nope'],
  ])('does not know what `conclave %s` names', async (words, id) => {
    await expectAnswer({ words: [...words, ...at()], says: [/^conclave: (there is )?no /, id], exitCode: 1 });
  });

  test('has no place for a second agent of the same id', async () => {
    await expectAnswer({ words: [...agentWords, ...at()], says: ['ada', /held|holds/], exitCode: 1 });
  });

  test('takes no task back that has ended, and retries none that has not failed', async () => {
    const task = await fleet.submit({ type: 'x' });
    await task.result();
    await expectAnswer({ words: ['cancel', task.id, ...at()], says: [task.id, 'completed'], exitCode: 1 });
    await expectAnswer({ words: ['retry', task.id, ...at()], says: [task.id, 'completed'], exitCode: 1 });
  });

  test('takes no ballot of somebody who is no voter, or too late', async () => {
    const { id } = await fleet.propose({ type: 'y', voters: ['eve'], timeoutMs: 600 });
    const says = (word: string): string[] => [id, word];
    await expectAnswer({
      words: ['vote', id, 'approve', '--as', 'eve', ...at()],
      says: says('is '),
      exitCode: 1,
    });
  });

  test('takes no payload that is too large', async () => {
    const payload = file('large.json', JSON.stringify('x'.repeat(300_000)));
    await expectAnswer({
      words: ['submit', 'x', '--payload', `@${payload}`, ...at()],
      says: ['payload', '262144'],
      exitCode: 2,
    });
  });

  test('takes nothing new when its ledger is full, and says what makes room', async () => {
    const full = newFleet();
    const settings = { snapshotLookMs: 100, snapshotEntries: 1_000_000 };
    const filler = await joinFleet({
      servers: server().url,
      fleet: full,
      id: 'ada',
      handleSignals: false,
      settings,
    });
    closers.push(() => filler.leave());
    const payload = 'x'.repeat(200_000);
    await Promise.all(Array.from({ length: 10 }, () => filler.fleet.submit({ type: 'x', payload })));
    await jsm.streams.update(`CONCLAVE_${full}`, { max_bytes: 2_200_000 });
    await vi.waitFor(async () => {
      await expect(filler.fleet.submitMany([{ type: 'x' }])).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    }, 60_000);
    await expectAnswer({
      words: ['--timeout', '500', 'submit', 'x', '--servers', server().url, '--fleet', full],
      says: [/the ledger holds \d+ % of what it may/, 'shortened'],
      exitCode: 3,
    });
  });
});

describe('this machine', () => {
  test('has no nats-server where one was named, or one that cannot be run', async () => {
    const plain = file('nats-server', 'not a program');
    chmodSync(plain, 0o644);
    const other = file('other', '#!/bin/sh\necho something else\n');
    chmodSync(other, 0o755);
    for (const path of ['/nowhere/nats-server', plain, other]) {
      await expectAnswer({
        words: ['up'],
        env: { CONCLAVE_NATS_SERVER: path },
        says: [path, 'CONCLAVE_NATS_SERVER'],
        exitCode: 3,
      });
    }
  });

  test('has the port in use that the server or the API wants', async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, '127.0.0.1', () => {
        const address = taken.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    closers.push(() => new Promise((resolve) => taken.close(resolve)));
    const serve = ['serve', '--servers', server().url, '--http', String(port)];
    await expectAnswer({ words: serve, says: [String(port), 'in use', 'give another port'], exitCode: 1 });
    await expectAnswer({
      words: ['up', '--port', String(port)],
      says: [String(port), 'in use'],
      exitCode: 3,
    });
  });

  test('has a data folder that cannot be written to', async () => {
    await expectAnswer({
      words: ['up', '--dir', join(file('plain', ''), 'inner')],
      says: ['dir must be a folder that can be written to'],
      exitCode: 2,
    });
  });

  test.each([
    ['throws', "throw new Error('no database\\nat all');", ['can be loaded', 'no database at all']],
    ['exports a handler that is none', 'export const tasks = { scan: 5 };', ['tasks.scan is none']],
    ['exports no tasks', 'export default 1;', ['must export `tasks`']],
    ['imports what is not there', "import 'no-such-package';\nexport const tasks = {};", ['no-such-package']],
    ['exports a name that is none', "export const tasks = { 'a b': () => 1 };", ['"a b" is not 1–63 of']],
  ])('has a module that %s', async (what, source, says) => {
    const module = file(`${what.replaceAll(' ', '-')}.mjs`, source);
    await expectAnswer({
      words: ['agent', '--id', 'ada', '--module', module, '--servers', server().url, '--fleet', newFleet()],
      says: ['module', ...says],
      exitCode: 2,
    });
  });

  test('has a file of tokens that is not one', async () => {
    for (const [name, text, says] of [
      ['empty.json', '', 'tokens must be JSON'],
      ['list.json', '[]', 'tokens'],
      ['digest.json', '{"tokens":[{"name":"a","sha256":"x","scopes":["read"]}]}', 'sha256'],
      ['scope.json', `{"tokens":[{"name":"a","sha256":"${'0'.repeat(64)}","scopes":["all"]}]}`, 'scopes'],
    ] as const) {
      const tokens = file(name, text);
      await expectAnswer({
        words: ['serve', '--servers', server().url, '--http', String(await freePort()), '--tokens', tokens],
        says: [says],
        exitCode: 2,
      });
    }
    const none = join(folder, 'none.json');
    await expectAnswer({
      words: ['serve', '--tokens', none, '--servers', server().url],
      says: [none, 'cannot be read (ENOENT)'],
      exitCode: 2,
    });
  });
});
