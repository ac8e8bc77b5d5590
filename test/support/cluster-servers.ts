/**
 * Three nats-servers with JetStream that are one cluster, wherever each of them is put. Each keeps its ports and its
 * store over restarts. Who starts them ends them: `stop` kills all, and leaves the stores to their owner.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connect, type JetStreamManager } from 'nats';
import { findNatsServer } from '../../src/nats/server-binary.ts';

export const serverNames = ['one', 'two', 'three'] as const;
export type ServerName = (typeof serverNames)[number];

export interface ServerPlace {
  readonly host: string;
  readonly port: number;
  readonly routePort: number;
  /** Where JetStream keeps its files. */
  readonly store: string;
  /** Words in front of its command line, which start it where it belongs. */
  readonly within?: readonly string[];
}

export interface ClusterOptions {
  /** What CONCLAVE_NATS_SERVER says. */
  readonly binary: string | undefined;
  readonly places: Readonly<Record<ServerName, ServerPlace>>;
  /** For the configurations and the logs. */
  readonly folder: string;
  /** False: clients are not told of the other servers, so that they keep to the addresses that they were given. */
  readonly isAdvertised?: boolean;
  /** False: fsync as NATS does by default, every two minutes. */
  readonly syncAlways?: boolean;
  /** The port at which one server finds another's routes, where that is not its own: what stands between them. */
  readonly routeBetween?: (from: ServerName, to: ServerName, routePort: number) => Promise<number>;
}

export interface ClusterServers {
  /** Of all three. */
  readonly urls: readonly string[];
  urlOf(name: ServerName): string;
  kill(name: ServerName): Promise<void>;
  /** Kills it if it runs. Resolves when it is ready; it may still be catching up. `binary`: another nats-server, for good. */
  restart(name: ServerName, binary?: string): Promise<void>;
  signal(name: ServerName, signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** Who leads the stream, and whether all of its copies are complete. */
  standing(stream: string): Promise<{ readonly leader: ServerName | null; readonly isWhole: boolean }>;
  stop(): Promise<void>;
}

/** Resolves when they keep three copies of what they are given. */
export async function startClusterServers(options: ClusterOptions): Promise<ClusterServers> {
  const { path } = await findNatsServer({ binary: options.binary });
  const programs = new Map<ServerName, string>(serverNames.map((name) => [name, path]));
  const { places, folder } = options;
  const urlOf = (name: ServerName): string => `nats://${places[name].host}:${places[name].port}`;
  const urls = serverNames.map(urlOf);
  const routes = new Map<ServerName, readonly string[]>();
  for (const name of serverNames) routes.set(name, await routesOf(name, options));
  const children = new Map<ServerName, ChildProcess>();
  const endAll = (): void => {
    for (const child of children.values()) child.kill('SIGKILL');
  };
  process.once('exit', endAll);

  const start = async (name: ServerName): Promise<void> => {
    mkdirSync(places[name].store, { recursive: true });
    const file = join(folder, `${name}.conf`);
    writeFileSync(file, configOf(name, options, routes.get(name) ?? []));
    const [program, ...words] = [...(places[name].within ?? []), programs.get(name) ?? path, '-c', file];
    const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
    children.set(name, child);
    await untilReady(child, join(folder, `${name}.log`));
  };
  const kill = async (name: ServerName): Promise<void> => {
    const child = children.get(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  const ask = async <T>(run: (manager: JetStreamManager) => Promise<T>): Promise<T> => {
    const nc = await connect({ servers: urls });
    try {
      return await run(await nc.jetstreamManager());
    } finally {
      await nc.close();
    }
  };

  await Promise.all(serverNames.map(start));
  await untilItKeepsThreeCopies(ask);
  return {
    urls,
    urlOf,
    kill,
    restart: async (name, other) => {
      await kill(name);
      if (other !== undefined) programs.set(name, other);
      await start(name);
    },
    signal: (name, signal) => void children.get(name)?.kill(signal),
    standing: (stream) =>
      ask(async ({ streams }) => {
        const { cluster } = await streams.info(stream);
        const replicas = cluster?.replicas ?? [];
        const isWhole = replicas.length === 2 && replicas.every(({ current }) => current);
        return { leader: (cluster?.leader as ServerName | undefined) ?? null, isWhole };
      }),
    stop: async () => {
      await Promise.all(serverNames.map(kill));
      process.off('exit', endAll);
    },
  };
}

/** The others, and itself where nothing stands between them. */
async function routesOf(
  name: ServerName,
  { places, routeBetween }: ClusterOptions,
): Promise<readonly string[]> {
  const routes: string[] = [];
  for (const to of serverNames) {
    if (routeBetween !== undefined && to === name) continue;
    const { host, routePort } = places[to];
    routes.push(`nats://${host}:${(await routeBetween?.(name, to, routePort)) ?? routePort}`);
  }
  return routes;
}

function configOf(
  name: ServerName,
  { places, routeBetween, isAdvertised = routeBetween === undefined, syncAlways = true }: ClusterOptions,
  routes: readonly string[],
): string {
  const { host, port, routePort, store } = places[name];
  const lines = [
    `server_name: ${name}`,
    `listen: "${host}:${port}"`,
    'jetstream {',
    `  store_dir: ${JSON.stringify(store)}`,
    ...(syncAlways ? ['  sync_interval: always'] : []),
    // Not the share of a disk that it finds: what the streams may take is reserved, whatever the disk's size.
    '  max_file_store: 8GB',
    '}',
    'cluster {',
    '  name: trio',
    `  listen: "${host}:${routePort}"`,
    `  routes: ${JSON.stringify(routes)}`,
    ...(isAdvertised ? [] : ['  no_advertise: true']),
    // Nor do servers find a way around what stands between them.
    ...(routeBetween === undefined ? [] : [`  advertise: "${host}:1"`]),
    '}',
  ];
  return `${lines.join('\n')}\n`;
}

/** Its log is read for as long as it runs: a full pipe would stop it. */
function untilReady(child: ChildProcess, logFile: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const lines: string[] = [];
    child.once('error', reject);
    child.once('exit', () => {
      reject(new Error(`nats-server ended:\n${lines.join('\n')}`));
    });
    if (child.stderr === null) return;
    const log = createWriteStream(logFile, { flags: 'a' });
    // The end of its log says why it ended; a disk that is full must not take the test with it.
    log.on('error', () => undefined);
    child.stderr.pipe(log);
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (lines.push(line) > 20) lines.shift();
      if (line.endsWith('Server is ready')) resolve();
    });
  });
}

/** They have found each other, and agree on who manages JetStream. */
async function untilItKeepsThreeCopies(
  ask: <T>(run: (manager: JetStreamManager) => Promise<T>) => Promise<T>,
): Promise<void> {
  const name = 'trial';
  for (;;) {
    try {
      await ask(async ({ streams }) => {
        await streams.add({ name, subjects: [name], num_replicas: 3 });
        await streams.delete(name);
      });
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
