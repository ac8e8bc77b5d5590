/** The conformance world on a real nats-server: each client behind a proxy of its own, each world a new fleet. */
import { randomBytes } from 'node:crypto';
import { connect, type JetStreamManager } from 'nats';
import { realClock } from '../../src/nats/clock.ts';
import type { NatsLog } from '../../src/nats/log.ts';
import { openNatsPorts, type NatsPorts } from '../../src/nats/ports.ts';
import { realRandom } from '../../src/nats/random.ts';
import { snapshotSubjectsOf, type SnapshotSubjects } from '../../src/nats/snapshot-subjects.ts';
import { subjectsOf } from '../../src/wire/subjects.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import type { ConformanceWorld } from './world.ts';

/** The broker reserves it for each world's stream. */
const ledgerBytesMax = 64 * 1024 ** 2;

export interface NatsClient {
  readonly ports: NatsPorts;
  readonly proxy: TcpProxy;
}

export interface NatsWorld extends ConformanceWorld {
  readonly fleet: string;
  readonly snapshots: SnapshotSubjects;
  /** Everything that the clients logged. */
  readonly logged: string[];
  client(id: string): Promise<NatsClient>;
  /** On the server itself, past every proxy. */
  manage<T>(run: (manager: JetStreamManager) => Promise<T>): Promise<T>;
}

export async function makeNatsWorld(server: {
  readonly port: number;
  readonly url: string;
}): Promise<NatsWorld> {
  const fleet = `f${randomBytes(6).toString('hex')}`;
  const snapshots = snapshotSubjectsOf(fleet);
  const logged: string[] = [];
  const write = (fields: object, message: string): void => {
    logged.push(`${message} ${JSON.stringify(fields)}`);
  };
  const log: NatsLog = { warn: write, error: write };
  const clients = new Map<string, Promise<NatsClient>>();
  const proxies = new Map<string, TcpProxy>();

  const open = async (id: string): Promise<NatsClient> => {
    const proxy = await startTcpProxy(server);
    proxies.set(id, proxy);
    const address = { servers: proxy.url, role: 'test', id };
    return { proxy, ports: await openNatsPorts({ ...address, fleet, ledgerBytesMax, log }) };
  };
  const client = (id: string): Promise<NatsClient> => {
    const known = clients.get(id) ?? open(id);
    clients.set(id, known);
    return known;
  };
  const proxyOf = (id: string): TcpProxy => {
    const proxy = proxies.get(id);
    if (proxy === undefined) throw new Error(`client ${id} does not exist yet`);
    return proxy;
  };

  const manage = async <T>(run: (manager: JetStreamManager) => Promise<T>): Promise<T> => {
    const nc = await connect({ servers: server.url });
    try {
      return await run(await nc.jetstreamManager());
    } finally {
      await nc.close();
    }
  };

  return {
    fleet,
    snapshots,
    manage,
    ledgerBytesMax,
    logged,
    client,
    clock: realClock,
    random: realRandom,
    bus: async (id) => (await client(id)).ports.bus,
    ledger: async (id) => (await client(id)).ports.ledger,
    closeBus: async (id) => (await client(id)).ports.close(),
    cut: (id) => proxyOf(id).cut(),
    heal: (id) => proxyOf(id).heal(),
    swallowNextAcknowledgement: (id) => proxyOf(id).swallowNext(isAcknowledgement),
    swallowNextPartAcknowledgement: (id) => proxyOf(id).swallowNext(isPartAcknowledgement),
    damageSnapshot: (name) =>
      manage(async (manager) => {
        const subject = snapshots.chunk(name, 0);
        const { data } = await manager.streams.getMessage(snapshots.stream, { last_by_subj: subject });
        const changed = Uint8Array.from(data, (byte, index) => (index === 0 ? byte ^ 0xff : byte));
        await manager.jetstream().publish(subject, changed);
      }),
    heldSnapshots: () =>
      manage(async ({ streams }) => {
        const { state } = await streams.info(snapshots.stream, { subjects_filter: '>' });
        const names = Object.keys(state.subjects ?? {}).map(
          (subject) => snapshots.partOf(subject)?.name ?? '',
        );
        return [...new Set(names)].sort();
      }),
    purgeBelow: async (sequence) => {
      await manage(({ streams }) => streams.purge(subjectsOf(fleet).stream, { seq: sequence }));
    },
    settle: (promise) => promise,
    stop: async () => {
      for (const opened of clients.values()) {
        const { ports, proxy } = await opened;
        await ports.close();
        await proxy.stop();
      }
    },
  };
}

function isAcknowledgement(frame: Buffer): boolean {
  return /\{"stream":"CONCLAVE_[^"]+",\s*"seq":\d+/.test(frame.toString('latin1'));
}

function isPartAcknowledgement(frame: Buffer): boolean {
  return /\{"stream":"CONCLAVE-SNAPSHOTS_[^"]+",\s*"seq":\d+/.test(frame.toString('latin1'));
}
