/** A server that has nothing but the event stream, on a fleet of a real nats-server; and a listener that remembers. */
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { WebSocket, type ClientOptions } from 'ws';
import { settingsFrom } from '../../src/domain/settings.ts';
import { EventLog, type EventLogOptions } from '../../src/http/event-log.ts';
import { registerEvents, newSocketCounts, type EventLimits } from '../../src/http/event-socket.ts';
import { isAllowedOrigin } from '../../src/http/origin.ts';
import { realClock } from '../../src/nats/clock.ts';
import { openNatsPorts } from '../../src/nats/ports.ts';
import { ElectionWatch } from '../../src/runtime/election-watch.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { Observer } from '../../src/runtime/observer.ts';
import { subjectsOf } from '../../src/wire/subjects.ts';

export interface EventServer {
  readonly url: string;
  readonly observer: Observer;
  readonly log: EventLog;
  readonly counts: ReturnType<typeof newSocketCounts>;
  close(): Promise<void>;
}

export async function startEventServer(options: {
  readonly servers: string;
  readonly fleet: string;
  readonly kept?: Omit<EventLogOptions, 'observer'>;
  readonly limits?: Partial<EventLimits>;
  /** Before it has read an entry. */
  readonly beforeStart?: (parts: Pick<EventServer, 'observer' | 'log' | 'counts'>) => void;
}): Promise<EventServer> {
  const { servers, fleet, kept, limits = {} } = options;
  const ports = await openNatsPorts({
    servers,
    fleet,
    role: 'http',
    id: 'http',
    log: silentLog,
    mayCreate: false,
  });
  const subjects = subjectsOf(fleet);
  const observer = new Observer({ ...ports, subjects, settings: settingsFrom({}), log: silentLog });
  const log = new EventLog({ observer, ...kept });
  const counts = newSocketCounts();
  const app = Fastify();
  await app.register(registerEvents, {
    observer,
    log,
    clock: realClock,
    counts,
    limits,
    isAllowedOrigin: (origin, host) => isAllowedOrigin(origin, host, ['https://allowed.example']),
    onNews: (onNews) =>
      new ElectionWatch({
        ...ports,
        subjects,
        rejections: observer.rejections,
        term: () => observer.state.term,
        onNews,
      }),
  });
  options.beforeStart?.({ observer, log, counts });
  observer.start();
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}/coordination/events`,
    observer,
    log,
    counts,
    close: async () => {
      await app.close();
      log.close();
      observer.close();
      await ports.close();
    },
  };
}

export interface Heard {
  readonly id?: string;
  readonly sequence?: number;
  readonly kind: string;
  readonly term?: number;
  readonly at?: number;
  readonly committed: boolean;
  readonly item?: Readonly<Record<string, unknown>>;
  readonly oldest?: string;
  readonly as_of?: { readonly sequence: number; readonly term: number };
  readonly resume?: string;
}

/** One connection. */
export class Listener {
  readonly socket: WebSocket;
  readonly heard: Heard[] = [];
  /** Code and reason of the end. */
  readonly ended: Promise<{ readonly code: number; readonly reason: string }>;
  pings = 0;
  readonly #watchers = new Set<() => void>();

  constructor(url: string, options: ClientOptions = {}) {
    this.socket = new WebSocket(url, options);
    this.socket.on('message', (data: Buffer) => {
      this.heard.push(JSON.parse(data.toString('utf8')) as Heard);
      this.#look();
    });
    this.socket.on('ping', () => {
      this.pings += 1;
      this.#look();
    });
    // The close that follows says it all.
    this.socket.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString('utf8') });
      });
    });
  }

  /** When it holds, after some message. */
  until(holds: (listener: this) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!holds(this)) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  untilKind(kind: string, times = 1): Promise<void> {
    return this.until(({ heard }) => heard.filter((each) => each.kind === kind).length >= times);
  }

  /** Events of the ledger, by id. */
  get ids(): string[] {
    return this.heard.flatMap(({ id }) => id ?? []);
  }

  /** Ends without a word, as a broken connection does. */
  drop(): void {
    this.socket.terminate();
  }

  #look(): void {
    for (const look of [...this.#watchers]) look();
  }
}
