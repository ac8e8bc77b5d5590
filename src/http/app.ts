/**
 * The Fastify application: which plugins, checks and routes there are, and in which order. Owns nothing but that
 * order. A request passes: id and log line, origin, CORS, token, rate, scope, body, schema, route.
 */
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import type { Socket } from 'node:net';
import type { Log } from '../runtime/log.ts';
import type { Observer } from '../runtime/observer.ts';
import { guardOrigin, guardScopes, type Access } from './auth.ts';
import type { Backend } from './backend.ts';
import { IDEMPOTENCY_HEADER, MIN_SEQUENCE_HEADER, REQUEST_ID_HEADER, SEQUENCE_HEADER } from './headers.ts';
import {
  BODY_BYTES_MAX,
  CONNECTIONS_MAX,
  HEADER_BYTES_MAX,
  KEEP_ALIVE_MS,
  REQUEST_RECEIVED_MS,
  SLOW_REQUEST_LOOK_MS,
  URL_LENGTH_MAX,
} from './limits.ts';
import type { LiveEvents } from './live-events.ts';
import type { Metrics } from './metrics.ts';
import { describeApi } from './openapi.ts';
import { documentOf, HttpError, PROBLEM_TYPE, sendProblem } from './problem.ts';
import { limitRate } from './rate.ts';
import { lineUp, requestIdOf } from './request-line.ts';
import { addAgentRoutes } from './routes/agents.ts';
import { addConsensusRoutes } from './routes/consensus.ts';
import { addElectionRoutes } from './routes/election.ts';
import { addProbes } from './routes/probes.ts';
import { addStatusRoutes } from './routes/status.ts';
import { addTaskRoutes } from './routes/tasks.ts';
import { refuseUnknownRoutes } from './unknown-route.ts';
import { compileCheck, readJsonOnly } from './validation.ts';

/** For answers that no hook sees. */
const bare = {
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "default-src 'self'",
  'X-Frame-Options': 'SAMEORIGIN',
  'Referrer-Policy': 'no-referrer',
};

export interface AppOptions extends Access {
  readonly backend: Backend;
  readonly observer: Observer;
  readonly isOnline: () => boolean;
  readonly log: Log;
  readonly requestsPerSecond: number;
  readonly metrics: Metrics;
  readonly events: Pick<LiveEvents, 'register'>;
}

export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { log, observer, metrics } = options;
  const app = Fastify({
    bodyLimit: BODY_BYTES_MAX,
    http: {
      maxHeaderSize: HEADER_BYTES_MAX,
      // Node exchanges the two if this one is the longer, as its default is.
      headersTimeout: REQUEST_RECEIVED_MS,
      connectionsCheckingInterval: SLOW_REQUEST_LOOK_MS,
    },
    // How long an id may be, its schema says.
    routerOptions: { maxParamLength: URL_LENGTH_MAX },
    requestTimeout: REQUEST_RECEIVED_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: true,
    return503OnClosing: false,
    genReqId: requestIdOf,
    requestIdHeader: false,
    clientErrorHandler: refuseGarbled,
    frameworkErrors: (error, request, reply) => {
      // No hook runs for these.
      void sendProblem(reply.headers({ ...bare, [REQUEST_ID_HEADER]: request.id }), request, error);
    },
  });
  app.server.maxConnections = CONNECTIONS_MAX;
  app.setValidatorCompiler(compileCheck);
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const sent = sendProblem(reply, request, error);
    if (sent.statusCode === 500)
      log.error({ err: error, request: request.id }, 'a request met what should not happen');
    return sent;
  });
  readJsonOnly(app);
  lineUp(app, { log, observer, heard: (request) => metrics.observeRequest(request) });
  refuseUnknownRoutes(app);
  await guard(app, options);
  await describeApi(app, { hasTokens: options.tokens !== null });
  // First: an upgrade to a socket is refused only where the routes came after it.
  await options.events.register(app);
  addRoutes(app, options);
  addProbes(app, options);
  return app;
}

async function guard(app: FastifyInstance, options: AppOptions): Promise<void> {
  guardOrigin(app, options);
  await app.register(helmet, {
    contentSecurityPolicy: {
      // Without TLS of our own, an upgrade would lead nowhere.
      directives: { upgradeInsecureRequests: null },
    },
    // For whoever ends TLS in front of us to say, of their own domain.
    strictTransportSecurity: false,
  });
  if (options.origins.length > 0) {
    await app.register(cors, {
      origin: [...options.origins],
      methods: ['GET', 'HEAD', 'POST', 'DELETE'],
      allowedHeaders: [
        'Authorization',
        'Content-Type',
        IDEMPOTENCY_HEADER,
        MIN_SEQUENCE_HEADER,
        REQUEST_ID_HEADER,
      ],
      exposedHeaders: ['Location', 'Retry-After', SEQUENCE_HEADER, REQUEST_ID_HEADER],
    });
  }
  guardScopes(app, options);
  await limitRate(app, options.requestsPerSecond);
}

function addRoutes(app: FastifyInstance, { backend }: AppOptions): void {
  addTaskRoutes(app, backend);
  addElectionRoutes(app, backend);
  addConsensusRoutes(app, backend);
  addAgentRoutes(app, backend);
  addStatusRoutes(app, backend);
}

/** What is no request at all; there is no reply object for it. */
function refuseGarbled(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const isTooLarge = error.code === 'HPE_HEADER_OVERFLOW';
  const cause = isTooLarge
    ? new HttpError('HEADERS_TOO_LARGE', `URL and headers have at most ${HEADER_BYTES_MAX} bytes`)
    : Object.assign(new Error('this is not HTTP, or it came too slowly'), { statusCode: 400 });
  const document = documentOf(cause, requestIdOf({ headers: {} }));
  const body = JSON.stringify(document);
  const head = [
    `HTTP/1.1 ${document.status} ${document.title}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...Object.entries(bare).map(([name, value]) => `${name}: ${value}`),
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
