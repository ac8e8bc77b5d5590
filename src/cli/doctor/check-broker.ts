/** Checks of the server itself: who it is, how far away, how much it takes, how its clock goes, what it keeps to itself. */
import { objectAt, type ApiOutcome } from '../../nats/jetstream-api.ts';
import { isSound } from '../../nats/broker.ts';
import { wantedVersion } from '../../nats/server-version.ts';
import type { Fsync } from '../../domain/durability.ts';
import type { ConnectOptions } from '../../sdk/options.ts';
import { duration } from '../output.ts';
import { error, ok, unknown, warning, type Finding } from './finding.ts';
import { request, type Patient } from './patient.ts';

/** One that is older than what Conclave works on is refused when connecting. */
export function checkServer({ ports }: Patient): Finding {
  const { serverInfo } = ports;
  if (serverInfo === undefined)
    return unknown(
      'server',
      'it says nothing of itself',
      `see that it is nats-server ${wantedVersion} or newer`,
    );
  const { server_name: name, version, cluster } = serverInfo;
  const found = `${name}, version ${version}${cluster === undefined ? '' : `, cluster ${cluster}`}`;
  const sound = isSound(version);
  if (sound === null) return unknown('server', found, `see that it is ${wantedVersion} or newer`);
  if (sound) return ok('server', found);
  const advice = `upgrade to ${wantedVersion} or newer: before it, an acknowledged entry may be lost`;
  return warning('server', found, advice);
}

const ROUNDS = 5;
const ROUND_TIMEOUT_MS = 1_000;

/** To a subject that nobody has: the server answers itself. Also tells whether somebody listens where none may. */
export async function checkPrivateRoot(patient: Patient): Promise<Finding[]> {
  const { ports, subjects, refusals } = patient;
  const probe = subjects.inbox(`nobody-${ports.random.id()}` as Parameters<typeof subjects.inbox>[0]);
  const tookMs: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const sentAt = ports.clock.now();
    const { kind } = await request(ports, probe, ROUND_TIMEOUT_MS);
    if (kind !== 'noResponders') return [roundTripUnknown(), intruder(kind, refusals, probe, subjects.fleet)];
    tookMs.push(ports.clock.now() - sentAt);
  }
  const root = ok('private subjects', `nobody else listens on _conclave.${subjects.fleet}.>`);
  return [roundTrip(Math.min(...tookMs), patient), root];
}

function roundTrip(ms: number, { settings }: Patient): Finding {
  const found = `${ms.toFixed(1)} ms to the server and back`;
  if (ms < settings.probeIntervalMs / 2) return ok('round trip', found);
  const { probeIntervalMs } = settings;
  const advice = `use a server nearer by, or a larger probeIntervalMs than ${probeIntervalMs}: leaders are given that long to answer`;
  return warning('round trip', found, advice);
}

function roundTripUnknown(): Finding {
  return unknown('round trip', 'not measured', 'see `private subjects`, which it is measured with');
}

function intruder(kind: string, refusals: Patient['refusals'], probe: string, fleet: string): Finding {
  const check = 'private subjects';
  if (refusals.some(({ subject }) => subject === probe)) {
    return unknown(check, 'these credentials may not look there', 'run the doctor with those of an agent');
  }
  if (kind === 'offline')
    return error(check, 'the connection to NATS is down', 'run the doctor again when it is back');
  const found = `somebody listens on _conclave.${fleet}.>: an agent that is gone is not told from one that is silent`;
  const advice =
    'find who subscribes there with `nats server report connections --subscriptions`, and end it; watch `conclave.>` instead';
  return error(check, found, advice);
}

export function checkPayload({ ports, settings }: Patient): Finding {
  const { payloadBytesMax } = ports.bus;
  const { entryBytesMax } = settings;
  const found = `max_payload is ${payloadBytesMax} bytes; entries have up to ${entryBytesMax}`;
  if (payloadBytesMax >= 2 * entryBytesMax) return ok('message size', found);
  const advice =
    `raise max_payload of the NATS server to ${2 * entryBytesMax} or more, ` +
    `or give every agent settings.entryBytesMax of at most ${Math.floor(payloadBytesMax / 2)}`;
  return error('message size', found, advice);
}

const syncAdvice =
  'set `sync_interval: always` in the `jetstream` part of its configuration, or an acknowledged entry may be lost with its power';

/** No client may ask but the system account, which cannot have a ledger: so this is what we were told, or else the leader. */
export function checkSync({ status }: Patient, asserted: ConnectOptions['fsync']): Finding {
  const check = 'fsync';
  const said = 'value' in status ? status.value.durability : null;
  if (asserted !== undefined) return syncFinding(asserted, 'as the configuration asserts');
  if (said === null || said.fsync === 'unknown')
    return unknown(
      check,
      'how often the server writes to disk is told to no client',
      `${syncAdvice}; see that \`/varz\` of its monitoring port has \`sync_always\`, and say so with the key \`fsync\``,
    );
  const by =
    said.fsyncSource === 'started' ? 'as the agents know, whose server it is' : 'as the agents were told';
  return syncFinding(said.fsync, by);
}

function syncFinding(policy: Fsync['policy'], by: string): Finding {
  if (policy === 'always') return ok('fsync', `before each acknowledgement, ${by}`);
  return warning('fsync', `some time after the acknowledgement, ${by}`, syncAdvice);
}

const SKEW_MS = 1_000;

export function checkClock(patient: Patient): Finding {
  const time = serverTime(patient);
  if (time === null)
    return unknown('clock', 'the server did not tell its time', 'see that NTP runs on every machine');
  const aheadMs = time.wallAt - time.serverMs;
  if (Math.abs(aheadMs) < SKEW_MS) return ok('clock', `agrees with the server's`);
  const found = `this machine's clock is ${duration(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'} the server's`;
  const advice =
    'set the clock that is wrong (see that NTP runs): a fleet that starts cold takes its time from whoever leads first';
  return warning('clock', found, advice);
}

/** Ledger time goes on from the last entry, whatever the clocks say: it may be away from them for long. */
export function checkLedgerTime(patient: Patient): Finding {
  const check = 'ledger time';
  const time = serverTime(patient);
  const told = patient.beats.flatMap(({ id, ledgerAt, heardAt }) =>
    ledgerAt === null ? [] : [{ id, ledgerAt: ledgerAt + patient.ports.clock.now() - heardAt }],
  );
  const [one] = told;
  if (time === null || one === undefined)
    return unknown(check, 'no agent told it', 'see that agents run, and that heartbeats may be heard');
  const times = told.map(({ ledgerAt }) => ledgerAt);
  const spreadMs = Math.max(...times) - Math.min(...times);
  if (spreadMs > SKEW_MS) {
    const slow = told.reduce((a, b) => (a.ledgerAt < b.ledgerAt ? a : b));
    const found = `the agents differ by ${duration(spreadMs)}; ${slow.id} is the furthest behind`;
    return warning(check, found, `see whether ${slow.id} is paused or starved of CPU`);
  }
  const awayMs = Math.max(...times) - time.serverMs;
  // Heartbeats were listened to for a while after the server was asked.
  if (Math.abs(awayMs) < ALLOWED_MS) return ok(check, "agrees with the server's clock, and among agents");
  const found = `is ${duration(Math.abs(awayMs))} ${awayMs > 0 ? 'ahead of' : 'behind'} the server's clock`;
  const advice =
    'nothing is lost: delays, timeouts and deadlines count by it; times that people see are off by as much';
  return warning(check, found, advice);
}

const ALLOWED_MS = 60_000;

interface ServerTime {
  readonly serverMs: number;
  /** Here, at the same moment. */
  readonly wallAt: number;
}

function serverTime({ ledgerStream, user, wallAt }: Patient): ServerTime | null {
  const said = timeIn(user, 'server', 'time');
  if (said !== null) return { serverMs: said, wallAt: wallAt.user };
  const stamped = timeIn(ledgerStream, null, 'ts');
  return stamped === null ? null : { serverMs: stamped, wallAt: wallAt.ledgerStream };
}

function timeIn(outcome: ApiOutcome, part: string | null, field: string): number | null {
  if (outcome.kind !== 'answer') return null;
  const body = part === null ? outcome.body : objectAt(outcome.body, part);
  const value = body[field];
  const ms = typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isNaN(ms) ? null : ms;
}
