/**
 * Every number that a fleet can be tuned by: its default, and the relations that must hold between them. What each
 * means, in which unit, and why it is as it is: `setting-notes.ts`, which docs/limits.md prints.
 */
import { invalidFields, type FieldProblem } from './errors.ts';
import { HEARTBEAT_MS_MAX, HEARTBEAT_MS_MIN } from './pace.ts';
import { slackOf } from './retention.ts';

/** What each means: docs/limits.md. Numbers of the units there; names in `Ms` are milliseconds. */
export interface Settings {
  readonly heartbeatIntervalMs: number;
  readonly heartbeatsPerSecondMax: number;
  readonly suspectAfterIntervals: number;
  readonly deadAfterIntervals: number;
  readonly unreachableMs: number;
  readonly inboxSilenceMs: number;
  readonly probeIntervalMs: number;
  readonly leaderSilenceMs: number;
  readonly candidacyDelayMs: number;
  readonly answerWindowMs: number;
  readonly claimWindowMs: number;
  readonly campaignBackoffMs: number;
  readonly campaignBackoffMsMax: number;
  readonly appendTimeoutMs: number;
  readonly appendResignMs: number;
  readonly appendResignReplicatedMs: number;
  readonly handoverPatienceMs: number;
  readonly standbysMax: number;
  readonly preemptMargin: number;
  readonly preemptTenureMs: number;

  readonly maxRetries: number;
  readonly retryBackoffMs: number;
  readonly retryBackoffMsMax: number;
  readonly payloadBytesMax: number;
  readonly submitTasksMax: number;
  readonly tasksMax: number;
  readonly keptBytesMax: number;
  readonly endedTasksMax: number;
  readonly endedTasksBytesMax: number;
  readonly endedTasksMs: number;
  readonly requestWindowMs: number;
  readonly idempotencyWindowMs: number;
  readonly requestKeysMax: number;
  readonly membersMax: number;
  readonly proposalsOpenMax: number;
  readonly decidedProposalsMax: number;
  readonly decidedProposalsBytesMax: number;
  readonly decidedProposalsMs: number;
  readonly votersMax: number;
  readonly agentRequestsPerSecondMax: number;
  readonly clientRequestsPerSecondMax: number;
  readonly quorum: number;
  readonly proposalTimeoutMs: number;
  readonly forgetMembersMs: number;
  readonly refuseRemovedMs: number;

  readonly entryBytesMax: number;
  readonly entryEventsMax: number;
  readonly snapshotEntries: number;
  readonly snapshotBytes: number;
  readonly snapshotLookMs: number;
  readonly ledgerFullShare: number;
  readonly leaveGraceMs: number;
  readonly resendMs: number;
}

export const defaultSettings: Settings = {
  heartbeatIntervalMs: 1_000,
  heartbeatsPerSecondMax: 500,
  suspectAfterIntervals: 3,
  deadAfterIntervals: 5,
  unreachableMs: 2_000,
  inboxSilenceMs: 3_000,
  probeIntervalMs: 250,
  leaderSilenceMs: 3_000,
  candidacyDelayMs: 100,
  answerWindowMs: 250,
  claimWindowMs: 1_000,
  campaignBackoffMs: 250,
  campaignBackoffMsMax: 30_000,
  appendTimeoutMs: 2_000,
  appendResignMs: 5_000,
  appendResignReplicatedMs: 12_000,
  handoverPatienceMs: 1_000,
  standbysMax: 5,
  preemptMargin: 0,
  preemptTenureMs: 60_000,
  maxRetries: 3,
  retryBackoffMs: 500,
  retryBackoffMsMax: 60_000,
  payloadBytesMax: 262_144,
  submitTasksMax: 1_000,
  tasksMax: 1_000_000,
  keptBytesMax: 201_326_592,
  endedTasksMax: 50_000,
  endedTasksBytesMax: 67_108_864,
  endedTasksMs: 86_400_000,
  requestWindowMs: 120_000,
  idempotencyWindowMs: 3_600_000,
  requestKeysMax: 1_000_000,
  membersMax: 10_000,
  proposalsOpenMax: 1_000,
  decidedProposalsMax: 1_000,
  decidedProposalsBytesMax: 16_777_216,
  decidedProposalsMs: 86_400_000,
  votersMax: 10_000,
  agentRequestsPerSecondMax: 2_000,
  clientRequestsPerSecondMax: 10_000,
  quorum: 0.5,
  proposalTimeoutMs: 30_000,
  forgetMembersMs: 600_000,
  refuseRemovedMs: 86_400_000,
  entryBytesMax: 450_000,
  entryEventsMax: 5_000,
  snapshotEntries: 10_000,
  snapshotBytes: 67_108_864,
  snapshotLookMs: 5_000,
  ledgerFullShare: 0.8,
  leaveGraceMs: 10_000,
  resendMs: 500,
};

/** Payloads and results of the largest size that are kept of what has ended, at least. */
const VALUES_KEPT_MIN = 4;

type Key = keyof Settings;
const keys = Object.keys(defaultSettings) as Key[];
/** Where 0 means none, or never. Of every other setting it would mean nothing. */
export const mayBeZero: ReadonlySet<string> = new Set<Key>(['maxRetries', 'preemptMargin']);

/** Fills in defaults. Throws `INVALID` naming every unknown, wrong or contradictory setting. */
export function settingsFrom(given: Readonly<Partial<Record<string, unknown>>> = {}): Settings {
  const problems: FieldProblem[] = [];
  const values: Record<string, number> = { ...defaultSettings };
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (!keys.includes(name as Key)) {
      problems.push({ field: `settings.${name}`, message: `is unknown; known are ${keys.join(', ')}` });
    } else if (
      typeof value !== 'number' ||
      !Number.isFinite(value) ||
      value < 0 ||
      (value === 0 && !mayBeZero.has(name))
    ) {
      const message = mayBeZero.has(name) ? 'must be a number of 0 or more' : 'must be a number above 0';
      problems.push({ field: `settings.${name}`, message });
    } else {
      values[name] = value;
    }
  }
  const settings = values as unknown as Settings;
  problems.push(...relations(settings));
  if (problems.length > 0) throw invalidFields(problems);
  return settings;
}

function relations(settings: Settings): FieldProblem[] {
  const rules: [Key, boolean, string][] = [
    [
      'heartbeatIntervalMs',
      settings.heartbeatIntervalMs >= HEARTBEAT_MS_MIN && settings.heartbeatIntervalMs <= HEARTBEAT_MS_MAX,
      `must be ${HEARTBEAT_MS_MIN} to ${HEARTBEAT_MS_MAX}`,
    ],
    ['standbysMax', settings.standbysMax >= 1, 'must be at least 1: somebody has to follow the leader'],
    [
      'deadAfterIntervals',
      settings.deadAfterIntervals > settings.suspectAfterIntervals,
      'must be above suspectAfterIntervals',
    ],
    [
      'suspectAfterIntervals',
      settings.suspectAfterIntervals >= 2,
      'must be 2 or more: one lost beat proves nothing',
    ],
    [
      'leaderSilenceMs',
      settings.leaderSilenceMs >= 2 * settings.probeIntervalMs,
      'must be at least two probes long: twice probeIntervalMs',
    ],
    [
      'inboxSilenceMs',
      settings.inboxSilenceMs >= 2 * settings.resendMs,
      'must be at least two messages long (resendMs)',
    ],
    ['appendResignMs', settings.appendResignMs > settings.appendTimeoutMs, 'must be above appendTimeoutMs'],
    [
      'appendResignReplicatedMs',
      settings.appendResignReplicatedMs >= settings.appendResignMs,
      'must not be below appendResignMs',
    ],
    [
      'campaignBackoffMsMax',
      settings.campaignBackoffMsMax >= settings.campaignBackoffMs,
      'must not be below campaignBackoffMs',
    ],
    [
      'retryBackoffMsMax',
      settings.retryBackoffMsMax >= settings.retryBackoffMs,
      'must not be below retryBackoffMs',
    ],
    [
      'endedTasksMax',
      settings.endedTasksMax + slackOf(settings.endedTasksMax) < settings.tasksMax,
      'must be at least a twentieth below tasksMax: ended tasks alone would leave no room',
    ],
    [
      'endedTasksBytesMax',
      settings.endedTasksBytesMax >= VALUES_KEPT_MIN * settings.payloadBytesMax,
      `must be at least ${VALUES_KEPT_MIN} times payloadBytesMax: a task must not go as soon as it has ended`,
    ],
    [
      'decidedProposalsBytesMax',
      settings.decidedProposalsBytesMax >= settings.entryBytesMax,
      'must not be below entryBytesMax: a proposal must not go as soon as it is decided',
    ],
    [
      'keptBytesMax',
      settings.keptBytesMax > 1.05 * (settings.endedTasksBytesMax + settings.decidedProposalsBytesMax),
      'must be above endedTasksBytesMax and decidedProposalsBytesMax and a twentieth: what has ended would leave no room',
    ],
    ['quorum', settings.quorum <= 1, 'must not be above 1'],
    ['ledgerFullShare', settings.ledgerFullShare <= 1, 'must not be above 1'],
    [
      'entryBytesMax',
      settings.entryBytesMax >= settings.payloadBytesMax,
      'must not be below payloadBytesMax',
    ],
  ];
  return rules
    .filter(([, holds]) => !holds)
    .map(([key, , message]) => ({ field: `settings.${key}`, message }));
}
