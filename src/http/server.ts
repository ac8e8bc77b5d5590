/**
 * One server of HTTP: a connection to NATS, a copy of the ledger, a caller for writes, and the application over them.
 * The only place of this folder that puts the parts together, and takes them apart again.
 */
import type { FastifyInstance } from 'fastify';
import { DEFAULT_FLEET } from '../sdk/defaults.ts';
import { ConclaveError, invalidField } from '../domain/errors.ts';
import { settingsFrom } from '../domain/settings.ts';
import { openNatsPorts, type NatsPorts } from '../nats/ports.ts';
import { realRandom } from '../nats/random.ts';
import type { Clock } from '../ports.ts';
import type { Log } from '../runtime/log.ts';
import { Observer } from '../runtime/observer.ts';
import { Caller } from '../sdk/caller.ts';
import { addressOf } from '../sdk/connect.ts';
import { defaultLog } from '../sdk/log.ts';
import { subjectsOf } from '../wire/subjects.ts';
import { buildApp } from './app.ts';
import { untilSeen, type Backend } from './backend.ts';
import { CATCH_UP_LOOK_MS, CATCH_UP_WAIT_MS, REQUESTS_PER_SECOND, WRITE_PATIENCE_MS } from './limits.ts';
import { DEFAULT_HTTP_HOST, DEFAULT_HTTP_PORT } from './default-port.ts';
import { liveEvents, type LiveEvents } from './live-events.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { checkHttp, type HttpOptions, type HttpServer } from './options.ts';
import { readsOf } from './reads.ts';
import { writesOf } from './writes.ts';

interface Parts {
  readonly ports: NatsPorts;
  readonly observer: Observer;
  readonly caller: Caller;
  readonly events: LiveEvents;
  readonly metrics: Metrics;
}

export async function serve(options: HttpOptions): Promise<HttpServer> {
  checkHttp(options);
  const log = options.log ?? defaultLog('http');
  const address = addressOf(options, { role: 'http', id: realRandom.id(), log });
  const ports = await openNatsPorts({ ...address, mayCreate: false });
  const parts = partsOn(ports, options, log);
  let app: FastifyInstance | undefined;
  const close = once(async () => {
    await app?.close();
    for (const part of [parts.events, parts.metrics, parts.observer, parts.caller]) part.close();
    await ports.close();
  });
  try {
    app = await appOver(parts, options, log);
    parts.observer.start();
    const url = await listen(app, options);
    await caughtUp(parts.observer, ports.clock);
    return { url, port: Number(new URL(url).port), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** All that hears the ledger does so from its first entry: nothing is started here. */
function partsOn(ports: NatsPorts, options: HttpOptions, log: Log): Parts {
  const subjects = subjectsOf(options.fleet ?? DEFAULT_FLEET);
  const settings = settingsFrom({ ...options.settings });
  const observer = new Observer({ ...ports, subjects, settings, log });
  const caller = new Caller({
    ports,
    subjects,
    rejections: observer.rejections,
    timeoutMs: options.timeoutMs ?? WRITE_PATIENCE_MS,
    requestWindowMs: settings.requestWindowMs,
  });
  const events = liveEvents({ ports, observer, subjects, origins: options.origins ?? [] });
  const { log: kept, counts } = events;
  const metrics = createMetrics({ observer, log: kept, counts, status: () => observer.reader.status() });
  return { ports, observer, caller, events, metrics };
}

function appOver(parts: Parts, options: HttpOptions, log: Log): Promise<FastifyInstance> {
  const { ports, observer, events, metrics } = parts;
  return buildApp({
    backend: backendOf(parts, options.tokens !== undefined),
    observer,
    isOnline: () => ports.bus.isOnline,
    log,
    tokens: options.tokens ?? null,
    origins: options.origins ?? [],
    requestsPerSecond: options.requestsPerSecond ?? REQUESTS_PER_SECOND,
    metrics,
    events,
  });
}

function backendOf({ ports, observer, caller }: Parts, hasTokens: boolean): Backend {
  const { clock, random } = ports;
  const writes = writesOf({ writer: caller, observer });
  return {
    reader: observer.reader,
    hasTokens,
    writes,
    reads: readsOf({ observer, writes }),
    freshKey: () => random.id(),
    until: (request, timeoutMs, look) => untilSeen({ clock, observer, request, timeoutMs }, look),
  };
}

/** Waits, for a bounded time: most ledgers are read in less, and whoever starts a server asks it at once. */
async function caughtUp(observer: Observer, clock: Clock): Promise<void> {
  const deadline = clock.now() + CATCH_UP_WAIT_MS;
  while (!observer.isCaughtUp && observer.brokenBy === null && clock.now() < deadline) {
    await new Promise<void>((resolve) => {
      clock.setTimeout(resolve, CATCH_UP_LOOK_MS);
    });
  }
}

async function listen(app: FastifyInstance, options: HttpOptions): Promise<string> {
  const { port = DEFAULT_HTTP_PORT, host = DEFAULT_HTTP_HOST } = options;
  try {
    return await app.listen({ port, host });
  } catch (cause) {
    const { code } = cause as { readonly code?: string };
    if (code === 'EADDRINUSE') {
      throw new ConclaveError('CONFLICT', `port ${port} of ${host} is in use; give another port`, { cause });
    }
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw invalidField('host', `must be an address of this machine, not ${host}`);
    }
    if (code === 'EACCES') throw invalidField('port', `${port} needs rights that this process does not have`);
    throw cause;
  }
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= run());
}
