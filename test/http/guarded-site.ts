/**
 * Two servers of one fleet, for the tests of who may do what: one that asks for tokens, and one for this machine
 * alone. The fleet has one agent, `ada`, who says hostile things. What the servers log is kept.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { FastifyInstance, RouteOptions } from 'fastify';
import { afterAll, beforeAll } from 'vitest';
import { WebSocket } from 'ws';
import { makeToken } from '../../src/http/tokens.ts';
import {
  joinFleet,
  startHttpServer,
  type Agent,
  type HttpOptions,
  type HttpServer,
} from '../../src/index.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { withServer } from '../support/nats-server.ts';
import { readDocument, type ApiDocument, type Operation } from './fuzz-document.ts';

export const root = '/coordination';
export const made = {
  read: makeToken('reader', ['read']),
  operate: makeToken('grace', ['operate']),
  admin: makeToken('chief', ['admin']),
  all: makeToken('linus', ['read', 'operate', 'admin']),
};
export type TokenName = keyof typeof made;

export const hostile = '</script><img src=x onerror=alert(1)>\r\nSet-Cookie: a=b';
/** With a key that would reach a prototype, if it were copied by assignment. */
const poison: unknown = JSON.parse(`{"__proto__":{"isAdmin":true},"html":${JSON.stringify(hostile)}}`);

export interface Called {
  readonly status: number;
  readonly headers: Headers;
  /** Empty if it was not JSON. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export interface Call {
  readonly as?: TokenName;
  readonly method?: string;
  /** A text is sent as it is. */
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: the one that asks for tokens. */
  readonly on?: HttpServer;
}

export interface GuardedSite {
  readonly agent: Agent;
  readonly guarded: HttpServer;
  readonly open: HttpServer;
  /** Of the guarded one. */
  readonly document: ApiDocument;
  /** Of the guarded one, as they were registered. */
  readonly routes: readonly RouteOptions[];
  readonly logged: readonly string[];
  call(path: string, how?: Call): Promise<Called>;
  statusOf(path: string, how?: Call): Promise<number>;
  start(options: Partial<HttpOptions>): Promise<HttpServer>;
}

/** Call it at the top of a file; the returned function gives the site inside tests. */
export function withGuardedSite(): () => GuardedSite {
  const nats = withServer();
  const servers: HttpServer[] = [];
  const logged: string[] = [];
  let site: GuardedSite | undefined;

  const start = async (options: Partial<HttpOptions>): Promise<HttpServer> => {
    const keep = (fields: object, text: string): void => {
      logged.push(JSON.stringify(fields) + text);
    };
    const log = { debug: keep, info: keep, warn: keep, error: keep };
    const server = await startHttpServer({ servers: nats().url, fleet: 'guarded', port: 0, log, ...options });
    servers.push(server);
    return server;
  };

  beforeAll(async () => {
    const agent = await joinAda(nats().url);
    const open = await start({});
    const tokens = Object.values(made).map(({ entry }) => entry);
    const { result: guarded, routes } = await notingRoutes(() => start({ tokens }));
    const document = await readDocument(guarded.url);
    const call = (path: string, how: Call = {}) => callOf((how.on ?? guarded).url + path, how);
    const statusOf = async (path: string, how?: Call) => (await call(path, how)).status;
    site = { agent, guarded, open, document, routes, logged, call, statusOf, start };
  });

  afterAll(async () => {
    await Promise.all(servers.map((each) => each.close()));
    await site?.agent.leave().catch(() => undefined);
  });

  return () => {
    if (site === undefined) throw new Error('withGuardedSite(): the site is there inside tests only');
    return site;
  };
}

function joinAda(servers: string): Promise<Agent> {
  return joinFleet({
    servers,
    fleet: 'guarded',
    id: 'ada',
    handleSignals: false,
    settings: { leaveGraceMs: 200, retryBackoffMs: 10 },
    log: silentLog,
    slots: 10,
    labels: { site: hostile },
    tasks: {
      echo: ({ payload }) => payload,
      poison: () => poison,
      shout: () => {
        throw new Error(hostile);
      },
    },
    vote: () => 'abstain',
  });
}

/** Routes of every application that is made meanwhile. */
async function notingRoutes<T>(
  run: () => Promise<T>,
): Promise<{ readonly result: T; readonly routes: readonly RouteOptions[] }> {
  const routes: RouteOptions[] = [];
  const note = (message: unknown): void => {
    const { fastify } = message as { readonly fastify: FastifyInstance };
    fastify.addHook('onRoute', (route) => {
      routes.push(route);
    });
  };
  subscribe('fastify.initialization', note);
  try {
    return { result: await run(), routes };
  } finally {
    unsubscribe('fastify.initialization', note);
  }
}

async function callOf(url: string, { as, method, json, headers }: Call): Promise<Called> {
  const token = as === undefined ? {} : { Authorization: `Bearer ${made[as].token}` };
  const type = json === undefined ? {} : { 'Content-Type': 'application/json' };
  const answer = await fetch(url, {
    method: method ?? (json === undefined ? 'GET' : 'POST'),
    headers: { ...token, ...type, ...headers },
    ...(json === undefined ? {} : { body: typeof json === 'string' ? json : JSON.stringify(json) }),
  });
  const text = await answer.text();
  const isJson = answer.headers.get('Content-Type')?.includes('json') === true;
  const body = isJson ? (JSON.parse(text) as Called['body']) : {};
  return { status: answer.status, headers: answer.headers, body, text };
}

/** With everything that a token can have, and a key. */
export function keyed(key: string, json: object): Call {
  return { as: 'all', json, headers: { 'Idempotency-Key': key } };
}

/** An address of the operation that names nothing. */
export function addressOf({ path }: Operation): string {
  return path.replaceAll(/\{\w+\}/g, 'nothing');
}

/** 101: it was made, and ended again. */
export function upgradeStatus(on: HttpServer, headers: Readonly<Record<string, string>>): Promise<number> {
  const socket = new WebSocket(`${on.url.replace('http', 'ws')}${root}/events`, { headers });
  return new Promise((resolve, reject) => {
    socket.on('open', () => {
      socket.terminate();
      resolve(101);
    });
    socket.on('unexpected-response', (request, response) => {
      request.destroy();
      resolve(response.statusCode ?? 0);
    });
    socket.on('error', reject);
  });
}
