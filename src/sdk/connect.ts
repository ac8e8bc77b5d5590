/** Connects a client to a fleet on NATS. */
import { DEFAULT_FLEET, DEFAULT_SERVERS } from './defaults.ts';
import { settingsFrom } from '../domain/settings.ts';
import { realClock } from '../nats/clock.ts';
import { openNatsPorts, type NatsPortsOptions } from '../nats/ports.ts';
import { realRandom } from '../nats/random.ts';
import type { Log } from '../runtime/log.ts';
import { Fleet } from './fleet.ts';
import { defaultLog } from './log.ts';
import { checkConnect, fleetOptionsOf, type ConnectOptions } from './options.ts';

/** Throws `INVALID` or `NO_NATS`. Whether somebody leads shows with the first call. */
export async function connectFleet(options: ConnectOptions = {}): Promise<Fleet> {
  checkConnect(options);
  settingsFrom({ ...options.settings });
  const log = options.log ?? defaultLog('client');
  const id = realRandom.id();
  const ports = await openNatsPorts(addressOf(options, { role: 'client', id, log }));
  const { bus } = ports;
  return new Fleet({ bus, clock: realClock, random: realRandom }, options.fleet ?? DEFAULT_FLEET, {
    ...fleetOptionsOf(options),
    log,
    onClose: () => ports.close(),
  });
}

/** The part of the options that says where NATS is and who we are. */
export function addressOf(
  options: ConnectOptions,
  who: { readonly role: string; readonly id: string; readonly log: Log },
): NatsPortsOptions {
  const { authenticator, token, user, pass, creds, nkey, jwt, tls } = options;
  const { inboxPrefix, jetstreamDomain, connection, connect, fsync, fsyncSource = 'asserted' } = options;
  return {
    // Whoever opens connections by themselves knows where to.
    servers: options.servers ?? (connect === undefined ? DEFAULT_SERVERS : []),
    fleet: options.fleet ?? DEFAULT_FLEET,
    ...who,
    ...(authenticator === undefined ? {} : { authenticator }),
    ...(token === undefined ? {} : { token }),
    ...(user === undefined ? {} : { user }),
    ...(pass === undefined ? {} : { pass }),
    ...(creds === undefined ? {} : { creds }),
    ...(nkey === undefined ? {} : { nkey }),
    ...(jwt === undefined ? {} : { jwt }),
    ...(tls === undefined ? {} : { tls }),
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
    ...(connection === undefined ? {} : { connection }),
    ...(connect === undefined ? {} : { connect }),
    ...(jetstreamDomain === undefined ? {} : { jetstreamDomain }),
    ...(fsync === undefined ? {} : { fsync: { policy: fsync, source: fsyncSource } }),
  };
}
