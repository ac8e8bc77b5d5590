/**
 * A nats-server whose users have the permissions of infra/nats/permissions, as users.sh makes them, and one, `root`, that
 * may do everything, for a test to look on with. Every refusal of the broker is remembered, with who was refused what.
 */
import { execa } from 'execa';
import { join } from 'node:path';
import { root } from './docs.ts';
import { startRawServer, type RawServer } from './raw-server.ts';

export type Role = 'agent' | 'electable-agent' | 'client' | 'viewer' | 'http-server' | 'operator';

export interface PermittedServer {
  readonly url: string;
  /** How somebody logs in, and with which prefix of reply subjects; agents have theirs by themselves. */
  login(name: string): Login;
  /** The address with a login in it. */
  urlOf(name: string): string;
  /** What the broker has refused so far: `ada: Publish x`. */
  refused(): readonly string[];
  /** Takes the user out of the running server, with the rest as it was. */
  revoke(name: string): Promise<void>;
  stop(): Promise<void>;
}

export interface Login {
  readonly servers: string;
  readonly user: string;
  readonly pass: string;
}

export const permissionsFolder = join(root, 'infra/nats/permissions');
const everything = 'root';

/** `users`: names by role. */
export async function startPermittedServer(
  fleet: string,
  users: Readonly<Partial<Record<Role, readonly string[]>>>,
): Promise<PermittedServer> {
  const named = Object.entries(users).flatMap(([role, names]) => names.map((name) => ({ role, name })));
  const configuration = (gone?: string): Promise<string> =>
    configurationOf(
      fleet,
      named.filter(({ name }) => name !== gone),
    );
  const server = await startRawServer(await configuration());
  return {
    url: server.url,
    login: (name) => ({ servers: server.url, user: name, pass: passwordOf(name) }),
    urlOf: (name) => server.url.replace('//', `//${name}:${passwordOf(name)}@`),
    refused: () => refusalsIn(server),
    revoke: async (name) => server.reload(await configuration(name)),
    stop: () => server.stop(),
  };
}

async function configurationOf(
  fleet: string,
  users: readonly { readonly role: string; readonly name: string }[],
): Promise<string> {
  const names = [...users.map(({ name }) => name), everything];
  const passwords = names.map((name) => `${passwordVariable(name)}: "${passwordOf(name)}"`);
  const words = users.map(({ role, name }) => `${role}:${name}`);
  const { stdout } = await execa(join(permissionsFolder, 'users.sh'), [fleet, ...words]);
  const free = `{ user: ${everything}, password: $${passwordVariable(everything)} }`;
  return [
    'jetstream { store_dir: "$FOLDER/js" }',
    ...passwords,
    stdout.replace('users [', `users [ ${free}`),
  ].join('\n');
}

function passwordOf(name: string): string {
  return `the password of ${name}`.replaceAll(' ', '-');
}

function passwordVariable(name: string): string {
  return `NATS_PASSWORD_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** `… - cid:5 - "…" - "$G/user:ada" - Publish Violation - Subject "x"` */
function refusalsIn({ complaints }: RawServer): string[] {
  return complaints.map((line) => {
    const [, user = '', kind = '', subject = ''] =
      /\/user:([^"]*)" - (\w+) Violation - .*?"([^"]*)"/.exec(line) ?? [];
    return kind === '' ? line : `${user}: ${kind} ${subject}`;
  });
}
