/**
 * Three nats-servers with JetStream on this machine's loopback, one cluster: for tests that kill one of them. All are
 * gone after the tests of the file.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import {
  startClusterServers,
  type ClusterOptions as ServersOptions,
  type ClusterServers,
  type ServerName,
  type ServerPlace,
} from './cluster-servers.ts';
import { freePort } from './free-port.ts';
import { binary } from './nats-server.ts';

export type { ServerName } from './cluster-servers.ts';
export type NatsCluster = ClusterServers;

export interface ClusterOptions extends Pick<ServersOptions, 'syncAlways' | 'routeBetween'> {
  /** Default: what CONCLAVE_NATS_SERVER says. */
  readonly binary?: string;
  /** Where a server keeps its store. Default: in a folder of its own, removed at the end. */
  readonly storeOf?: (name: ServerName) => string;
}

/** Call it at the top of a file; the returned function gives the cluster inside tests. */
export function withCluster(options: ClusterOptions = {}): () => NatsCluster {
  let cluster: NatsCluster | undefined;
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

export async function startCluster({ storeOf, ...options }: ClusterOptions = {}): Promise<NatsCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'conclave-cluster-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  const place = async (name: ServerName): Promise<ServerPlace> => ({
    host: '127.0.0.1',
    port: await freePort(),
    routePort: await freePort(),
    store: storeOf?.(name) ?? join(folder, name),
  });
  const places = { one: await place('one'), two: await place('two'), three: await place('three') };
  const servers = await startClusterServers({ binary, places, folder, ...options });
  return {
    ...servers,
    stop: async () => {
      await servers.stop();
      process.off('exit', remove);
      remove();
    },
  };
}
