/**
 * What whoever runs an agent's process may ask of it over HTTP, in the form of the API's own probes: `/healthz`, whether
 * its event loop turns, and `/readyz`, whether it is a member that takes work. Open to all who reach the port, and says
 * nothing else.
 */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { ConclaveError, invalidField } from '../domain/errors.ts';
import { codeOf } from './values.ts';

export interface HealthAddress {
  readonly host: string;
  readonly port: number;
}

export interface HealthPort {
  /** From now on it is this agent's state that is told. */
  tells(agent: { readonly state: string }): void;
}

const DEFAULT_HOST = '127.0.0.1';
/** More than a probe has. */
const REQUEST_BYTES_MAX = 4_096;

/** `8201`, `0.0.0.0:8201` or `[::]:8201`. */
export function healthAddress(text: string): HealthAddress {
  const found = /^(?:(?<host>[\w.-]+|\[[\da-fA-F:]+\]):)?(?<port>\d{1,5})$/.exec(text)?.groups;
  const port = Number(found?.['port']);
  if (!(port >= 1 && port <= 65_535)) {
    throw invalidField('health', 'must be a port from 1 to 65535, or address:port such as 0.0.0.0:8201');
  }
  return { host: (found?.['host'] ?? DEFAULT_HOST).replace(/^\[(.*)\]$/, '$1'), port };
}

/** It ends with the process. Throws `CONFLICT` when it cannot listen there. */
export async function openHealthPort({ host, port }: HealthAddress): Promise<HealthPort> {
  let agent: { readonly state: string } | null = null;
  const server = createServer({ maxHeaderSize: REQUEST_BYTES_MAX }, ({ method, url }, response) => {
    if (method !== 'GET' && method !== 'HEAD') say(response, 405, { status: 'only GET' });
    else if (url === '/healthz') say(response, 200, { status: 'ok' });
    else if (url === '/readyz') sayReady(response, agent?.state ?? null);
    else say(response, 404, { status: 'there are /healthz and /readyz' });
  });
  server.listen({ host, port });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new ConclaveError('CONFLICT', `health ${host}:${port} cannot be listened on (${codeOf(error)})`, {
      cause: error,
    });
  }
  // A probe neither keeps a process alive nor ends it.
  server.unref();
  return {
    tells: (joined) => {
      agent = joined;
    },
  };
}

/** The chart says it all: joined, connected, not leaving. */
function sayReady(response: ServerResponse, state: string | null): void {
  const isReady = state?.startsWith('online.active') === true;
  const reasons = isReady ? [] : [state === null ? 'it has not joined yet' : `it is ${state}`];
  say(response, isReady ? 200 : 503, { ready: isReady, reasons });
}

function say(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  response.end(JSON.stringify(body));
}
