/** All four ports on one NATS server or cluster: the only place of this folder that puts the parts together. */
import type { ServerInfo } from 'nats';
import type { Fsync } from '../domain/durability.ts';
import type { Ports } from '../ports.ts';
import { subjectsOf } from '../wire/subjects.ts';
import { NatsBus } from './bus.ts';
import { realClock } from './clock.ts';
import {
  broughtConnection,
  connectNats,
  readyAddress,
  type NatsAddress,
  type RefusalHeard,
} from './connection.ts';
import { NatsLedger } from './ledger.ts';
import type { NatsLog } from './log.ts';
import { realRandom } from './random.ts';
import { snapshotSubjectsOf } from './snapshot-subjects.ts';
import type { StreamPlacement } from './stream-config.ts';

export interface NatsPortsOptions extends NatsAddress {
  readonly fleet: string;
  /** Of the ledger's stream. Not given: 1 when it is created, any when it exists. Snapshots have as many as the ledger. */
  readonly replicas?: 1 | 3;
  /** Where the two streams are created. Not given: in the cluster that this process is connected to. */
  readonly placement?: StreamPlacement;
  /** Of the ledger's stream, and as much again for the snapshots. Default 1 GiB. */
  readonly ledgerBytesMax?: number;
  /** Whether a ledger that is not there is created. Default true. */
  readonly mayCreate?: boolean;
  /** What is known of the server's writing to disk, which it does not tell. */
  readonly fsync?: Fsync;
  readonly log: NatsLog;
  /** Each thing that the broker's permissions forbid the bus, when it says so. */
  readonly refused?: RefusalHeard;
}

export interface NatsPorts extends Ports {
  /** Of the server that the bus was connected to first. */
  readonly serverInfo: ServerInfo | undefined;
  /** Sends what was just published, then closes the bus, every follower and every ledger connection. */
  close(): Promise<void>;
}

/**
 * Throws INVALID for a fleet's name that is none or a login that cannot be used, NO_NATS when no server answers, FORBIDDEN
 * when one refuses the credentials, NATS_TOO_OLD.
 */
export async function openNatsPorts(options: NatsPortsOptions): Promise<NatsPorts> {
  const {
    fleet,
    replicas,
    ledgerBytesMax,
    placement,
    mayCreate = true,
    fsync,
    log,
    refused,
    ...given
  } = options;
  const { stream, ledger: subject } = subjectsOf(fleet);
  const address = readyAddress(given);
  const { connection } = address;
  const nc = await (connection === undefined ? connectNats(address, true) : broughtConnection(connection));
  const { inboxPrefix } = address;
  const bus = new NatsBus(nc, {
    log,
    isBrought: connection !== undefined,
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
    ...(refused === undefined ? {} : { refused }),
  });
  const wish = {
    stream,
    subject,
    ...(replicas === undefined ? {} : { replicas }),
    ...(ledgerBytesMax === undefined ? {} : { bytesMax: ledgerBytesMax }),
    ...(placement === undefined ? {} : { placement }),
  };
  const snapshots = snapshotSubjectsOf(fleet);
  const parts = { bus, clock: realClock, random: realRandom, log };
  const known = fsync === undefined ? {} : { fsync };
  const ledger = new NatsLedger({ ...parts, ...known, address, wish, snapshots, mayCreate });
  return {
    clock: realClock,
    random: realRandom,
    bus,
    ledger,
    serverInfo: nc.info,
    close: async () => {
      ledger.close();
      await bus.close();
    },
  };
}
