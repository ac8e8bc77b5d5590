/** The conformance world on a real nats-server: each client behind a proxy of its own, each world a new fleet. */
import { randomBytes } from 'node:crypto';
import { connect } from 'nats';
import { realClock } from '../../src/nats/clock.ts';
import type { NatsLog } from '../../src/nats/log.ts';
import { openNatsPorts, type NatsPorts } from '../../src/nats/ports.ts';
import { realRandom } from '../../src/nats/random.ts';
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
  /** Everything that the clients logged. */
  readonly logged: string[];
  client(id: string): Promise<NatsClient>;
}

export async function makeNatsWorld(server: {
  readonly port: number;
  readonly url: string;
}): Promise<NatsWorld> {
  const fleet = `f${randomBytes(6).toString('hex')}`;
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

  return {
    fleet,
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
    purgeBelow: async (sequence) => {
      const nc = await connect({ servers: server.url });
      await (await nc.jetstreamManager()).streams.purge(subjectsOf(fleet).stream, { seq: sequence });
      await nc.close();
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
