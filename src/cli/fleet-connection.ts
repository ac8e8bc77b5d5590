/** A command's connection to its fleet. Loaded only when a command needs it: help and bad input answer at once. */
import type { ConnectOptions, Fleet } from '../index.ts';
import { withPlace } from './config/source.ts';
import { ConclaveError } from '../domain/errors.ts';
import type { SharedOptions } from './shared-options.ts';

/** Connects, lets `use` do its work, and closes. Throws what either throws. */
export async function withFleet<T>(shared: SharedOptions, use: (fleet: Fleet) => Promise<T>): Promise<T> {
  const { connectFleet } = await import('../sdk/connect.ts');
  const fleet = await connectFleet(await connectOptionsOf(shared, 'conclave'));
  try {
    return await use(fleet);
  } finally {
    await fleet.close();
  }
}

export async function connectOptionsOf(shared: SharedOptions, id: string): Promise<ConnectOptions> {
  const { loggerOf } = await import('./logger.ts');
  const { servers, fleet, timeoutMs, login, sync, settings } = shared;
  await checkLogin(shared);
  return { servers, fleet, timeoutMs, settings, ...login, ...sync, log: loggerOf(shared, id) };
}

/** What cannot be used is said with the place where it was given. */
async function checkLogin({ login, loginSources }: SharedOptions): Promise<void> {
  const { libraryAuth } = await import('../nats/credentials.ts');
  try {
    libraryAuth(login);
  } catch (error) {
    if (!(error instanceof ConclaveError)) throw error;
    throw withPlace(error, (field) => loginSources[field] ?? null);
  }
}
