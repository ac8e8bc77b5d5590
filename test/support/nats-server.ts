/** A private nats-server for the tests of one file: started before them, stopped and removed after. */
import { afterAll, beforeAll } from 'vitest';
import {
  startPrivateServer,
  type PrivateServer,
  type PrivateServerOptions,
} from '../../src/nats/private-server.ts';

/** What CONCLAVE_NATS_SERVER says; tests pass it wherever a binary can be named. */
export const binary = process.env['CONCLAVE_NATS_SERVER'];

/** Call it at the top of a file or a describe; the returned function gives the server inside tests. */
export function withServer(options: PrivateServerOptions = {}): () => PrivateServer {
  let server: PrivateServer | undefined;
  beforeAll(async () => {
    server = await startPrivateServer({ binary, ...options });
  });
  afterAll(async () => {
    await server?.stop();
  });
  return () => {
    if (server === undefined) throw new Error('withServer(): the server runs inside tests and hooks only');
    return server;
  };
}
