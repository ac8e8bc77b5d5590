/**
 * `GET /coordination/events`, a WebSocket: what the fleet commits, from any position that is still kept, and what it
 * is about to do. Owns the sockets: how many there are, whether they are alive, and their end. What one of them is
 * sent is `event-stream.ts`.
 *
 * Who may not listen is refused before the upgrade, with a problem document: a foreign page (403), a bad query (400).
 */
import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ConclaveError, invalidField } from '../domain/errors.ts';
import type { Clock, Subscription, TimerHandle } from '../ports.ts';
import type { ElectionNews } from '../runtime/election-watch.ts';
import type { Observer } from '../runtime/observer.ts';
import { hearsayJson } from './event-json.ts';
import type { EventLog } from './event-log.ts';
import { eventQueryOf, type EventQuery } from './event-query.ts';
import { closeCodes, EventStream, type Socket, type StreamLimits } from './event-stream.ts';
import { sendProblem } from './problem.ts';
import { Upgrades } from './upgrades.ts';

export const EVENTS_PATH = '/coordination/events';

/** For `/metrics`; one for the whole server. */
export interface SocketCounts {
  open: number;
  /** Events sent, to all of them together. */
  sent: number;
  /** Let go because they did not read. */
  slow: number;
  /** Turned away because there are too many, or the ledger is not read yet. */
  refused: number;
}

export interface EventLimits extends StreamLimits {
  readonly socketsMax: number;
  readonly pingIntervalMs: number;
  /** How long a listener waits for a server that is still reading the ledger. */
  readonly catchUpWaitMs: number;
}

export interface EventsOptions {
  readonly observer: Pick<Observer, 'asOf' | 'isCaughtUp' | 'brokenBy' | 'ledgerNow'>;
  readonly log: EventLog;
  readonly clock: Clock;
  /** News that are not in the ledger, as an `ElectionWatch` hears them. Called once. */
  readonly onNews: (listen: (news: ElectionNews) => void) => Subscription;
  readonly isAllowedOrigin: (origin: string | undefined, host: string | undefined) => boolean;
  readonly counts: SocketCounts;
  readonly limits?: Partial<EventLimits>;
}

/** Bytes that wait in one socket. */
const BUFFERED_BYTES_MAX = 1_048_576;
const SLOW_READER_MS = 5_000;
const SOCKETS_MAX = 1_000;
const PING_INTERVAL_MS = 15_000;
/** Pings without an answer, after which a socket is ended. */
const UNANSWERED_MAX = 2;
const CATCH_UP_WAIT_MS = 10_000;
const CATCH_UP_LOOK_MS = 100;
/** Of a message from a listener: none means anything. */
const INBOUND_BYTES_MAX = 1_024;

const defaults: EventLimits = {
  bufferedBytesMax: BUFFERED_BYTES_MAX,
  slowReaderMs: SLOW_READER_MS,
  socketsMax: SOCKETS_MAX,
  pingIntervalMs: PING_INTERVAL_MS,
  catchUpWaitMs: CATCH_UP_WAIT_MS,
};

export function newSocketCounts(): SocketCounts {
  return { open: 0, sent: 0, slow: 0, refused: 0 };
}

/** A Fastify plugin: `app.register(registerEvents, options)`. Hooks that were added before it run before the upgrade. */
export async function registerEvents(app: FastifyInstance, options: EventsOptions): Promise<void> {
  const sockets = new EventSockets(options);
  const upgrades = new Upgrades(app, options.clock);
  await app.register(websocket, {
    options: { maxPayload: INBOUND_BYTES_MAX, perMessageDeflate: false },
    // What a listener did wrong has closed its socket already; for anything else this does.
    errorHandler: (_error, socket) => {
      socket.close(closeCodes.internal);
    },
    preClose: (done) => {
      sockets.close();
      upgrades.close();
      done();
    },
  });
  app.route({
    method: 'GET',
    url: EVENTS_PATH,
    schema: {
      tags: ['events'],
      operationId: 'followEvents',
      summary: 'Follow what the fleet does (WebSocket)',
      description:
        'An upgrade to a WebSocket. Query: `since` (a sequence or an event id), `kind` (`task.completed` or `task.*`), `type` (of tasks), `agent`; all but `since` may be repeated.',
    },
    onRequest: (request, reply, done) => {
      refuseForeign(options, request, reply, done);
    },
    preValidation: (request, reply, done) => {
      refuseBadQuery(request, reply, done);
    },
    handler: (request, reply) =>
      sendProblem(
        reply.header('Upgrade', 'websocket'),
        request,
        invalidField('upgrade', 'must be websocket: this is an event stream'),
      ),
    wsHandler: (socket, request) => {
      upgrades.accept(request.raw.socket);
      sockets.add(socket, eventQueryOf(queryOf(request)));
    },
  });
}

function refuseForeign(
  { isAllowedOrigin }: EventsOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  done: () => void,
): void {
  const { origin, host } = request.headers;
  if (isAllowedOrigin(origin, host)) done();
  else {
    const message = `pages of ${origin ?? ''} may not follow this fleet`;
    sendProblem(reply, request, new ConclaveError('FORBIDDEN', message));
  }
}

function refuseBadQuery(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  try {
    eventQueryOf(queryOf(request));
  } catch (error) {
    sendProblem(reply, request, error);
    return;
  }
  done();
}

function queryOf(request: FastifyRequest): Readonly<Record<string, unknown>> {
  return request.query as Readonly<Record<string, unknown>>;
}

/** All listeners of one server. */
class EventSockets {
  readonly #options: EventsOptions;
  readonly #limits: EventLimits;
  readonly #streams = new Set<EventStream>();
  readonly #subscriptions: readonly Subscription[];
  #pingTimer: TimerHandle | null = null;
  #isClosed = false;

  constructor(options: EventsOptions) {
    this.#options = options;
    this.#limits = { ...defaults, ...options.limits };
    this.#subscriptions = [
      options.log.onGrown(() => {
        for (const stream of this.#streams) stream.read();
      }),
      options.onNews((news) => {
        this.#tell(news);
      }),
    ];
    this.#schedulePing();
  }

  add(socket: Socket, query: EventQuery): void {
    const { log, clock, observer, counts } = this.#options;
    const stream = new EventStream({
      socket,
      log,
      query,
      clock,
      limits: this.#limits,
      asOf: () => observer.asOf,
      onSent: () => {
        counts.sent += 1;
      },
      onSlow: () => {
        counts.slow += 1;
      },
    });
    if (this.#isClosed) {
      stream.close(closeCodes.goingAway, 'the server is closing');
      return;
    }
    if (this.#streams.size >= this.#limits.socketsMax) {
      this.#refuse(stream, `there are ${this.#limits.socketsMax} listeners; try another server, or later`);
      return;
    }
    this.#streams.add(stream);
    counts.open += 1;
    socket.once('close', () => {
      this.#streams.delete(stream);
      counts.open -= 1;
    });
    this.#begin(stream, clock.now() + this.#limits.catchUpWaitMs);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const each of this.#subscriptions) each.close();
    if (this.#pingTimer !== null) this.#options.clock.clearTimeout(this.#pingTimer);
    for (const stream of this.#streams) stream.close(closeCodes.goingAway, 'the server is closing');
  }

  #begin(stream: EventStream, patientUntil: number): void {
    const { observer, clock } = this.#options;
    if (observer.brokenBy !== null) this.#refuse(stream, 'the ledger cannot be followed here');
    else if (observer.isCaughtUp) stream.begin();
    else if (clock.now() >= patientUntil) this.#refuse(stream, 'the ledger is still being read here');
    else {
      clock.setTimeout(() => {
        if (!this.#isClosed && this.#streams.has(stream)) this.#begin(stream, patientUntil);
      }, CATCH_UP_LOOK_MS);
    }
  }

  #refuse(stream: EventStream, reason: string): void {
    this.#options.counts.refused += 1;
    stream.close(closeCodes.tryLater, reason);
  }

  #tell(news: ElectionNews): void {
    const { kind, ...item } = news;
    const { observer } = this.#options;
    const text = hearsayJson(kind, item, { term: item.term, at: observer.ledgerNow() });
    const about = { kind, type: null, agent: news.kind === 'election.started' ? news.agent : null };
    for (const stream of this.#streams) stream.tell(text, about);
  }

  /** Also where a ledger that broke is noticed: nothing more will come. */
  #schedulePing(): void {
    const { clock, observer } = this.#options;
    this.#pingTimer = clock.setTimeout(() => {
      for (const stream of this.#streams) {
        if (observer.brokenBy === null) stream.ping(UNANSWERED_MAX);
        else stream.close(closeCodes.internal, 'the ledger cannot be followed here any more');
      }
      this.#schedulePing();
    }, this.#limits.pingIntervalMs);
  }
}
