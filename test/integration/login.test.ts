/** Every way to log in to NATS, on a real server: an agent and a client come in, do their work, and nobody else does. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createUser } from 'nkeys.js';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import {
  ConclaveError,
  connectFleet,
  joinFleet,
  type ConnectOptions,
  type JoinOptions,
} from '../../src/index.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { hasOpenssl, makeCertificates, type Certificates } from '../support/certificates.ts';
import { makeOperator, seedOf } from '../support/operator.ts';
import { startRawServer, type RawServer } from '../support/raw-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'conclave-login-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const servers: RawServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});
async function serverWith(config: string): Promise<RawServer> {
  const server = await startRawServer(`jetstream { store_dir: "$FOLDER/js" }\n${config}`);
  servers.push(server);
  return server;
}

type Login = Omit<ConnectOptions & JoinOptions, 'id' | 'inboxPrefix'>;

/** A fleet of one agent and one client: joined, led, a task done, its result told. */
async function work(login: Login): Promise<unknown> {
  const options = { log: silentLog, timeoutMs: 20_000, handleSignals: false, ...login };
  const agent = await joinFleet({
    ...options,
    id: 'ada',
    tasks: { add: ({ payload }) => `${String(payload)}!` },
  });
  const fleet = await connectFleet(options);
  try {
    const task = await fleet.submit({ type: 'add', payload: 'done' });
    return await task.result();
  } finally {
    await fleet.close();
    await agent.leave();
  }
}

async function refusal(login: Login): Promise<ConclaveError> {
  const error: unknown = await connectFleet({ log: silentLog, ...login }).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConclaveError)) throw new Error(`nobody was refused: ${String(error)}`);
  return error;
}

describe('a name and a password', () => {
  const config = 'authorization { users: [ { user: ada, password: "4222:s@cret" } ] }';

  test('as options, and in the address', async () => {
    const { url } = await serverWith(config);
    expect(await work({ servers: url, user: 'ada', pass: '4222:s@cret' })).toBe('done!');
    expect(await work({ servers: url.replace('//', '//ada:4222:s%40cret@') })).toBe('done!');
    expect(await refusal({ servers: url, user: 'ada', pass: 'no' })).toMatchObject({ code: 'FORBIDDEN' });
    expect(await refusal({ servers: url })).toMatchObject({ code: 'FORBIDDEN' });
  });

  test('no message shows a password', async () => {
    const { url } = await serverWith(config);
    const refused = await refusal({ servers: url.replace('//', '//ada:s3cret@') });
    expect(refused.message).toContain(url);
    expect(refused.message).not.toContain('s3cret');
  });
});

test('a token, as an option and in the address', async () => {
  const { url } = await serverWith('authorization { token: "t0ken" }');
  expect(await work({ servers: url, token: 't0ken' })).toBe('done!');
  expect(await work({ servers: url.replace('//', '//t0ken@') })).toBe('done!');
  expect(await refusal({ servers: url, token: 'other' })).toMatchObject({ code: 'FORBIDDEN' });
});

test('an nkey, by its seed and by the file of it', async () => {
  const pair = createUser();
  const { url } = await serverWith(`authorization { users: [ { nkey: ${pair.getPublicKey()} } ] }`);
  expect(await work({ servers: url, nkey: seedOf(pair) })).toBe('done!');
  expect(await work({ servers: url, nkey: file('user.nk', `${seedOf(pair)}\n`) })).toBe('done!');
  const stranger = await refusal({ servers: url, nkey: seedOf(createUser()) });
  expect(stranger).toMatchObject({ code: 'FORBIDDEN' });
});

test('credentials of an operator, by their file, their text, and in parts', async () => {
  const operator = makeOperator();
  const { url } = await serverWith(operator.config);
  const ada = operator.user('ada');
  expect(await work({ servers: url, creds: file('ada.creds', ada.creds) })).toBe('done!');
  expect(await work({ servers: url, creds: ada.creds })).toBe('done!');
  expect(await work({ servers: url, jwt: ada.jwt, nkey: ada.seed })).toBe('done!');
  const stranger = await refusal({ servers: url, creds: makeOperator().user('eve').creds });
  expect(stranger).toMatchObject({ code: 'FORBIDDEN' });
});

describe.skipIf(!hasOpenssl())('TLS (skipped where there is no openssl to make certificates)', () => {
  let made: Certificates | undefined;
  const certificates = (): Certificates => (made ??= makeCertificates());
  afterAll(() => made?.remove());
  const block = (more = ''): string => {
    const { ca, server } = certificates();
    return `tls { cert_file: "${server.cert}", key_file: "${server.key}", ca_file: "${ca}"${more} }`;
  };

  /** The reset of the connection may be faster than what the server says before it. */
  const cutOffOr = ({ source }: RegExp): RegExp =>
    new RegExp(
      `${source}|the server ended it; check tls\\.certFile: .* asks for one, and whether it has expired`,
    );

  test('with the authority that signed for the server, and with no other', async () => {
    const { url } = await serverWith(block());
    const { ca, strangerCa } = certificates();
    expect(await work({ servers: url, tls: { caFile: ca } })).toBe('done!');
    expect(await work({ servers: url.replace('nats:', 'tls:'), tls: { caFile: ca } })).toBe('done!');
    for (const tls of [{ caFile: strangerCa }, {}]) {
      const refused = await refusal({ servers: url, tls });
      expect(refused).toMatchObject({ code: 'NO_NATS', message: expect.stringMatching(/^TLS with nats:/) });
    }
  });

  test('with a certificate of the client, where the server asks for one', async () => {
    const { url } = await serverWith(block(', verify: true'));
    const { ca, client } = certificates();
    const tls = { caFile: ca, certFile: client.cert, keyFile: client.key };
    expect(await work({ servers: url, tls })).toBe('done!');
    const without = await refusal({ servers: url, tls: { caFile: ca } });
    expect(without).toMatchObject({ code: 'NO_NATS' });
    expect(without.message).toMatch(cutOffOr(/give tls\.certFile/));
  });

  test('with no certificate whose time is over, neither the server’s nor the client’s, and it says so', async () => {
    const { ca, expired, client } = certificates();
    const { cert, key } = expired.server;
    const old = await serverWith(`tls { cert_file: "${cert}", key_file: "${key}", ca_file: "${ca}" }`);
    const refused = await refusal({ servers: old.url, tls: { caFile: ca } });
    expect(refused).toMatchObject({ code: 'NO_NATS' });
    expect(refused.message).toMatch(/certificate has expired; renew the server's certificate/);
    const { url } = await serverWith(block(', verify: true'));
    const tls = { caFile: ca, certFile: expired.client.cert, keyFile: expired.client.key };
    const own = await refusal({ servers: url, tls });
    expect(own).toMatchObject({ code: 'NO_NATS' });
    expect(own.message).toMatch(cutOffOr(/certificate expired.*; renew the certificate in tls\.certFile/));
    const valid = { caFile: ca, certFile: client.cert, keyFile: client.key };
    expect(await work({ servers: url, tls: valid })).toBe('done!');
  });

  test('who speaks without it to a server that has it is cut off, unheard', async () => {
    const { url, port } = await serverWith(block());
    const { ca } = certificates();
    const heard = await plainTalk(
      port,
      'CONNECT {"verbose":true}\r\nPUB conclave.default.api.submit 2\r\n{}\r\nPING\r\n',
    );
    expect(heard).toMatch(/^INFO .*"tls_required":true/);
    expect(heard).not.toMatch(/\+OK|PONG/);
    expect(await work({ servers: url, tls: { caFile: ca } })).toBe('done!');
  });

  test('first, where the server speaks TLS before its greeting', async () => {
    const { url } = await serverWith(block(', handshake_first: true'));
    const { ca } = certificates();
    expect(await work({ servers: url, tls: { caFile: ca, handshakeFirst: true } })).toBe('done!');
    expect(await refusal({ servers: url, tls: { caFile: ca } })).toMatchObject({ code: 'NO_NATS' });
  });

  test('an address that asks for TLS is never spoken to without', async () => {
    const { url } = await serverWith('');
    const refused = await refusal({ servers: url.replace('nats:', 'tls:') });
    expect(refused).toMatchObject({ code: 'NO_NATS', message: expect.stringContaining('TLS with tls:') });
  });
});

test('a ledger in another JetStream domain, beyond a leaf node', async () => {
  const hub = await startRawServer(
    'server_name: hub\njetstream { store_dir: "$FOLDER/js", domain: hub }\nleafnodes { listen: "127.0.0.1:-1" }',
  );
  servers.push(hub);
  const leaf = await startRawServer(
    `server_name: leaf\njetstream { store_dir: "$FOLDER/js", domain: leaf }\nleafnodes { remotes: [ { url: "nats-leaf://127.0.0.1:${hub.leafPort}" } ] }`,
  );
  servers.push(leaf);
  expect(await work({ servers: leaf.url, jetstreamDomain: 'hub' })).toBe('done!');
  // The hub holds it, the leaf does not: a fleet asked for there is another one.
  const { verifyLedger } = await import('../../src/index.ts');
  expect(await verifyLedger({ servers: hub.url, log: silentLog })).toMatchObject({ ok: true, terms: [{}] });
  expect(await verifyLedger({ servers: leaf.url, log: silentLog })).toMatchObject({ entries: 0 });
});

describe('what cannot be used is refused before anything is dialled, naming option and file', () => {
  const seed = seedOf(createUser());
  const { jwt, creds } = makeOperator().user('ada');
  // Not its last letter, of which two bits count for nothing.
  const mangled = `${seed.slice(0, 20)}${seed[20] === 'A' ? 'B' : 'A'}${seed.slice(21)}`;
  const bad: readonly (readonly [Login, string])[] = [
    [{ creds: '/nowhere.creds' }, 'creds names the file /nowhere.creds, which cannot be read (ENOENT)'],
    [{ creds: folder }, `creds names the file ${folder}, which cannot be read (EISDIR)`],
    [{ creds: file('bad.creds', 'hello') }, 'bad.creds, which does not hold a user JWT and its seed'],
    [{ creds: creds.replace(seedLine(creds), mangled) }, 'creds must hold a user JWT and its seed'],
    [{ nkey: '/nowhere.nk' }, 'nkey names the file /nowhere.nk, which cannot be read (ENOENT)'],
    [{ nkey: mangled }, "nkey must hold a user's seed (SU…)"],
    [{ nkey: file('bad.nk', mangled) }, "bad.nk, which does not hold a user's seed (SU…)"],
    [{ jwt }, 'jwt needs the nkey that it was made for'],
    [{ user: 'ada', token: 'x' }, 'user must not be given with token'],
    [{ pass: 'x' }, 'pass needs a user'],
    [
      { tls: { caFile: '/nowhere.pem' } },
      'tls.caFile names the file /nowhere.pem, which cannot be read (ENOENT)',
    ],
    [{ tls: { caFile: file('bad.pem', 'hello') } }, 'bad.pem, which cannot be used (no certificate in it)'],
    [{ tls: { certFile: file('only.pem', 'x') } }, 'tls.keyFile must be given with tls.certFile'],
    [{ jetstreamDomain: 'a.b' }, 'jetstreamDomain must be the name of a JetStream domain'],
  ];
  test.each(bad.map(([login, message]) => ({ login, message })))('$message', async ({ login, message }) => {
    const refused = await refusal({ servers: 'nats://127.0.0.1:1', ...login });
    expect(refused).toMatchObject({ code: 'INVALID', message: expect.stringContaining(message) });
    for (const secret of [seed, mangled, jwt]) expect(refused.message).not.toContain(secret);
  });
});

/** Says it without TLS, and hears what the server answers until it hangs up. */
function plainTalk(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1');
    let heard = '';
    socket.setEncoding('latin1').on('data', (data: string) => {
      if (heard === '') socket.write(text);
      heard += data;
    });
    socket.on('close', () => {
      resolve(heard);
    });
    // It may hang up the hard way.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
  });
}

function seedLine(creds: string): string {
  return /^SU\w+$/m.exec(creds)?.[0] ?? '';
}
