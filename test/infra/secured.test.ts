/**
 * The configurations of infra/nats/secured: with TLS and nkeys, with certificates of the clients too, and with credentials.
 * Each role comes in with a key file of its own, does what it is for, and is kept from the rest.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { createUser, fromSeed } from 'nkeys.js';
import {
  connect,
  credsAuthenticator,
  Events,
  nkeyAuthenticator,
  type ConnectionOptions,
  type NatsConnection,
} from 'nats';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  connectFleet,
  joinFleet,
  startHttpServer,
  type Agent,
  type Fleet,
  type HttpServer,
  type JoinOptions,
} from '../../src/index.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { hasOpenssl, makeCertificates } from '../support/certificates.ts';
import { conclave } from '../support/command.ts';
import { checkConfiguration, exampleEnvironment } from '../support/configured-servers.ts';
import { root } from '../support/docs.ts';
import { makeOperator, seedOf } from '../support/operator.ts';
import {
  securedFiles,
  startSecuredServer,
  type SecuredServer,
  type Users,
} from '../support/secured-server.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const fleet = 'guarded';
const users: Users = {
  ada: 'electable-agent',
  cas: 'agent',
  shop: 'client',
  web: 'http-server',
  olga: 'operator',
  vic: 'viewer',
};
const prefixOf = (name: string): string => `_INBOX_client.${fleet}.${name}`;

describe.skipIf(!hasOpenssl())('a server (skipped where there is no openssl to make certificates)', () => {
  describe.each(securedFiles)('with %s', (file) => {
    let server: SecuredServer;
    const agents: Agent[] = [];
    const connections: NatsConnection[] = [];
    let client: Fleet | undefined;
    let http: HttpServer | undefined;

    beforeAll(async () => {
      server = await startSecuredServer(file, { fleet, users });
    });
    afterEach(async () => {
      await http?.close();
      await client?.close();
      await Promise.all(agents.splice(0).map((agent) => agent.leave()));
      await Promise.all(connections.splice(0).map((nc) => nc.close()));
      [client, http] = [undefined, undefined];
    });
    afterAll(() => server.stop());

    async function enter(id: string, more: Partial<JoinOptions>): Promise<void> {
      const login = server.login(id);
      const pinned = { arePrefixesPinned: true, handleSignals: false, log: silentLog };
      agents.push(await joinFleet({ ...login, ...pinned, fleet, id, ...more }));
    }

    async function connectAs(name: string): Promise<NatsConnection> {
      const nc = await connect(bareLogin(server.login(name)));
      connections.push(nc);
      return nc;
    }

    test('each role does what it is for', async () => {
      const onlooker = await connectAs('vic');
      const seen = onlooker.subscribe(`conclave.${fleet}.event.task.completed`, { max: 1 });
      await onlooker.flush();
      await enter('ada', {});
      await enter('cas', { electable: false, tasks: { who: () => 'cas' } });
      const asking = { fleet, log: silentLog };
      client = await connectFleet({ ...server.login('shop'), ...asking, inboxPrefix: prefixOf('shop') });
      expect(await (await client.submit({ type: 'who' })).result()).toBe('cas');
      for await (const message of seen) expect(message.string()).toContain('"agent":"cas"');
      http = await startHttpServer({
        ...{ ...server.login('web'), ...asking, inboxPrefix: prefixOf('web') },
        port: 0,
      });
      const answer = await fetch(`${http.url}/coordination/agents`);
      expect(await answer.text()).toContain('"cas"');
      const { stdout, exitCode } = await conclave(['verify'], { env: variablesOf(server, 'olga') });
      expect({ stdout, exitCode }).toEqual({ stdout: expect.stringContaining('entries'), exitCode: 0 });
    });

    /** What only others may say. */
    const forbidden: Readonly<Record<string, readonly string[]>> = {
      ada: [`conclave.${fleet}.agent.report.cas`, '$JS.API.STREAM.DELETE.CONCLAVE_guarded'],
      cas: [
        `conclave.${fleet}.agent.report.ada`,
        `_conclave.${fleet}.ledger`,
        `_conclave.${fleet}.inbox.ada`,
      ],
      shop: [
        `conclave.${fleet}.api.remove`,
        `conclave.${fleet}.agent.ballot.cas`,
        `_conclave.${fleet}.ledger`,
      ],
      web: [`conclave.${fleet}.agent.join.web`, `_conclave.${fleet}.ledger`],
      olga: [`conclave.${fleet}.agent.report.cas`, `_conclave.${fleet}.ledger`],
      vic: [`conclave.${fleet}.api.submit`, 'anything'],
    };

    test.each(Object.keys(users))('%s is kept from what is for others', async (name) => {
      const nc = await connectAs(name);
      const expected = [...(forbidden[name] ?? [])].sort();
      const refused = refusalsOf(nc, expected.length + 1);
      for (const subject of expected) nc.publish(subject, '{}');
      nc.subscribe(`_conclave.${fleet}.>`, { callback: () => undefined });
      expect(await refused).toEqual(
        ['subscription _conclave.guarded.>', ...expected.map((to) => `publish ${to}`)].sort(),
      );
    });

    test('nobody comes in without a key, or with one that the server does not know', async () => {
      const { tls } = server.login('shop');
      const stranger =
        file === 'credentials.conf'
          ? { creds: makeOperator().user('shop').creds }
          : { nkey: seedOf(createUser()) };
      for (const login of [{}, stranger, { user: 'fleet', pass: 'a-password' }])
        await expect(
          connectFleet({ servers: server.url, tls: tls ?? {}, log: silentLog, ...login }),
        ).rejects.toMatchObject({ code: 'FORBIDDEN' });
    });

    test('nobody is spoken to whose certificate, or whose authority, is not the right one', async () => {
      const { tls, ...login } = server.login('shop');
      const { strangerCa, ca, expired } = server.certificates;
      const { cert: certFile, key: keyFile } = expired.client;
      const wrong =
        file === 'certificates.conf'
          ? [{ ...tls, caFile: strangerCa }, { caFile: ca }, { caFile: ca, certFile, keyFile }]
          : [{ ...tls, caFile: strangerCa }, {}];
      for (const given of wrong)
        await expect(connectFleet({ ...login, tls: given, log: silentLog })).rejects.toMatchObject({
          code: 'NO_NATS',
        });
    });

    test('the command comes in by options, by variables, by a file, and by a context of the nats command', async () => {
      await enter('ada', {});
      const words = ['status', '--json'];
      const keys = keysOf(server, 'olga');
      const yaml = [`fleet: ${fleet}`, `servers: [${server.url}]`, 'nats:'];
      const own = { ...keys, inboxPrefix: prefixOf('olga') };
      const lines = Object.entries(own).map(([key, value]) => `  ${key}: ${value}`);
      const config = server.file('conclave.yaml', [...yaml, ...lines].join('\n'));
      const folder = server.file('marker', '').replace(/marker$/, 'config');
      const context = join(folder, 'nats/context/guarded.json');
      mkdirSync(dirname(context), { recursive: true });
      const { tlsCa: authority, tlsCert: cert, tlsKey: key, ...rest } = keys;
      const inContext = {
        url: server.url,
        ca: authority,
        cert,
        key,
        ...rest,
        inbox_prefix: prefixOf('olga'),
      };
      server.file('config/nats/context/guarded.json', JSON.stringify(inContext));
      const options = Object.entries(keys).flatMap(([name, value]) => [`--${name.toLowerCase()}`, value]);
      const where = ['--servers', server.url, '--fleet', fleet, '--inbox-prefix', prefixOf('olga')];
      const ways = [
        conclave([...words, ...where, ...options]),
        conclave(words, { env: variablesOf(server, 'olga') }),
        conclave([...words, '--config', config]),
        conclave([...words, '--fleet', fleet, '--context', 'guarded'], { env: { XDG_CONFIG_HOME: folder } }),
      ];
      for (const { exitCode, stdout, stderr } of await Promise.all(ways))
        expect({ exitCode, stderr, told: exitCode === 0 ? JSON.parse(stdout) : stdout }).toEqual({
          ...{ exitCode: 0, stderr: '' },
          told: expect.objectContaining({ leader: 'ada' }),
        });
    });
  });

  test('the same lines make one of three servers', async () => {
    const made = makeCertificates();
    const folder = mkdtempSync(join(tmpdir(), 'conclave-trio-'));
    cpSync(join(root, 'infra/nats'), folder, { recursive: true });
    const file = join(folder, 'secured', 'trio.conf');
    const lines = readFileSync(join(folder, 'secured/nkeys.conf'), 'utf8');
    writeFileSync(file, lines.replace('include "../one-node.conf"', 'include "../three-nodes/a.conf"'));
    writeFileSync(join(folder, 'secured', 'users.conf'), 'authorization { users [] }\n');
    const env = { ...exampleEnvironment(), NATS_TLS_CERT: made.server.cert, NATS_TLS_KEY: made.server.key };
    expect(await checkConfiguration(file, env)).toMatch(/configuration file .* is valid/);
    rmSync(folder, { recursive: true, force: true });
    made.remove();
  });
});

describe('the scripts', () => {
  const scripts = join(root, 'infra/nats/permissions');
  const folder = mkdtempSync(join(tmpdir(), 'conclave-nkeys-'));
  const keys = join(folder, 'keys');
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const run = (
    name: string,
    words: readonly string[],
  ): Promise<{ exitCode?: number; stdout: string; stderr: string }> =>
    execa(join(scripts, name), words, { reject: false });

  test('nkeys.mjs keeps a seed that is there, shows it to nobody else, and prints none', async () => {
    expect(await run('nkeys.mjs', [keys, 'ada'])).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
    const seed = readFileSync(join(keys, 'ada.nk'), 'utf8');
    expect(statSync(join(keys, 'ada.nk')).mode & 0o777).toBe(0o600);
    await run('nkeys.mjs', [keys, 'ada', 'cas']);
    expect(readFileSync(join(keys, 'ada.nk'), 'utf8')).toBe(seed);
    expect(readFileSync(join(keys, 'ada.pub'), 'utf8').trim()).toBe(
      fromSeed(seedIn(join(keys, 'ada.nk'))).getPublicKey(),
    );
    const { stdout } = await run('users.sh', ['--nkeys', keys, 'default', 'agent:ada', 'agent:cas']);
    expect(stdout).not.toContain(seed.trim());
    expect(stdout.match(/nkey: U\w{55}$/gm)).toHaveLength(2);
  });

  test.each([
    [
      'users.sh',
      ['--nkeys', keys, 'default', 'agent:ada', 'agent:bob'],
      `make it with nkeys.mjs ${keys} bob`,
    ],
    ['users.sh', ['--nkeys', '/nowhere', 'default', 'agent:ada'], 'there is no folder /nowhere'],
    ['users.sh', ['--nkeys'], 'there is no folder'],
    ['nkeys.mjs', [keys], 'usage'],
    ['nkeys.mjs', [keys, '../ada'], '../ada is no name'],
    ['subjects.sh', ['default', 'agent'], 'usage'],
    ['subjects.sh', ['default', 'king', 'publish'], 'there is no role king'],
    ['subjects.sh', ['a.b', 'agent', 'publish'], 'a.b is no name of a fleet'],
    ['subjects.sh', ['default', 'agent', 'both'], 'both is neither publish nor subscribe'],
  ])('%s %j: %s', async (name, words, says) => {
    const { exitCode, stdout, stderr } = await run(name, words);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(says);
  });
});

/** Resolves with so many refusals of the broker, sorted. */
async function refusalsOf(nc: NatsConnection, count: number): Promise<string[]> {
  const refused: string[] = [];
  for await (const { type, permissionContext } of nc.status()) {
    if (type !== Events.Error || permissionContext === undefined) continue;
    refused.push(`${permissionContext.operation} ${permissionContext.subject}`);
    if (refused.length === count) break;
  }
  return refused.sort();
}

/** The same login for the NATS client itself. */
function bareLogin({ servers, nkey, creds, tls }: ReturnType<SecuredServer['login']>): ConnectionOptions {
  const key = (path: string): Uint8Array => readFileSync(path);
  const authenticator =
    nkey === undefined ? credsAuthenticator(key(creds ?? '')) : nkeyAuthenticator(seedIn(nkey));
  // The client asks for the certificate of `localhost` where it is given an address and no host.
  const verified = { ...tls, host: '127.0.0.1' };
  return { servers: String(servers), authenticator, tls: verified, reconnect: false };
}

function seedIn(file: string): Uint8Array {
  return new TextEncoder().encode(readFileSync(file, 'utf8').trim());
}

/** As keys of the configuration, without `nats.` before them. */
function keysOf(server: SecuredServer, name: string): Record<string, string> {
  const { nkey, creds, tls } = server.login(name);
  const all = { nkey, creds, tlsCa: tls?.caFile, tlsCert: tls?.certFile, tlsKey: tls?.keyFile };
  return Object.fromEntries(
    Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}

function variablesOf(server: SecuredServer, name: string): Record<string, string> {
  const named = Object.entries(keysOf(server, name)).map(([key, value]) => [
    `CONCLAVE_NATS_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`,
    value,
  ]);
  return {
    ...(Object.fromEntries(named) as Record<string, string>),
    CONCLAVE_SERVERS: server.url,
    CONCLAVE_FLEET: fleet,
    CONCLAVE_NATS_INBOX_PREFIX: prefixOf(name),
  };
}
