/**
 * Reads a stream as each server of a cluster keeps it. Only the leader of a stream answers `STREAM.MSG.GET`, so each
 * server is made its leader in turn; that it led all the while is asked before and after.
 */
import { connect, JSONCodec, type NatsConnection } from 'nats';
import { hashOf } from '../../src/wire/entry.ts';
import { serverNames, type ServerName } from '../support/cluster-servers.ts';

export interface ReplicaCopy {
  readonly server: ServerName;
  readonly first: number;
  readonly last: number;
  readonly slots: ReadonlyMap<number, Slot>;
}

export interface Slot {
  /** Of the entry's bytes. */
  readonly hash: string;
  /** Its headers, and when the stream's leader took it. */
  readonly about: string;
}

interface StreamInfo {
  readonly cluster?: { readonly leader?: string };
  readonly state: { readonly first_seq: number; readonly last_seq: number };
}

interface StoredMessage {
  readonly message?: {
    readonly seq: number;
    readonly hdrs?: string;
    readonly data?: string;
    readonly time: string;
  };
}

const codec = JSONCodec<object>();
const API_MS = 5_000;
/** Reads under way at once. */
const WINDOW = 64;

/** Nobody may write meanwhile. */
export async function readReplicas(
  servers: readonly string[],
  stream: string,
): Promise<readonly ReplicaCopy[]> {
  const nc = await connect({ servers: [...servers] });
  try {
    const copies: ReplicaCopy[] = [];
    for (const server of serverNames) copies.push(await readReplica(nc, stream, server));
    return copies;
  } finally {
    await nc.close();
  }
}

/** Again, when the leader changed meanwhile. */
async function readReplica(nc: NatsConnection, stream: string, server: ServerName): Promise<ReplicaCopy> {
  for (;;) {
    try {
      const info = await untilLedBy(nc, stream, server);
      const { first_seq: first, last_seq: last } = info.state;
      const slots = await readSlots(nc, stream, { first, last });
      const after = await infoOf(nc, stream);
      if (after.cluster?.leader === server && after.state.last_seq === last)
        return { server, first, last, slots };
    } catch {
      // Nobody answers while the leader changes.
      await pause();
    }
  }
}

async function untilLedBy(nc: NatsConnection, stream: string, server: ServerName): Promise<StreamInfo> {
  for (;;) {
    const info = await infoOf(nc, stream);
    if (info.cluster?.leader === server) return info;
    await api(nc, `STREAM.LEADER.STEPDOWN.${stream}`, { placement: { preferred: server } });
    await pause();
  }
}

async function readSlots(
  nc: NatsConnection,
  stream: string,
  { first, last }: { readonly first: number; readonly last: number },
): Promise<ReadonlyMap<number, Slot>> {
  const slots = new Map<number, Slot>();
  let next = first;
  const reader = async (): Promise<void> => {
    while (next <= last) {
      const sequence = next;
      next += 1;
      const { message } = (await api(nc, `STREAM.MSG.GET.${stream}`, { seq: sequence })) as StoredMessage;
      const { hdrs = '', data = '', time = '' } = message ?? {};
      slots.set(sequence, { hash: hashOf(Buffer.from(data, 'base64')), about: `${hdrs} ${time}` });
    }
  };
  await Promise.all(Array.from({ length: WINDOW }, reader));
  return slots;
}

const infoOf = async (nc: NatsConnection, stream: string): Promise<StreamInfo> =>
  (await api(nc, `STREAM.INFO.${stream}`, {})) as StreamInfo;

async function api(nc: NatsConnection, verb: string, body: object): Promise<object> {
  const { data } = await nc.request(`$JS.API.${verb}`, codec.encode(body), { timeout: API_MS });
  const answer = codec.decode(data) as { readonly error?: { readonly description: string } };
  if (answer.error !== undefined) throw new Error(`${verb}: ${answer.error.description}`);
  return answer;
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 200));
