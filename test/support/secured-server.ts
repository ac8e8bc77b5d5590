/**
 * A nats-server started from a configuration of infra/nats/secured, with everything that a user makes for it: certificates,
 * and either nkeys (nkeys.mjs, users.sh) or an operator whose signing keys have the lists that subjects.sh prints.
 */
import { execa } from 'execa';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JoinOptions } from '../../src/index.ts';
import { makeCertificates, type Certificates } from './certificates.ts';
import { startOneNode, type ConfiguredServers } from './configured-servers.ts';
import { root } from './docs.ts';
import { makeOperator, type ScopeTemplate } from './operator.ts';
import type { Role } from './permitted-server.ts';

/** Files of infra/nats/secured. */
export const securedFiles = ['nkeys.conf', 'certificates.conf', 'credentials.conf'] as const;
export type SecuredFile = (typeof securedFiles)[number];

export interface SecuredServer {
  readonly url: string;
  /** As options of the SDK. */
  login(name: string): Pick<JoinOptions, 'servers' | 'nkey' | 'creds' | 'tls'>;
  /** A file in a folder that goes when the server stops. */
  file(name: string, text: string): string;
  readonly certificates: Certificates;
  stop(): Promise<void>;
}

export type Users = Readonly<Record<string, Role>>;

export async function startSecuredServer(
  file: SecuredFile,
  { fleet, users }: { readonly fleet: string; readonly users: Users },
): Promise<SecuredServer> {
  const folder = mkdtempSync(join(tmpdir(), 'conclave-secured-'));
  cpSync(join(root, 'infra/nats'), folder, { recursive: true });
  const certificates = makeCertificates();
  const put = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const keyOf =
    file === 'credentials.conf'
      ? await credentialsOf(fleet, users, put)
      : await nkeysOf(fleet, users, { put, folder });
  const { ca, server, client } = certificates;
  const running: ConfiguredServers = await startOneNode(join(folder, 'secured', file), {
    NATS_TLS_CERT: server.cert,
    NATS_TLS_KEY: server.key,
    NATS_TLS_CA: ca,
  });
  const [url = ''] = running.urls();
  const shown = file === 'certificates.conf' ? { certFile: client.cert, keyFile: client.key } : {};
  return {
    url,
    login: (name) => ({ servers: url, tls: { caFile: ca, ...shown }, ...keyOf(name) }),
    file: put,
    certificates,
    async stop() {
      await running.stop();
      certificates.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

type Put = SecuredServer['file'];
type KeyOf = (name: string) => Pick<JoinOptions, 'nkey' | 'creds'>;

/** The commands that the head of nkeys.conf names. */
async function nkeysOf(
  fleet: string,
  users: Users,
  { put, folder }: { readonly put: Put; readonly folder: string },
): Promise<KeyOf> {
  // Where the package is installed: a copy of it elsewhere would not find the NATS client.
  const scripts = join(root, 'infra/nats/permissions');
  const keys = join(folder, 'keys');
  await execa(join(scripts, 'nkeys.mjs'), [keys, ...Object.keys(users)]);
  const words = Object.entries(users).map(([name, role]) => `${role}:${name}`);
  const { stdout } = await execa(join(scripts, 'users.sh'), ['--nkeys', keys, fleet, ...words]);
  put('secured/users.conf', stdout);
  return (name) => ({ nkey: join(keys, `${name}.nk`) });
}

/** What the commands of nsc in docs/security.md make. */
async function credentialsOf(fleet: string, users: Users, put: Put): Promise<KeyOf> {
  const roles = [...new Set(Object.values(users))];
  const templates = await Promise.all(
    roles.map(async (role) => [role, await templateOf(fleet, role)] as const),
  );
  const operator = makeOperator(Object.fromEntries(templates));
  put('secured/operator.conf', operator.config);
  const files = new Map(
    Object.entries(users).map(([name, role]) => [
      name,
      put(`${name}.creds`, operator.user(name, role).creds),
    ]),
  );
  return (name) => ({ creds: files.get(name) ?? '' });
}

async function templateOf(fleet: string, role: Role): Promise<ScopeTemplate> {
  const script = join(root, 'infra/nats/permissions/subjects.sh');
  const listOf = async (direction: string): Promise<string[]> => {
    const { stdout } = await execa(script, [fleet, role, direction]);
    return stdout === '' ? [] : stdout.split(',');
  };
  const publish = await listOf('publish');
  return {
    pub: publish.length === 0 ? { deny: ['>'] } : { allow: publish },
    sub: { allow: await listOf('subscribe') },
    ...(role === 'agent' ? { resp: { max: 1, ttl: 30_000_000_000 } } : {}),
  };
}
