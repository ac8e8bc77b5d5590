/** Joins a fleet on NATS. */
import { DEFAULT_FLEET } from './defaults.ts';
import { invalidField } from '../domain/errors.ts';
import { settingsFrom, type Settings } from '../domain/settings.ts';
import type { AgentId } from '../domain/ids.ts';
import { openNatsPorts, type NatsPorts } from '../nats/ports.ts';
import { isSound } from '../nats/broker.ts';
import { wantedVersion } from '../nats/server-version.ts';
import type { Log } from '../runtime/log.ts';
import { subjectsOf } from '../wire/subjects.ts';
import { startAgent, type Agent } from './agent.ts';
import { addressOf } from './connect.ts';
import { defaultLog } from './log.ts';
import { checkJoin, checkLedgerWay, profileFrom, type JoinOptions } from './options.ts';

/**
 * Joins a fleet, creating it if it is the first. Resolves when the fleet has committed the membership. Throws
 * `INVALID` naming every bad field, `NO_NATS`, or `ID_TAKEN` when a living process holds the id. While nobody leads it
 * waits, and says so in the log; after `joinTimeoutMs`, if given, it throws what it waited for: `NO_LEADER`, `TIMEOUT`,
 * `HOLDER_SILENT`, `LIMIT_REACHED` or `NO_NATS`, all of them retryable.
 */
export async function joinFleet(options: JoinOptions): Promise<Agent> {
  checkJoin(options);
  const profile = profileFrom(options);
  if (profile.electable) checkLedgerWay(options);
  const settings = settingsFrom({ ...options.settings });
  const { id } = options;
  const log = options.log ?? defaultLog(id);
  const ports = await openNatsPorts({
    ...addressOf(options, { role: 'agent', id, log }),
    inboxPrefix: subjectsOf(options.fleet ?? DEFAULT_FLEET).replies(id as AgentId),
    ...(options.replicas === undefined ? {} : { replicas: options.replicas }),
    ...(options.ledgerPlacement === undefined ? {} : { placement: options.ledgerPlacement }),
  });
  try {
    checkBroker(ports, settings, log);
    if (options.fsync === 'lazy')
      log.warn({}, 'this NATS server may lose acknowledged entries with its power');
  } catch (error) {
    await ports.close();
    throw error;
  }
  return startAgent(options, {
    ports,
    profile,
    settings,
    log,
    release: () => ports.close(),
    ...(options.handleSignals === false ? {} : { onMade: leaveOnSignals }),
  });
}

/** Throws `INVALID`. Half of what the broker takes: a message may come on top of an entry that is nearly full. */
function checkBroker({ bus, serverInfo }: NatsPorts, { entryBytesMax }: Settings, log: Log): void {
  const version = serverInfo?.version;
  if (isSound(version) === false)
    log.warn({ version }, `this NATS server may lose acknowledged entries: use ${wantedVersion} or newer`);
  const bytesMax = Math.floor(bus.payloadBytesMax / 2);
  if (entryBytesMax <= bytesMax) return;
  const message =
    `must be at most ${bytesMax}, since this broker takes messages of ${bus.payloadBytesMax} bytes; ` +
    `lower it, or raise max_payload of the NATS server to ${2 * entryBytesMax} or more`;
  throw invalidField('settings.entryBytesMax', message);
}

function leaveOnSignals(agent: Agent): void {
  const leave = (): void => {
    void agent.leave().catch(() => undefined);
  };
  // Not once: a second signal must not kill an agent that is leaving.
  process.on('SIGTERM', leave);
  process.on('SIGINT', leave);
  const forget = (): void => {
    process.removeListener('SIGTERM', leave);
    process.removeListener('SIGINT', leave);
  };
  agent.ended.then(forget, forget);
}
