/**
 * Three nats-servers with JetStream on this machine's loopback, one cluster: for tests that kill one of them. Each
 * keeps its ports and its folder over restarts; all are gone after the tests of the file.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connect, type JetStreamManager } from 'nats';
import { afterAll, beforeAll } from 'vitest';
import { findNatsServer } from '../../src/nats/server-binary.ts';
import { freePort } from './free-port.ts';
import { binary } from './nats-server.ts';

const host = '127.0.0.1';
const names = ['one', 'two', 'three'] as const;
export type ServerName = (typeof names)[number];

export interface NatsCluster {
  /** Of all three. */
  readonly urls: readonly string[];
  urlOf(name: ServerName): string;
  kill(name: ServerName): Promise<void>;
  /** Resolves when it is ready; it may still be catching up. */
  restart(name: ServerName): Promise<void>;
  /** Who leads the stream, and whether all of its copies are complete. */
  standing(stream: string): Promise<{ readonly leader: ServerName | null; readonly isWhole: boolean }>;
}

export interface ClusterOptions {
  /** Where a server keeps its store. Default: in a folder of its own, removed at the end. */
  readonly storeOf?: (name: ServerName) => string;
  /** False: fsync as NATS does by default, every two minutes. */
  readonly syncAlways?: boolean;
  /** The port at which one server finds another's routes, where that is not its own: what stands between them. */
  readonly routeBetween?: (from: ServerName, to: ServerName, routePort: number) => Promise<number>;
}

interface Place {
  readonly port: number;
  readonly routePort: number;
}

/** Call it at the top of a file; the returned function gives the cluster inside tests. */
export function withCluster(options: ClusterOptions = {}): () => NatsCluster {
  let cluster: (NatsCluster & { stop(): Promise<void> }) | undefined;
  beforeAll(async () => {
    cluster = await startCluster(options);
  }, 60_000);
  afterAll(async () => {
    await cluster?.stop();
  });
  return () => {
    if (cluster === undefined) throw new Error('withCluster(): it runs inside tests and hooks only');
    return cluster;
  };
}

export async function startCluster(
  options: ClusterOptions = {},
): Promise<NatsCluster & { stop(): Promise<void> }> {
  const { path } = await findNatsServer({ binary });
  const folder = mkdtempSync(join(tmpdir(), 'conclave-cluster-'));
  const places = new Map<ServerName, Place>();
  for (const name of names) places.set(name, { port: await freePort(), routePort: await freePort() });
  const routes = await routesBetween(places, options);
  const urls = [...places.values()].map(({ port }) => `nats://${host}:${port}`);
  const children = new Map<ServerName, ChildProcess>();
  const endAll = (): void => {
    for (const child of children.values()) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', endAll);

  const start = async (name: ServerName): Promise<void> => {
    const place = places.get(name);
    if (place === undefined) throw new Error(`${name} has no place`);
    const store = options.storeOf?.(name) ?? join(folder, name);
    mkdirSync(store, { recursive: true });
    const file = join(folder, `${name}.conf`);
    writeFileSync(file, configOf(name, { ...options, ...place, store, routes: routes.get(name) ?? [] }));
    const child = spawn(path, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    children.set(name, child);
    await untilReady(child);
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

  await Promise.all(names.map(start));
  await untilItKeepsThreeCopies(ask);
  return {
    urls,
    urlOf: (name) => `nats://${host}:${places.get(name)?.port ?? 0}`,
    kill,
    restart: async (name) => {
      await kill(name);
      await start(name);
    },
    standing: (stream) =>
      ask(async ({ streams }) => {
        const { cluster } = await streams.info(stream);
        const replicas = cluster?.replicas ?? [];
        const isWhole = replicas.length === 2 && replicas.every(({ current }) => current);
        return { leader: (cluster?.leader as ServerName | undefined) ?? null, isWhole };
      }),
    stop: async () => {
      await Promise.all(names.map(kill));
      process.off('exit', endAll);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Every server's list of the others, and of itself where nothing stands between them. */
async function routesBetween(
  places: ReadonlyMap<ServerName, Place>,
  { routeBetween }: ClusterOptions,
): Promise<ReadonlyMap<ServerName, readonly string[]>> {
  const all = new Map<ServerName, string[]>();
  for (const from of names) {
    const ports = [...places]
      .filter(([to]) => routeBetween === undefined || to !== from)
      .map(async ([to, { routePort }]) => (await routeBetween?.(from, to, routePort)) ?? routePort);
    all.set(
      from,
      (await Promise.all(ports)).map((port) => `nats://${host}:${port}`),
    );
  }
  return all;
}

function configOf(
  name: string,
  of: ClusterOptions & Place & { readonly store: string; readonly routes: readonly string[] },
): string {
  const lines = [
    `server_name: ${name}`,
    `listen: "${host}:${of.port}"`,
    'jetstream {',
    `  store_dir: ${JSON.stringify(of.store)}`,
    ...(of.syncAlways === false ? [] : ['  sync_interval: always']),
    // Not what it finds free on the disk: streams reserve what they may take.
    '  max_file_store: 8GB',
    '}',
    'cluster {',
    '  name: trio',
    `  listen: "${host}:${of.routePort}"`,
    `  routes: ${JSON.stringify(of.routes)}`,
    // Nobody finds a way around what stands between them: neither servers nor clients.
    ...(of.routeBetween === undefined ? [] : [`  advertise: "${host}:1"`, '  no_advertise: true']),
    '}',
  ];
  return `${lines.join('\n')}\n`;
}

/** Its log is read for as long as it runs: a full pipe would stop it. */
function untilReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const lines: string[] = [];
    child.once('exit', () => {
      reject(new Error(`nats-server ended:\n${lines.slice(-20).join('\n')}`));
    });
    if (child.stderr === null) return;
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (lines.push(line) > 100) lines.shift();
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
