/**
 * Starts the HTTP server. What it needs is loaded then, and not before: an agent that imports this package has
 * nothing of it in its memory.
 */
import type { HttpOptions, HttpServer } from './options.ts';

/**
 * Serves a fleet over HTTP: routes under `/coordination`, the OpenAPI document at `/openapi.json`, a page that shows
 * it at `/docs`, and `/healthz`, `/readyz`, `/metrics`. Resolves when it listens and has read the ledger, or after 5 s
 * of reading; until it has read it all it refuses reads with 503. Throws `INVALID` naming the bad option,
 * `CONFLICT` when the port is in use, `NO_NATS` or `FORBIDDEN`.
 */
export async function startHttpServer(options: HttpOptions = {}): Promise<HttpServer> {
  const { serve } = await import('./server.ts');
  return serve(options);
}
