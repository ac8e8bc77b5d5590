/**
 * The fleet's state as plain data, and back: what spares a replay. Maps and sets become lists in their order, since
 * whoever goes on from here decides in that order. A snapshot shares nothing that changes with the state it was taken
 * from, nor a restored state with its snapshot.
 *
 * The version is that of the shape: any change of what the state holds is another one, and what is not known is refused.
 */
import { measured } from './bytes.ts';
import type { Candidate, ElectionCause, HandoverReason } from './events.ts';
import { broken, Fields } from './fields.ts';
import type { AgentId, ProposalId, TaskId } from './ids.ts';
import {
  leadershipIn,
  memberIn,
  memberRow,
  proposalIn,
  proposalRow,
  rememberedIn,
  rememberedRow,
  removedIn,
  removedRow,
  taskIn,
  taskRow,
  type Row,
} from './snapshot-rows.ts';
import { emptyState, isEnded, isGate, type Counts, type FleetState, type Leadership } from './state.ts';

export const SNAPSHOT_VERSION = 2;

/** Plain data: lists, objects, numbers, texts, true, false and null, and what users gave. */
export interface Snapshot {
  readonly v: typeof SNAPSHOT_VERSION;
  readonly genesis: string;
  /** Of the last entry that it covers. */
  readonly sequence: number;
  readonly term: number;
  /** Ledger time. */
  readonly at: number;
  /** SHA-256 of the last entry's bytes, hex: what the next entry must name as previous. */
  readonly lastHash: string;
  readonly fencingToken: number;
  readonly leader: Leadership | null;
  readonly handover: HandoverReason | null;
  readonly previousLeader: Leadership | null;
  readonly previousHandover: HandoverReason | null;
  readonly leaderSince: number;
  readonly lastElection: FleetState['lastElection'];
  readonly tasksCreated: number;
  readonly proposalsCreated: number;
  readonly members: readonly Row[];
  readonly removed: readonly Row[];
  readonly tasks: readonly Row[];
  readonly proposals: readonly Row[];
  readonly requests: readonly Row[];
  readonly keys: readonly Row[];
  readonly ended: readonly TaskId[];
  readonly decided: readonly ProposalId[];
  /** As in the state, maps as lists of pairs. */
  readonly counts: Readonly<Record<string, unknown>>;
}

export interface Restored {
  readonly state: FleetState;
  readonly lastHash: string;
}

/** Takes a state that stands between two entries. `lastHash`: of the bytes of its last entry. */
export function snapshotOf(state: FleetState, { lastHash }: { readonly lastHash: string }): Snapshot {
  return {
    v: SNAPSHOT_VERSION,
    genesis: state.genesis,
    sequence: state.sequence,
    term: state.term,
    at: state.at,
    lastHash,
    fencingToken: state.fencingToken,
    leader: state.leader,
    handover: state.handover,
    previousLeader: state.previousLeader,
    previousHandover: state.previousHandover,
    leaderSince: state.leaderSince,
    lastElection: state.lastElection,
    tasksCreated: state.tasksCreated,
    proposalsCreated: state.proposalsCreated,
    members: Array.from(state.members.values(), memberRow),
    removed: Array.from(state.removed, removedRow),
    tasks: Array.from(state.tasks.values(), taskRow),
    proposals: Array.from(state.proposals.values(), proposalRow),
    requests: Array.from(state.requests, rememberedRow),
    keys: Array.from(state.keys, rememberedRow),
    ended: [...state.ended],
    decided: [...state.decided],
    counts: plainCounts(state.counts),
  };
}

/** In the order in which `stateIn` reads them. */
const headNames = ['v', 'lastHash'] as const satisfies readonly (keyof Snapshot)[];
const stateNames = [
  'genesis',
  'sequence',
  'term',
  'at',
  'fencingToken',
  'leader',
  'handover',
  'previousLeader',
  'previousHandover',
  'leaderSince',
  'lastElection',
  'tasksCreated',
  'proposalsCreated',
  'members',
  'removed',
  'tasks',
  'proposals',
  'requests',
  'keys',
  'ended',
  'decided',
  'counts',
] as const satisfies readonly (keyof Snapshot)[];

/** Throws `LEDGER_BROKEN` when the value is not a snapshot of this version, or contradicts itself. */
export function restore(value: unknown): Restored {
  const head = Fields.named(value, headNames, 'it');
  const version = head.any();
  if (version !== SNAPSHOT_VERSION)
    throw broken(`its version is ${String(version)}, not ${SNAPSHOT_VERSION}`);
  const lastHash = head.text();
  const records = stateIn(Fields.named(value, stateNames, 'it'));
  checkReferences(records);
  return { state: { ...records, bytes: measured(records) }, lastHash };
}

/** The sums of bytes follow from it. */
type Records = Omit<FleetState, 'bytes'>;

function stateIn(fields: Fields): Records {
  return {
    genesis: fields.text(),
    sequence: fields.count(),
    term: fields.count(),
    at: fields.number(),
    fencingToken: fields.count(),
    leader: fields.orNull(leadershipIn),
    handover: fields.textOrNull() as HandoverReason | null,
    previousLeader: fields.orNull(leadershipIn),
    previousHandover: fields.textOrNull() as HandoverReason | null,
    leaderSince: fields.number(),
    lastElection: fields.orNull(electionIn),
    tasksCreated: fields.count(),
    proposalsCreated: fields.count(),
    members: new Map(fields.list(memberIn).map((member) => [member.id, member])),
    removed: new Map(fields.list(removedIn)),
    tasks: new Map(fields.list(taskIn).map((task) => [task.spec.id, task])),
    proposals: new Map(fields.list(proposalIn).map((proposal) => [proposal.spec.id, proposal])),
    requests: new Map(fields.list(rememberedIn)),
    keys: new Map(fields.list(rememberedIn)),
    ended: new Set(fields.texts<TaskId>()),
    decided: new Set(fields.texts<ProposalId>()),
    counts: countsIn(fields.any()),
  };
}

function electionIn(value: unknown): NonNullable<FleetState['lastElection']> {
  const fields = Fields.named(value, ['cause', 'candidates', 'durationMs'], 'the last election');
  const cause = fields.text() as ElectionCause;
  return { cause, candidates: fields.list(candidateIn), durationMs: fields.number() };
}

function candidateIn(value: unknown): Candidate {
  const fields = Fields.named(value, ['id', 'score'], 'a candidate');
  return { id: fields.text() as AgentId, score: fields.number() };
}

function plainCounts(counts: Counts): Snapshot['counts'] {
  const { tasks, tasksByType, proposals, outcomes, decisions, ...numbers } = counts;
  return {
    ...numbers,
    tasks: { ...tasks },
    tasksByType: [...tasksByType],
    proposals: { ...proposals },
    outcomes: { ...outcomes },
    decisions: { ...decisions },
  };
}

/** Each of them as the empty state has it: a number, several by name, or a map. */
function countsIn(value: unknown): Counts {
  const template = Object.entries(emptyState().counts) as [string, unknown][];
  const fields = Fields.named(
    value,
    template.map(([name]) => name),
    'the counts',
  );
  const read = template.map(([name, like]) => {
    if (typeof like === 'number') return [name, fields.count()];
    if (like instanceof Map) return [name, new Map(fields.list(typeCountIn))];
    return [name, numbersIn(fields.any(), { like: Object.keys(like as object), name })];
  });
  return Object.fromEntries(read) as Counts;
}

function numbersIn(
  value: unknown,
  { like, name }: { readonly like: readonly string[]; readonly name: string },
) {
  const fields = Fields.named(value, like, `the counts of ${name}`);
  return Object.fromEntries(like.map((each) => [each, fields.count()]));
}

function typeCountIn(row: unknown): [string, number] {
  const fields = Fields.row(row, 2, 'the count of a type');
  return [fields.text(), fields.count()];
}

/** Everything that is named is there, and what waits to be dropped is what has ended. */
function checkReferences(state: Records): void {
  const { members, tasks, proposals, ended, decided, counts } = state;
  for (const { id, held } of members.values())
    for (const task of held)
      if (!tasks.has(task)) throw broken(`${id} holds task ${task}, which is not there`);
  for (const id of ended) {
    const task = tasks.get(id);
    if (task === undefined || !isEnded(task)) throw broken(`task ${id} is said to have ended`);
  }
  for (const id of decided) {
    const proposal = proposals.get(id);
    const isOver = proposal !== undefined && proposal.decidedAt !== null && !isGate(state, proposal);
    if (!isOver) throw broken(`proposal ${id} is said to wait to be dropped`);
  }
  const { completed, failed, cancelled } = counts.tasks;
  if (ended.size !== completed + failed + cancelled) throw broken(`not all ended tasks are among the ended`);
}
