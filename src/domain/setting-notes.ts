/**
 * What each setting is counted in, and why it is as it is: the sentences of docs/limits.md, which a test holds to these,
 * and of `conclave config`.
 */
import type { Settings } from './settings.ts';

export interface SettingNote {
  readonly unit: string;
  readonly reason: string;
}

export const settingNotes: Readonly<Record<keyof Settings, SettingNote>> = {
  heartbeatIntervalMs: {
    unit: 'ms',
    reason:
      'How often an agent beats, 10 to 60000, until its leader orders another interval; and how often a leader repeats its orders. Smaller finds frozen processes sooner, larger costs less traffic.',
  },
  heartbeatsPerSecondMax: {
    unit: 'beats/s',
    reason:
      'Of the whole fleet, about: the leader stretches the interval so that there are no more, up to a minute. Whoever stands by reads each of them, and 500 take under a hundredth of a core to read.',
  },
  suspectAfterIntervals: {
    unit: 'intervals',
    reason: 'Without a beat for that long a member is suspect. At least 2: one lost beat proves nothing.',
  },
  deadAfterIntervals: {
    unit: 'intervals',
    reason: 'Without a beat for that long it is dead. Above `suspectAfterIntervals`.',
  },
  unreachableMs: {
    unit: 'ms',
    reason:
      'How long the broker must go on saying "nobody there" until a member is dead. Longer than a reconnect.',
  },
  inboxSilenceMs: {
    unit: 'ms',
    reason:
      'Inbox messages unanswered for that long make a member that still beats suspect; what it was not given yet goes to others. At least two of `resendMs`.',
  },
  forgetMembersMs: { unit: 'ms', reason: 'Members that left or died are listed this long.' },
  refuseRemovedMs: {
    unit: 'ms',
    reason: 'A process that was removed by hand cannot join again for this long.',
  },
  leaveGraceMs: {
    unit: 'ms',
    reason: 'A leaving agent finishes what it runs within this long, and hands back the rest.',
  },
  probeIntervalMs: {
    unit: 'ms',
    reason:
      'How often a standby probes the leader, and how long it waits for the answer. A probe sent in the instant of a death times out; the next one is told.',
  },
  leaderSilenceMs: {
    unit: 'ms',
    reason: 'How long a leader may be silent until standbys stand. At least two probes.',
  },
  candidacyDelayMs: {
    unit: 'ms',
    reason: 'A candidate waits this long for each rival that ranks before it.',
  },
  answerWindowMs: {
    unit: 'ms',
    reason: 'A candidate that does not know every score waits this long for a better one to answer.',
  },
  claimWindowMs: {
    unit: 'ms',
    reason: 'A candidate that was answered waits this long for the better one to claim.',
  },
  campaignBackoffMs: { unit: 'ms', reason: 'Own term-starts out of suspicion keep this distance, doubling.' },
  campaignBackoffMsMax: { unit: 'ms', reason: 'Up to this; a quiet time of this length resets it.' },
  handoverPatienceMs: {
    unit: 'ms',
    reason:
      'Who should not lead, since it drains, or gave up leading by itself, lets others stand first for this long.',
  },
  standbysMax: {
    unit: 'agents',
    reason:
      'Electable agents beside the leader that follow the ledger and hear all heartbeats; the others sleep until they are called or nobody leads. At least 1. Each costs the broker a copy of every entry; five outlive any two accidents.',
  },
  preemptMargin: {
    unit: 'score',
    reason:
      'A leader gives way to a standby whose score exceeds its own by more than this; 0: never. Health and load move a score by up to 1 each.',
  },
  preemptTenureMs: {
    unit: 'ms',
    reason:
      'A leader gives way only after it has led for this long: between two preemptions is at least this.',
  },
  appendTimeoutMs: {
    unit: 'ms',
    reason: 'An append without an answer for this long gets a fresh connection.',
  },
  appendResignMs: {
    unit: 'ms',
    reason: 'An append whose fate is not known for this long ends the term, where the stream has one copy.',
  },
  appendResignReplicatedMs: {
    unit: 'ms',
    reason: "The same where it has several copies: NATS's own fail-over takes 4–10 s.",
  },
  entryBytesMax: {
    unit: 'bytes',
    reason:
      'One entry, and one message that is to become one. At most half of what the broker takes, which is 1 MiB by default; not below `payloadBytesMax`.',
  },
  entryEventsMax: { unit: 'events', reason: 'In one entry: keeps the time to apply it short.' },
  snapshotEntries: {
    unit: 'entries',
    reason: 'After so many a snapshot is taken, and the ledger is shortened up to the one before it.',
  },
  snapshotBytes: {
    unit: 'bytes',
    reason: 'After so many bytes of entries it is taken even so: entries differ in size.',
  },
  snapshotLookMs: { unit: 'ms', reason: 'How often that is looked at, and how full the ledger is.' },
  ledgerFullShare: {
    unit: 'share',
    reason:
      "Of the ledger's byte limit: beyond it submits and proposals are refused (429) until it has been shortened.",
  },
  maxRetries: {
    unit: 'tries',
    reason: 'Further attempts after a failed one, for tasks that do not say. 0 is allowed.',
  },
  retryBackoffMs: { unit: 'ms', reason: 'The first retry after this long, doubling, half of it random.' },
  retryBackoffMsMax: { unit: 'ms', reason: 'The longest pause before a retry.' },
  payloadBytesMax: { unit: 'bytes', reason: "A task's payload, a result, and a whole proposal." },
  submitTasksMax: { unit: 'tasks', reason: 'In one submit.' },
  tasksMax: { unit: 'tasks', reason: 'Kept at once, ended ones too; beyond it submits are refused.' },
  keptBytesMax: {
    unit: 'bytes',
    reason:
      'Of tasks, proposals and keys that are kept, about; beyond it submits and proposals are refused. A snapshot holds 256 MiB: what is not counted, and what running tasks still add, needs the rest.',
  },
  endedTasksMax: {
    unit: 'tasks',
    reason:
      'Ended ones that are kept: at the highest rates a client has some seconds to ask for an outcome. At least a twentieth below `tasksMax`: ended tasks alone must not fill the fleet.',
  },
  endedTasksBytesMax: {
    unit: 'bytes',
    reason:
      'Of those, about, each with the proposal that it waited for: the oldest go first. At least four of `payloadBytesMax`, and with `decidedProposalsBytesMax` a twentieth below `keptBytesMax`.',
  },
  endedTasksMs: {
    unit: 'ms',
    reason:
      'How long an ended task is kept, if it is not one too many before. A day: time enough to look at what failed overnight.',
  },
  requestWindowMs: {
    unit: 'ms',
    reason: 'How long a submit or a proposal can be repeated under the same key.',
  },
  idempotencyWindowMs: { unit: 'ms', reason: "How long a task's idempotency key stands for it." },
  requestKeysMax: {
    unit: 'keys',
    reason:
      'Remembered at once, request keys and idempotency keys each; at the limit submits and proposals are refused, no key is evicted.',
  },
  membersMax: { unit: 'members', reason: 'Known at once, dead and left ones until they are forgotten.' },
  proposalsOpenMax: { unit: 'proposals', reason: 'Open at once.' },
  decidedProposalsMax: {
    unit: 'proposals',
    reason:
      'Decided ones that are kept, without those that go with their task. Fewer than tasks: each names its whole electorate.',
  },
  decidedProposalsBytesMax: {
    unit: 'bytes',
    reason: 'Of those, about: the oldest go first. Not below `entryBytesMax`.',
  },
  decidedProposalsMs: {
    unit: 'ms',
    reason: 'How long a decided proposal is kept, if it is not one too many before.',
  },
  votersMax: { unit: 'voters', reason: 'In one electorate.' },
  agentRequestsPerSecondMax: {
    unit: 'requests/s',
    reason:
      'Joins, reports and ballots of one agent that the leader looks at. An agent has one message of reports under way at a time, and a ballot for each open proposal.',
  },
  clientRequestsPerSecondMax: {
    unit: 'requests/s',
    reason:
      'Of one client, which is who has its answers sent to one place. An HTTP server is one client, whoever asks it.',
  },
  quorum: {
    unit: 'share',
    reason: "Of the electorate's weight, for proposals that do not say. Above 0, at most 1.",
  },
  proposalTimeoutMs: { unit: 'ms', reason: 'Deadline of proposals that do not say.' },
  resendMs: {
    unit: 'ms',
    reason:
      'An inbox message without an answer is sent again after this long; reports and ballots after four times that.',
  },
};
