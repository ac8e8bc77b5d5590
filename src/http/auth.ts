/**
 * Who may do what: the checks that every request passes before anything is read of it. Without tokens everybody on
 * this machine may do everything, and nobody else; with tokens each has scopes. What is open to all says so itself.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ConclaveError, invalidField } from '../domain/errors.ts';
import { URL_LENGTH_MAX } from './limits.ts';
import { isAllowedOrigin, isLoopback } from './origin.ts';
import { HttpError } from './problem.ts';
import { identify, type Identity, type Scope, type TokenEntry } from './tokens.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a token needs. Not said: `read` to look, `admin` for anything else. */
    readonly scope?: Scope | 'open';
  }
  interface FastifyRequest {
    /** Who calls; null where there are no tokens, or none was sent that is known. */
    identity: Identity | null;
  }
}

export interface Access {
  /** Null: there are none, and only this machine is served. */
  readonly tokens: readonly TokenEntry[] | null;
  /** Origins of foreign pages that may call. */
  readonly origins: readonly string[];
}

/** Pages that come from plugins, which cannot say it themselves. */
const openPaths = /^\/docs(\/|$)/;

/** Refuses what comes from elsewhere than it may. Before CORS, whose answers are for those who may. */
export function guardOrigin(app: FastifyInstance, { tokens, origins }: Access): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const { host, origin } = request.headers;
    if (request.url.length > URL_LENGTH_MAX) {
      done(new HttpError('URL_TOO_LONG', `a URL has at most ${URL_LENGTH_MAX} characters`));
    } else if (!request.url.startsWith('/')) {
      // As to a proxy; the host in it would be another than the one that is looked at.
      done(invalidField('url', 'must be a path'));
    } else if (tokens === null && !isLoopback(host)) {
      done(new ConclaveError('FORBIDDEN', 'without tokens only requests to localhost are served'));
    } else if (!isAllowedOrigin(origin, host, origins)) {
      done(new ConclaveError('FORBIDDEN', 'pages of that origin may not call this server'));
    } else done();
  });
}

/** Finds out who calls, then refuses who may not. Rates are limited between the two: guessing is counted too. */
export function guardScopes(app: FastifyInstance, { tokens }: Access): void {
  app.decorateRequest('identity', null);
  if (tokens === null) return;
  app.addHook('onRequest', (request, _reply, done) => {
    const token = bearerOf(request);
    request.identity = token === null ? null : identify(tokens, token);
    done();
  });
  app.addHook('preParsing', (request, reply, _body, done) => {
    const scope = scopeOf(request);
    const { identity } = request;
    if (scope === 'open') done();
    else if (identity === null) {
      void reply.header('WWW-Authenticate', 'Bearer realm="conclave"');
      done(new HttpError('UNAUTHENTICATED', 'send Authorization: Bearer and a token that this server knows'));
    } else if (!identity.scopes.includes(scope)) {
      done(new ConclaveError('FORBIDDEN', `the token of ${identity.name} lacks the scope ${scope}`));
    } else done();
  });
}

/**
 * The name to act under, for a body that may say one: a token acts under its own, unless it is an admin's. Throws
 * `FORBIDDEN`, or `INVALID` when there is no name at all.
 */
export function actorOf(
  { identity }: FastifyRequest,
  field: string,
  given: string | undefined,
  otherwise?: string,
): string {
  if (
    identity !== null &&
    given !== undefined &&
    given !== identity.name &&
    !identity.scopes.includes('admin')
  ) {
    throw new ConclaveError('FORBIDDEN', `${field} must be ${identity.name}, the name of the token`);
  }
  const name = given ?? identity?.name ?? otherwise;
  if (name === undefined) throw invalidField(field, 'is required');
  return name;
}

function scopeOf(request: FastifyRequest): Scope | 'open' {
  const { url, config } = request.routeOptions;
  if (config.scope !== undefined) return config.scope;
  if (url !== undefined && openPaths.test(url)) return 'open';
  return request.method === 'GET' || request.method === 'HEAD' ? 'read' : 'admin';
}

function bearerOf(request: FastifyRequest): string | null {
  return /^Bearer +([\x21-\x7e]+) *$/i.exec(request.headers.authorization ?? '')?.[1] ?? null;
}
