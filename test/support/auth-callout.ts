/**
 * A nats-server that asks a service who may connect (ADR-26 of NATS), and that service: it knows each user's password and
 * gives the permissions of infra/nats/permissions. It can be told to answer wrongly, late, or not at all.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAccount, createUser, type KeyPair } from 'nkeys.js';
import { connect, type NatsConnection } from 'nats';
import { signedJwt } from './operator.ts';
import { permissionsFolder, type Role } from './permitted-server.ts';
import { startRawServer, type RawServer } from './raw-server.ts';

/**
 * right: whoever knows the password is let in. late: the same, when the server waits no longer. silent: no answer.
 * garbage: no JWT. stranger: signed by another account. otherUser: for somebody else. otherServer: for another server.
 * otherAccount: into an account that there is not. expired: it was right a minute ago.
 */
export type Manner =
  | 'right'
  | 'late'
  | 'silent'
  | 'garbage'
  | 'stranger'
  | 'otherUser'
  | 'otherServer'
  | 'otherAccount'
  | 'expired';

export interface CalloutServer {
  readonly server: RawServer;
  login(name: string): { readonly servers: string; readonly user: string; readonly pass: string };
  /** From now on. */
  behave(manner: Manner): void;
  /** Names that it was asked about. */
  readonly asked: readonly string[];
  /** The service is gone, or there again. */
  down(): Promise<void>;
  up(): Promise<void>;
  stop(): Promise<void>;
}

/** What the server asks; of it, what is looked at here. */
interface Asked {
  readonly nats: {
    readonly server_id: { readonly id: string };
    readonly user_nkey: string;
    readonly connect_opts: { readonly user?: string; readonly pass?: string };
  };
}

const TIMEOUT_S = 1;
const passwordOf = (name: string): string => `password-of-${name}`;

export async function startCalloutServer(
  fleet: string,
  users: Readonly<Record<string, Role>>,
): Promise<CalloutServer> {
  const issuer = createAccount();
  const server = await startRawServer(
    [
      'jetstream { store_dir: "$FOLDER/js" }',
      'accounts {',
      '  AUTH { users: [ { user: callout, password: callout } ] }',
      '  FLEET { jetstream: enabled }',
      '}',
      `authorization { timeout: ${TIMEOUT_S}, auth_callout {`,
      `  issuer: ${issuer.getPublicKey()}, account: AUTH, auth_users: [ callout ]`,
      '} }',
    ].join('\n'),
  );
  let manner: Manner = 'right';
  let service: NatsConnection | null = null;
  const asked: string[] = [];

  const up = async (): Promise<void> => {
    service = await connect({ servers: server.url, user: 'callout', pass: 'callout' });
    service.subscribe('$SYS.REQ.USER.AUTH', {
      callback: (_, message) => {
        const { nats } = claimsOf(message.data);
        asked.push(nats.connect_opts.user ?? '');
        if (manner === 'silent') return;
        const answer = answerTo(nats, { manner, issuer, fleet, users });
        if (manner === 'late') setTimeout(() => message.respond(answer), TIMEOUT_S * 1_500);
        else message.respond(answer);
      },
    });
    await service.flush();
  };
  const down = async (): Promise<void> => {
    await service?.close();
    service = null;
  };
  await up();
  return {
    server,
    login: (name) => ({ servers: server.url, user: name, pass: passwordOf(name) }),
    behave: (next) => (manner = next),
    asked,
    up,
    down,
    stop: async () => {
      await down();
      await server.stop();
    },
  };
}

function claimsOf(jwt: Uint8Array): Asked {
  const [, body = ''] = new TextDecoder().decode(jwt).split('.');
  return JSON.parse(Buffer.from(body, 'base64url').toString()) as Asked;
}

function answerTo(
  { user_nkey, server_id, connect_opts: { user = '', pass } }: Asked['nats'],
  of: {
    readonly manner: Manner;
    readonly issuer: KeyPair;
    readonly fleet: string;
    readonly users: Readonly<Record<string, Role>>;
  },
): Uint8Array {
  const { manner, issuer, fleet, users } = of;
  if (manner === 'garbage') return new TextEncoder().encode('yes, let it in');
  const by = manner === 'stranger' ? createAccount() : issuer;
  const whom = manner === 'otherUser' ? createUser().getPublicKey() : user_nkey;
  const subject = { getPublicKey: () => whom };
  const role = Object.hasOwn(users, user) ? users[user] : undefined;
  const isKnown = role !== undefined && pass === passwordOf(user);
  const jwt = isKnown
    ? signedJwt({
        by,
        of: subject,
        name: user,
        aud: manner === 'otherAccount' ? 'NOWHERE' : 'FLEET',
        ...(manner === 'expired' ? { exp: Math.floor(Date.now() / 1_000) - 60 } : {}),
        nats: { type: 'user', subs: -1, data: -1, payload: -1, ...permissionsOf(role, fleet, user) },
      })
    : '';
  const nats = { type: 'authorization_response', jwt, ...(isKnown ? {} : { error: 'unknown' }) };
  const aud = manner === 'otherServer' ? 'N'.repeat(56) : server_id.id;
  return new TextEncoder().encode(signedJwt({ by, of: subject, name: user, aud, nats }));
}

/** The lists of a role's file, as a JWT has them. */
function permissionsOf(role: Role, fleet: string, name: string): object {
  const text = readFileSync(join(permissionsFolder, `${role}.conf`), 'utf8')
    .replaceAll(/^\s*#.*$/gm, '')
    .replaceAll('<fleet>', fleet)
    .replaceAll('<name>', name);
  const listOf = (part: string): string[] => {
    const [, list = ''] = new RegExp(`${part} \\{ allow: \\[([^\\]]*)\\]`).exec(text) ?? [];
    return [...list.matchAll(/"([^"]+)"/g)].map(([, subject = '']) => subject);
  };
  return {
    pub: { allow: listOf('publish') },
    sub: { allow: listOf('subscribe') },
    ...(text.includes('allow_responses') ? { resp: { max: 1, ttl: 30_000_000_000 } } : {}),
  };
}
