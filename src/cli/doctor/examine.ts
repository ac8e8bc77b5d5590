/**
 * The whole examination: connects, asks and listens once, then runs each check. Bounded in time: a question waits for
 * a second or two, listening lasts as long as it was given, and a check that takes longer is left as unknown.
 */
import { DEFAULT_FLEET } from '../../sdk/defaults.ts';
import { settingsFrom } from '../../domain/settings.ts';
import { realClock } from '../../nats/clock.ts';
import type { Refusal } from '../../nats/connection.ts';
import { openNatsPorts } from '../../nats/ports.ts';
import { realRandom } from '../../nats/random.ts';
import type { Clock } from '../../ports.ts';
import { silentLog } from '../../runtime/log.ts';
import { addressOf } from '../../sdk/connect.ts';
import { checkConnect, type ConnectOptions } from '../../sdk/options.ts';
import {
  checkClock,
  checkLedgerTime,
  checkPayload,
  checkPrivateRoot,
  checkServer,
  checkSync,
} from './check-broker.ts';
import { checkAgents, checkHealth, checkLeader } from './check-fleet.ts';
import { checkAccount, checkJetStream, checkReplicas, checkSpace, checkStreams } from './check-jetstream.ts';
import { checkLedger } from './check-ledger.ts';
import { checkPermissions } from './check-permissions.ts';
import { unknown, type Finding } from './finding.ts';
import { admit, type Patient } from './patient.ts';

export interface ExamineOptions extends ConnectOptions {
  /** How long heartbeats are listened to. Two intervals at least: a fleet that has grown beats less often. */
  readonly listenMs: number;
  /** Default: the real one. */
  readonly clock?: Clock;
}

const QUESTION_MS = 2_000;
const READING_MS = 10_000;

/** Throws what connecting throws; whatever else goes wrong is a finding. */
export async function examine(options: ExamineOptions): Promise<Finding[]> {
  checkConnect(options);
  const { fleet = DEFAULT_FLEET, listenMs, clock = realClock } = options;
  const refusals: Refusal[] = [];
  const ports = await openNatsPorts({
    ...addressOf(options, { role: 'doctor', id: realRandom.id(), log: silentLog }),
    mayCreate: false,
    refused: (refusal) => {
      refusals.push(refusal);
      return 'handled';
    },
  });
  try {
    const { bus, random, serverInfo } = ports;
    const parts = { bus, clock, random, serverInfo };
    const settings = settingsFrom();
    const patient = await admit({
      ports: parts,
      fleet,
      settings,
      refusals,
      timeoutMs: QUESTION_MS,
      listenMs,
    });
    return await checksOf(patient, options);
  } finally {
    await ports.close();
  }
}

async function checksOf(patient: Patient, options: ConnectOptions): Promise<Finding[]> {
  const ledger = await inTime(checkLedger({ ...options, log: silentLog }, patient), 'snapshots');
  const privateRoot = await inTime(checkPrivateRoot(patient), 'private subjects');
  return [
    checkServer(patient),
    ...privateRoot,
    checkPayload(patient),
    checkClock(patient),
    checkJetStream(patient),
    checkAccount(patient),
    ...checkStreams(patient),
    ...checkReplicas(patient),
    ...checkSpace(patient),
    checkSync(patient, options.fsync),
    ...ledger,
    ...checkPermissions(patient),
    checkLeader(patient),
    ...checkHealth(patient),
    ...checkAgents(patient),
    checkLedgerTime(patient),
  ];
}

async function inTime(work: Promise<Finding[]>, check: string): Promise<Finding[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding[]>((resolve) => {
    const found = `not known within ${READING_MS / 1_000} s`;
    timer = setTimeout(() => {
      resolve([
        unknown(check, found, 'run the doctor nearer to the server, or again when it has less to do'),
      ]);
    }, READING_MS);
  });
  const findings = await Promise.race([work, late]);
  clearTimeout(timer);
  return findings;
}
