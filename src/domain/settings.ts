/** Every number that a fleet can be tuned by: default, unit, reason, and the relations that must hold between them. */
import { ConclaveError, type FieldProblem } from './errors.ts';
import { HEARTBEAT_MS_MAX, HEARTBEAT_MS_MIN } from './pace.ts';
import { slackOf } from './retention.ts';

export interface Settings {
  /** How often an agent beats. Smaller finds frozen processes sooner, larger costs less traffic. */
  readonly heartbeatIntervalMs: number;
  /** Heartbeats of the whole fleet: the leader stretches the interval so that there are no more. */
  readonly heartbeatsPerSecondMax: number;
  /** Intervals without a beat until a member is suspect. 3: two lost messages prove nothing. */
  readonly suspectAfterIntervals: number;
  /** Intervals without a beat until a member is dead. */
  readonly deadAfterIntervals: number;
  /** How long the broker must go on saying "nobody there" until a member is dead. Longer than a reconnect. */
  readonly unreachableMs: number;
  /** How long inbox messages may go unanswered until a member that still beats is suspect, and what it was not given
   *  yet goes to others. */
  readonly inboxSilenceMs: number;
  /** How often a standby probes the leader, and how long it waits for the answer. Often and short: a probe that
   *  is sent in the instant of a death times out, the next one is told. */
  readonly probeIntervalMs: number;
  /** How long a leader may be silent until standbys stand for election. */
  readonly leaderSilenceMs: number;
  /** Candidates wait this long per better-placed rival. */
  readonly candidacyDelayMs: number;
  /** How long a candidate that does not know everybody's score waits for a better one to answer. */
  readonly answerWindowMs: number;
  /** How long a candidate that was answered waits for the better one to claim. */
  readonly claimWindowMs: number;
  /** Own term-starts out of suspicion keep this distance, doubling up to the maximum. */
  readonly campaignBackoffMs: number;
  readonly campaignBackoffMsMax: number;
  /** An append without an answer for this long gets a fresh connection. */
  readonly appendTimeoutMs: number;
  /** An append unresolved for this long ends leading, where the stream has one copy. */
  readonly appendResignMs: number;
  /** The same where it has several: NATS's own fail-over takes 4–10 s. */
  readonly appendResignReplicatedMs: number;
  /** After its own handover, a leader whom nobody followed may claim again after this long. */
  readonly handoverPatienceMs: number;
  /** Electable agents beside the leader that follow the ledger and hear all heartbeats. */
  readonly standbysMax: number;
  /** A leader gives way to one that outscores it by more than this; 0: never. */
  readonly preemptMargin: number;
  /** It leads for this long first. */
  readonly preemptTenureMs: number;

  readonly maxRetries: number;
  /** First retry after this long, doubling, with half of it random. */
  readonly retryBackoffMs: number;
  readonly retryBackoffMsMax: number;
  /** A task's payload, a result, a proposal's data: bytes on the wire. */
  readonly payloadBytesMax: number;
  readonly submitTasksMax: number;
  /** Kept at once, ended ones too. */
  readonly tasksMax: number;
  /** Ended tasks that are kept, about: when there are a twentieth more, the oldest are dropped. */
  readonly endedTasksMax: number;
  /** How long an ended task is kept, if not more ended since than are kept. */
  readonly endedTasksMs: number;
  readonly requestWindowMs: number;
  readonly idempotencyWindowMs: number;
  readonly requestKeysMax: number;
  readonly membersMax: number;
  readonly proposalsOpenMax: number;
  /** Decided proposals that are kept, about. Not counted: those that a kept task waited for, which go with it. */
  readonly decidedProposalsMax: number;
  readonly decidedProposalsMs: number;
  readonly votersMax: number;
  /** Joins, reports and ballots of one agent that the leader looks at. */
  readonly agentRequestsPerSecondMax: number;
  /** Requests of one client that it looks at. */
  readonly clientRequestsPerSecondMax: number;
  readonly quorum: number;
  readonly proposalTimeoutMs: number;
  /** `left` and dead members are forgotten after this long. */
  readonly forgetMembersMs: number;
  /** A process that was removed by hand cannot join again for this long. */
  readonly refuseRemovedMs: number;

  readonly entryBytesMax: number;
  readonly entryEventsMax: number;
  /** Entries after which a snapshot is taken and the ledger shortened. */
  readonly snapshotEntries: number;
  /** Bytes of entries after which it is taken even so: entries differ in size. */
  readonly snapshotBytes: number;
  /** How often that is looked at. */
  readonly snapshotLookMs: number;
  /** Share of the ledger's byte limit at which submits and proposals are refused. */
  readonly ledgerFullShare: number;
  /** A leaving agent finishes what it runs within this long, and hands back the rest. */
  readonly leaveGraceMs: number;
  /** An inbox message or a report without an answer is sent again after this long. */
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
  endedTasksMax: 50_000,
  endedTasksMs: 86_400_000,
  requestWindowMs: 120_000,
  idempotencyWindowMs: 3_600_000,
  requestKeysMax: 1_000_000,
  membersMax: 10_000,
  proposalsOpenMax: 1_000,
  decidedProposalsMax: 1_000,
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

type Key = keyof Settings;
const keys = Object.keys(defaultSettings) as Key[];
/** Where 0 means none, or never. */
/** Of every other setting 0 would mean nothing. */
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
      problems.push({ field: `settings.${name}`, message: 'must be a number above 0' });
    } else {
      values[name] = value;
    }
  }
  const settings = values as unknown as Settings;
  problems.push(...relations(settings));
  if (problems.length > 0) {
    const text = problems.map((each) => `${each.field} ${each.message}`).join('; ');
    throw new ConclaveError('INVALID', text, { fields: problems });
  }
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
