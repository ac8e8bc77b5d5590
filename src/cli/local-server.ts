/** The nats-server of `conclave up`: on the port that people expect, if it is free. */
import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import { ConclaveError, invalidField } from '../domain/errors.ts';
import { makeFolder } from '../nats/make-folder.ts';
import { startPrivateServer, type PrivateServer } from '../nats/private-server.ts';
import { loggerOf } from './logger.ts';
import type { SharedOptions } from './shared-options.ts';
import { codeOf } from './values.ts';

export const DEFAULT_PORT = 4_222;

export interface LocalServerOptions {
  readonly port?: number;
  readonly dir?: string;
  /** The nats-server to run. */
  readonly binary?: string;
  readonly shared: SharedOptions;
}

/** Throws bad input for a folder that is none, `NATS_SERVER_FAILED` for a port in use, or what the server throws. */
export async function startLocalServer({
  port,
  dir,
  binary,
  shared,
}: LocalServerOptions): Promise<PrivateServer> {
  if (dir !== undefined) prepareFolder(dir);
  if (port !== undefined && !(await isFree(port))) {
    throw new ConclaveError(
      'NATS_SERVER_FAILED',
      `port ${port} is in use; give another --port, or none for a free one`,
    );
  }
  const chosen = port ?? ((await isFree(DEFAULT_PORT)) ? DEFAULT_PORT : undefined);
  const log = loggerOf(shared, 'nats-server');
  return startPrivateServer({ binary, port: chosen, storeDir: dir, log });
}

function prepareFolder(dir: string): void {
  try {
    makeFolder(dir);
    accessSync(dir, constants.W_OK);
  } catch (error) {
    throw invalidField('dir', `must be a folder that can be written to (${codeOf(error)})`, error);
  }
}

/** Whether nobody listens there on this machine. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => {
      resolve(false);
    });
    probe.listen(port, '127.0.0.1', () => {
      probe.close(() => {
        resolve(true);
      });
    });
  });
}
