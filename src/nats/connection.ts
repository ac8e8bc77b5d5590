/**
 * Opens connections to NATS: from our options to the library's, with the pings, the reconnect policy and the
 * name that every connection of ours has. The bus's connection reconnects for ever; the ledger's never does
 * (DESIGN §3 rule 8).
 */
import { Events, type ConnectionOptions, type NatsConnection, type Status } from 'nats';
import type { BusStatus } from '../ports.ts';
import { libraryAuth, type LibraryAuth, type NatsAuth } from './credentials.ts';
import { connectError } from './errors.ts';
import { fence, type NatsLog } from './log.ts';
import { serverUrls } from './server-urls.ts';
import { tooOld } from './server-version.ts';
import { connectPromptly } from './transport.ts';

/** Connections of the `nats` package that the caller brings, or opens as it likes. */
export interface BroughtConnections {
  /**
   * Open already, and used for everything but the ledger. It stays the caller's: never closed here. It should reconnect
   * for ever (`maxReconnectAttempts: -1`) and ping every second or two: its pings find a link that is silently dead.
   * Closed by the caller, an agent on it ends with `NO_NATS`.
   */
  readonly connection?: NatsConnection;
  /**
   * Opens every connection that is needed beyond `connection`: again and again those of the ledger, which never
   * reconnect. Must hand on the options that it is given, as in `(needed) => connect({ ...mine, ...needed })`; they say where NATS
   * is only if `servers` was given. What it opens is closed here.
   */
  readonly connect?: (needed: ConnectionOptions) => Promise<NatsConnection>;
}

export interface NatsAddress extends NatsAuth, BroughtConnections {
  /** Empty: `connect` knows. */
  readonly servers: string | readonly string[];
  /** What this process is (`agent`, `http`, `cli`), for `nats server report connections`. */
  readonly role: string;
  readonly id: string;
  /** Replies come to subjects below it. Default: NATS's own `_INBOX`. */
  readonly inboxPrefix?: string;
  /** JetStream is asked in this domain: beyond a leaf node, for one. Default: that of the server. */
  readonly jetstreamDomain?: string;
}

const pingIntervalMs = 1_000;
const pingsOutMax = 2;
const connectTimeoutMs = 2_000;
const reconnectWaitMs = 100;
const reconnectJitterMs = 150;
/** A refused heartbeat comes every second; its complaint is worth a line less often. */
const complaintEveryMs = 10_000;

/** An address whose login has been read and checked, to be dialled any number of times. */
export interface ReadyAddress extends LibraryAuth, Omit<NatsAddress, keyof NatsAuth | 'servers'> {
  /** Without a login. */
  readonly servers: readonly string[];
}

/** Throws INVALID for a login that cannot be used. */
export function readyAddress(address: NatsAddress): ReadyAddress {
  const { servers, login, isTls } = serverUrls(address.servers);
  const { role, id, inboxPrefix, jetstreamDomain, connection, connect, servers: _, ...given } = address;
  const auth = libraryAuth(hasLogin(given) ? given : { ...given, ...login });
  return {
    ...(isTls ? { tls: {} } : {}),
    ...auth,
    servers,
    role,
    id,
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
    ...(jetstreamDomain === undefined ? {} : { jetstreamDomain }),
    ...(connection === undefined ? {} : { connection }),
    ...(connect === undefined ? {} : { connect }),
  };
}

function hasLogin({ authenticator, token, user, creds, nkey }: NatsAuth): boolean {
  return [authenticator, token, user, creds, nkey].some((way) => way !== undefined);
}

/** Throws NO_NATS, FORBIDDEN or NATS_TOO_OLD. */
export async function connectNats(address: ReadyAddress, reconnect: boolean): Promise<NatsConnection> {
  const { role, id, servers, jetstreamDomain: _, connection: __, connect, ...rest } = address;
  const options: ConnectionOptions = {
    ...rest,
    ...(servers.length === 0 ? {} : { servers: [...servers] }),
    name: `conclave/${role}/${id}`,
    pingInterval: pingIntervalMs,
    maxPingOut: pingsOutMax,
    timeout: connectTimeoutMs,
    reconnect,
    maxReconnectAttempts: -1,
    // Two equal refusals in a row end the library's patience; a broker that restarts may refuse for a while.
    ignoreAuthErrorAbort: reconnect,
    reconnectDelayHandler: reconnectDelay(),
    noAsyncTraces: true,
  };
  const open = connect ?? connectPromptly;
  const nc = await open(options).catch((error: unknown) => {
    throw connectError(error, servers);
  });
  const problem = tooOld(servers.join(', '), nc.info?.version);
  if (problem === null) return nc;
  await nc.close();
  throw problem;
}

/** The caller's own connection, once it is seen to work. Throws NO_NATS or NATS_TOO_OLD. */
export async function broughtConnection(nc: NatsConnection): Promise<NatsConnection> {
  await nc.rtt().catch((error: unknown) => {
    throw connectError(error, [nc.isClosed() ? 'the connection that was given' : nc.getServer()]);
  });
  const problem = tooOld(nc.getServer(), nc.info?.version);
  if (problem !== null) throw problem;
  return nc;
}

/**
 * The library compares the wait with the wall clock: after a step backwards it would not dial until the old
 * time is reached again. It asks for the wait before every look at a server; after such a step the next few
 * looks have none.
 */
function reconnectDelay(): () => number {
  const freeLooks = 16;
  const stepMs = 50;
  let latest = Date.now();
  let free = 0;
  return () => {
    const now = Date.now();
    if (now < latest - stepMs) free = freeLooks;
    latest = now;
    if (free > 0) {
      free -= 1;
      return -Infinity;
    }
    return reconnectWaitMs + Math.random() * reconnectJitterMs;
  };
}

/** What the broker's permissions forbid. */
export interface Refusal {
  readonly operation: 'publish' | 'subscription';
  readonly subject: string;
}

export type RefusalHeard = (refusal: Refusal) => 'handled' | 'open';

/**
 * Hears every change of the connection, the last of which is `closed`. What the broker refuses is told to `refused`,
 * and logged unless that says that it has been dealt with. The function that it returns ends it: of a connection that
 * stays open.
 */
export function watchConnection(
  nc: NatsConnection,
  log: NatsLog,
  heard: (status: BusStatus) => void,
  refused: RefusalHeard = () => 'open',
): () => void {
  let isWatching = true;
  const tell = (status: BusStatus): void => {
    if (isWatching) fence(log, 'connection status', () => heard(status));
  };
  let complainedAt = -Infinity;
  // A publish that the broker refused is known only from its complaint, which names the subject.
  const complaint = (status: Status): void => {
    const { permissionContext } = status;
    if (permissionContext !== undefined) {
      const { operation, subject } = permissionContext;
      const kind = operation === 'publish' ? 'publish' : 'subscription';
      if (refused({ operation: kind, subject }) === 'handled') return;
    }
    const now = performance.now();
    if (now - complainedAt < complaintEveryMs) return;
    complainedAt = now;
    log.error({ reason: status.data, ...permissionContext }, 'the broker refused something');
  };
  const watch = async (): Promise<void> => {
    for await (const status of nc.status()) {
      if (!isWatching) return;
      if (status.type === Events.Disconnect) tell('offline');
      else if (status.type === Events.Reconnect) tell('online');
      else if (status.type === Events.LDM) tell('lameDuck');
      else if (status.type === Events.Error) complaint(status);
    }
  };
  watch().catch((error: unknown) => log.error({ err: error }, 'the connection cannot be watched'));
  const closed = (): void => tell('closed');
  nc.closed().then(closed, closed);
  return () => {
    isWatching = false;
  };
}
