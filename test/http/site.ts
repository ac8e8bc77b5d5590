/**
 * A fleet with its HTTP server, for the tests of one file: a real nats-server, agents of this process, a free port,
 * and calls with fetch. Everything is ended after the test that started it.
 */
import { connect } from 'nats';
import { afterEach } from 'vitest';
import {
  joinFleet,
  startHttpServer,
  type Agent,
  type HttpOptions,
  type HttpServer,
  type JoinOptions,
} from '../../src/index.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { withServer } from '../support/nats-server.ts';

export interface Called {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The text, parsed where it is JSON; else nothing. */
  readonly body: Record<string, unknown> & { readonly items: readonly Record<string, unknown>[] };
}

export interface CallOptions {
  readonly method?: string;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is, with no content type of ours. */
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Site {
  readonly fleet: string;
  /** Where NATS is. */
  readonly servers: string;
  readonly http: HttpServer;
  readonly agents: readonly Agent[];
  readonly call: (path: string, options?: CallOptions) => Promise<Called>;
  /** Another server of the same fleet. */
  readonly another: (options?: Partial<HttpOptions>) => Promise<Site>;
}

export interface SiteOptions {
  readonly agents?: readonly (Partial<JoinOptions> & { readonly id: string })[];
  readonly http?: Partial<HttpOptions>;
  readonly fleet?: string;
}

/** Where all addresses of the API begin. */
export const root = '/coordination';

/** Call it at the top of a file; the returned function starts a fleet, inside tests. */
export function withSites(): (options?: SiteOptions) => Promise<Site> {
  const nats = withServer();
  const agents: Agent[] = [];
  const servers: HttpServer[] = [];
  const fleets = new Set<string>();
  let count = 0;

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((each) => each.close()));
    await Promise.all(agents.splice(0).map((each) => each.leave().catch(() => undefined)));
    await forget(nats().url, fleets);
  });

  return async ({ agents: wanted = [], http: given = {}, fleet } = {}) => {
    count += 1;
    const name = fleet ?? `site_${count}`;
    fleets.add(name);
    const joined: Agent[] = [];
    for (const each of wanted) {
      const agent = await joinFleet({
        servers: nats().url,
        fleet: name,
        handleSignals: false,
        settings: { leaveGraceMs: 200, retryBackoffMs: 10 },
        log: silentLog,
        ...each,
      });
      joined.push(agent);
      agents.push(agent);
    }
    const start = async (options: Partial<HttpOptions>): Promise<Site> => {
      const http = await startHttpServer({
        servers: nats().url,
        fleet: name,
        port: 0,
        log: silentLog,
        ...options,
      });
      servers.push(http);
      const call = (path: string, how?: CallOptions) => callOf(http.url + path, how);
      return {
        fleet: name,
        servers: nats().url,
        http,
        agents: joined,
        call,
        another: (more = {}) => start(more),
      };
    };
    return start(given);
  };
}

/** Each ledger reserves room at the broker. */
async function forget(url: string, fleets: Set<string>): Promise<void> {
  const nc = await connect({ servers: url });
  const manager = await nc.jetstreamManager();
  for (const fleet of fleets) await manager.streams.delete(`CONCLAVE_${fleet}`).catch(() => undefined);
  fleets.clear();
  await nc.close();
}

async function callOf(url: string, { method, json, raw, headers }: CallOptions = {}): Promise<Called> {
  const body = raw ?? (json === undefined ? undefined : JSON.stringify(json));
  const answer = await fetch(url, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { ...(json === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body }),
  });
  const text = await answer.text();
  const isJson = answer.headers.get('Content-Type')?.includes('json') === true;
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    body: (isJson ? JSON.parse(text) : {}) as Called['body'],
  };
}

/** What a problem document must be. */
export function problemLike(status: number, code: string): object {
  return {
    status,
    headers: expectContentType('application/problem+json'),
    body: { status, code },
  };
}

function expectContentType(type: string): object {
  return {
    asymmetricMatch: (headers: unknown) =>
      headers instanceof Headers && headers.get('Content-Type')?.startsWith(type) === true,
    toString: () => `headers with content type ${type}`,
  };
}
