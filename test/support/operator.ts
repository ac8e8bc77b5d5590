/** An operator of NATS with one account, as `nsc` would make it: configuration for a server, credentials for users. */
import { randomBytes } from 'node:crypto';
import { createAccount, createOperator, createUser, type KeyPair } from 'nkeys.js';

export interface Operator {
  /** Lines for a server's configuration. */
  readonly config: string;
  /** With a role of those that the operator was made with: what that role may. Without: everything. */
  user(name: string, role?: string): { readonly creds: string; readonly jwt: string; readonly seed: string };
}

/** What whoever a scoped signing key signs may do; `{{name()}}` is its name. */
export interface ScopeTemplate {
  readonly pub: { readonly allow?: readonly string[]; readonly deny?: readonly string[] };
  readonly sub: { readonly allow?: readonly string[] };
  readonly resp?: { readonly max: number; readonly ttl: number };
}

const unlimited = {
  ...{ subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 },
  ...{ mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 },
};

/** `roles`: the account has a scoped signing key for each. */
export function makeOperator(roles: Readonly<Record<string, ScopeTemplate>> = {}): Operator {
  const operator = createOperator();
  const account = createAccount();
  const system = createAccount();
  const signers = new Map(Object.keys(roles).map((role) => [role, createAccount()]));
  const scopes = [...signers].map(([role, key]) => ({
    ...{ kind: 'user_scope', key: key.getPublicKey(), role },
    template: { subs: -1, data: -1, payload: -1, ...roles[role] },
  }));
  const accountJwt = (of: KeyPair, name: string, limits: object, keys: readonly object[] = []): string =>
    signedJwt({ by: operator, of, name, nats: { type: 'account', limits, signing_keys: keys } });
  return {
    config: [
      `operator: ${signedJwt({ by: operator, of: operator, name: 'O', nats: { type: 'operator' } })}`,
      `system_account: ${system.getPublicKey()}`,
      'resolver: MEMORY',
      'resolver_preload: {',
      `  ${account.getPublicKey()}: ${accountJwt(account, 'A', unlimited, scopes)}`,
      `  ${system.getPublicKey()}: ${accountJwt(system, 'SYS', { conn: -1, subs: -1, payload: -1, data: -1 })}`,
      '}',
    ].join('\n'),
    user: (name, role) => {
      const user = createUser();
      const limits = { subs: -1, data: -1, payload: -1 };
      const signer = role === undefined ? undefined : signers.get(role);
      // Whom a scoped key signs has no limits of its own: they are all in the template.
      const jwt =
        signer === undefined
          ? signedJwt({ by: account, of: user, name, nats: { type: 'user', ...limits } })
          : signedJwt({
              ...{ by: signer, of: user, name },
              nats: { type: 'user', issuer_account: account.getPublicKey() },
            });
      const seed = seedOf(user);
      return { jwt, seed, creds: credsText(jwt, seed) };
    },
  };
}

export function seedOf(pair: KeyPair): string {
  return new TextDecoder().decode(pair.getSeed());
}

function credsText(jwt: string, seed: string): string {
  return [
    '-----BEGIN NATS USER JWT-----',
    jwt,
    '------END NATS USER JWT------',
    '',
    '************************* IMPORTANT *************************',
    'NKEY Seed printed below can be used to sign and prove identity.',
    '',
    '-----BEGIN USER NKEY SEED-----',
    seed,
    '------END USER NKEY SEED------',
    '',
  ].join('\n');
}

/** https://github.com/nats-io/jwt, version 2. */
export function signedJwt(claims: {
  readonly by: KeyPair;
  readonly of: Pick<KeyPair, 'getPublicKey'>;
  readonly name: string;
  /** For whom it is. */
  readonly aud?: string;
  /** Seconds since 1970. */
  readonly exp?: number;
  readonly nats: object;
}): string {
  const { by, of, name, aud, exp, nats } = claims;
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const body = part({
    jti: randomBytes(16).toString('hex'),
    iat: Math.floor(Date.now() / 1_000),
    iss: by.getPublicKey(),
    name,
    sub: of.getPublicKey(),
    ...(aud === undefined ? {} : { aud }),
    ...(exp === undefined ? {} : { exp }),
    nats: { ...nats, version: 2 },
  });
  const text = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${body}`;
  return `${text}.${Buffer.from(by.sign(new TextEncoder().encode(text))).toString('base64url')}`;
}
