/** Credentials in files: read again at every connect; where to and as whom an address says. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Authenticator } from 'nats';
import { afterAll, describe, expect, test } from 'vitest';
import { libraryAuth, type NatsAuth } from '../../src/nats/credentials.ts';
import { serverUrls } from '../../src/nats/server-urls.ts';
import { makeOperator } from '../support/operator.ts';

const folder = mkdtempSync(join(tmpdir(), 'conclave-credentials-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a file that is replaced counts from the next connect on; one that is broken changes nothing', () => {
  const operator = makeOperator();
  const [ada, bob] = [operator.user('ada'), operator.user('bob')];
  const path = join(folder, 'user.creds');
  writeFileSync(path, ada.creds);
  const { authenticator } = libraryAuth({ creds: path });
  const connect = authenticator as Authenticator;
  expect(connect('nonce')).toMatchObject({ jwt: ada.jwt });
  writeFileSync(path, bob.creds.slice(0, 40));
  expect(connect('nonce')).toMatchObject({ jwt: ada.jwt });
  writeFileSync(path, bob.creds);
  expect(connect('nonce')).toMatchObject({ jwt: bob.jwt });
  rmSync(path);
  expect(connect('nonce')).toMatchObject({ jwt: bob.jwt });
});

function refusalOf(auth: NatsAuth): string {
  try {
    libraryAuth(auth);
  } catch (error) {
    return String(error);
  }
  return 'no refusal';
}

test('a secret where a path is meant, or one that was mistyped, is not repeated in what is said of it', () => {
  const { creds, jwt } = makeOperator().user('ada');
  const seed = /^SU[A-Z2-7]+$/m.exec(creds)?.[0] ?? '';
  const wrong = [
    { nkey: `"${seed}"` },
    { nkey: seed.slice(0, -1) },
    { nkey: seed.toLowerCase() },
    { creds: seed },
    { creds: jwt },
    { tls: { caFile: creds } },
  ];
  for (const auth of wrong) {
    const message = refusalOf(auth);
    expect(message).toContain('by what looks like the secret itself, which cannot be read (E');
    for (const secret of [seed, jwt])
      expect(message.toUpperCase()).not.toContain(secret.slice(0, 20).toUpperCase());
  }
  expect(refusalOf({ nkey: '/no/user.nk' })).toContain('names the file /no/user.nk, which cannot');
});

describe('an address', () => {
  const cases: readonly (readonly [string | readonly string[], ReturnType<typeof serverUrls>])[] = [
    ['nats://a:4222', { servers: ['nats://a:4222'], login: {}, isTls: false }],
    ['a, tls://b', { servers: ['a', 'tls://b'], login: {}, isTls: true }],
    [['nats://t@a', 'nats://b'], { servers: ['nats://a', 'nats://b'], login: { token: 't' }, isTls: false }],
    ['ada:1@a:2', { servers: ['a:2'], login: { user: 'ada', pass: '1' }, isTls: false }],
    ['nats://ada:4@b:%40@a', { servers: ['nats://a'], login: { user: 'ada', pass: '4@b:@' }, isTls: false }],
    ['nats://ada:100%@a', { servers: ['nats://a'], login: { user: 'ada', pass: '100%' }, isTls: false }],
  ];
  test.each(cases)('%j', (given, expected) => {
    expect(serverUrls(given)).toEqual(expected);
  });
});
