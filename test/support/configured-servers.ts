/**
 * nats-servers started from the configurations in infra/nats, on free ports of this machine, with the values that those
 * take from the environment. Everything that a test starts is ended by `stop`.
 */
import { execa } from 'execa';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { findNatsServer } from '../../src/nats/server-binary.ts';
import { freePort } from './free-port.ts';
import { binary } from './nats-server.ts';
import { root } from './docs.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** As clients log in to any of them. */
export const login = { user: 'fleet', pass: 'a-password' } as const;
const routePassword = 'between-servers';
const gatewayPassword = 'between-regions';

export interface ConfiguredServer {
  readonly name: string;
  readonly url: string;
  readonly monitorUrl: string;
  kill(): Promise<void>;
  /** Again, on the same ports and folder. */
  start(): Promise<void>;
}

export interface ConfiguredServers {
  readonly servers: readonly ConfiguredServer[];
  named(name: string): ConfiguredServer;
  /** Of all, or of those whose name begins so. */
  urls(prefix?: string): string[];
  stop(): Promise<void>;
}

type Environment = Readonly<Record<string, string>>;

/** The values of nats.env.example, as systemd and compose read them. */
export function exampleEnvironment(): Record<string, string> {
  const lines = readFileSync(join(root, 'infra/nats/nats.env.example'), 'utf8').split('\n');
  const pairs = lines.flatMap((line) => {
    const found = /^([A-Z_]+)=(.*)$/.exec(line);
    return found === null ? [] : [[found[1], found[2]?.replace(/^'(.*)'$/, '$1')]];
  });
  return Object.fromEntries(pairs) as Record<string, string>;
}

/** What `nats-server -t` says of a configuration. */
export async function checkConfiguration(file: string, env: Environment): Promise<string> {
  const { path } = await findNatsServer({ binary });
  const { all } = await execa(path, ['-t', '-c', configurationOf(file)], {
    env,
    extendEnv: false,
    all: true,
    reject: false,
  });
  return all;
}

/** `env`: what the file takes beside what every server needs. */
export async function startOneNode(
  file = 'one-node.conf',
  env: Environment = {},
): Promise<ConfiguredServers> {
  const folder = newFolder();
  const server = await newServer('one', file, { ...(await commonEnvironment('one', folder)), ...env });
  return startAll([server], folder, []);
}

export async function startThreeNodes(): Promise<ConfiguredServers> {
  const folder = newFolder();
  const names = ['a', 'b', 'c'];
  const cluster = await clusterEnvironments(names, folder);
  const servers = await Promise.all(
    names.map((name) => newServer(name, `three-nodes/${name}.conf`, cluster.get(name) ?? {})),
  );
  return startAll(servers, folder, []);
}

export interface TwoRegions extends ConfiguredServers {
  /** Closes what is open between the regions, and lets nothing new through until `heal`. */
  cut(): void;
  /** Takes nothing more from either side until `heal`, and closes nothing. */
  stall(): void;
  heal(): void;
}

/** Three servers in west, one in east; what goes between them takes `delayMs` each way. */
export async function startTwoRegions({ delayMs }: { readonly delayMs: number }): Promise<TwoRegions> {
  const folder = newFolder();
  const west = ['west-a', 'west-b', 'west-c'];
  const east = ['east-a'];
  const links = new Map<string, { readonly listen: string; readonly proxy: TcpProxy }>();
  for (const name of [...west, ...east]) {
    const port = await freePort();
    links.set(name, { listen: `127.0.0.1:${port}`, proxy: await startTcpProxy({ port }, { delayMs }) });
  }
  const proxies = [...links.values()].map(({ proxy }) => proxy);
  const seenAt = (name: string): string => new URL(links.get(name)?.proxy.url ?? '').host;
  const urlsOf = (names: readonly string[]): string =>
    `[${names.map((name) => `"nats://gateway:${gatewayPassword}@${seenAt(name)}"`).join(', ')}]`;
  const environments = new Map([
    ...(await clusterEnvironments(west, folder)),
    ...(await clusterEnvironments(east, folder)),
  ]);
  const servers = await Promise.all(
    [...environments].map(([name, environment]) =>
      newServer(name, `two-regions/${name}.conf`, {
        ...environment,
        NATS_REGION: name.split('-')[0] ?? '',
        NATS_GATEWAY_LISTEN: links.get(name)?.listen ?? '',
        NATS_GATEWAY_ADVERTISE: seenAt(name),
        NATS_GATEWAY_WEST: urlsOf(west),
        NATS_GATEWAY_EAST: urlsOf(east),
        NATS_GATEWAY_PASSWORD: gatewayPassword,
      }),
    ),
  );
  const started = await startAll(servers, folder, proxies);
  const each = (act: (proxy: TcpProxy) => void): void => {
    for (const proxy of proxies) act(proxy);
  };
  return {
    ...started,
    cut: () => each((proxy) => proxy.cut()),
    stall: () => each((proxy) => proxy.stall()),
    heal: () => each((proxy) => proxy.heal()),
  };
}

/** What every server needs, as in infra/nats/server.conf. */
async function commonEnvironment(name: string, folder: string): Promise<Environment> {
  return {
    NATS_SERVER_NAME: name,
    NATS_LISTEN: `127.0.0.1:${await freePort()}`,
    NATS_MONITOR_LISTEN: `127.0.0.1:${await freePort()}`,
    NATS_STORE_DIR: join(folder, name),
    NATS_STORE_MAX: '20GB',
    NATS_USER: login.user,
    NATS_PASSWORD: login.pass,
  };
}

async function clusterEnvironments(
  names: readonly string[],
  folder: string,
): Promise<Map<string, Environment>> {
  const ports = await Promise.all(names.map(() => freePort()));
  const routes = ports.map((port) => `"nats://route:${routePassword}@127.0.0.1:${port}"`).join(', ');
  const environments = await Promise.all(
    names.map(async (name, i): Promise<[string, Environment]> => [
      name,
      {
        ...(await commonEnvironment(name, folder)),
        NATS_ROUTE_LISTEN: `127.0.0.1:${ports[i] ?? 0}`,
        NATS_ROUTES: `[${routes}]`,
        NATS_ROUTE_PASSWORD: routePassword,
      },
    ]),
  );
  return new Map(environments);
}

async function newServer(name: string, file: string, env: Environment): Promise<ConfiguredServer> {
  const { path } = await findNatsServer({ binary });
  const { NATS_LISTEN: listen = '', NATS_MONITOR_LISTEN: monitor = '' } = env;
  let child: ChildProcess | null = null;
  return {
    name,
    url: `nats://${listen}`,
    monitorUrl: `http://${monitor}`,
    async kill() {
      if (child === null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      child = null;
    },
    async start() {
      child = spawn(path, ['-c', configurationOf(file)], {
        env: { ...env },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      await untilReady(child, name);
    },
  };
}

/** Its log is read for as long as it runs: a full pipe would block it. */
function untilReady(child: ChildProcess, name: string): Promise<void> {
  const lines: string[] = [];
  return new Promise((resolve, reject) => {
    child.once('exit', () => {
      reject(new Error(`server ${name} ended: ${lines.join('\n')}`));
    });
    if (child.stderr === null) return;
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line);
      if (line.endsWith('Server is ready')) resolve();
    });
  });
}

async function startAll(
  servers: readonly ConfiguredServer[],
  folder: string,
  proxies: readonly TcpProxy[],
): Promise<ConfiguredServers> {
  await Promise.all(servers.map((server) => server.start()));
  await Promise.all(servers.map(untilHealthy));
  return {
    servers,
    named: (name) => {
      const found = servers.find((server) => server.name === name);
      if (found === undefined) throw new Error(`no server ${name}`);
      return found;
    },
    urls: (prefix = '') => servers.filter(({ name }) => name.startsWith(prefix)).map(({ url }) => url),
    async stop() {
      await Promise.all(servers.map((server) => server.kill()));
      await Promise.all(proxies.map((proxy) => proxy.stop()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** JetStream serves: in a cluster, once it has elected a leader of its own. */
async function untilHealthy({ monitorUrl }: ConfiguredServer): Promise<void> {
  for (;;) {
    const isHealthy = await fetch(`${monitorUrl}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isHealthy) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A name below infra/nats, or a whole path. */
function configurationOf(file: string): string {
  return resolve(root, 'infra/nats', file);
}

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'conclave-configured-'));
}
