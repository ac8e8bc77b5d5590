/**
 * The same sequence gives the same state everywhere: a fleet of real processes works through a random mix while its
 * leaders are killed and its ledger is shortened all the time. What each process has is compared, by hash, with a
 * replay of every entry that was ever written; what snapshots hold, too. `SEED=n` chooses another mix.
 */
import { createHash } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { charts } from '../../actors/table.ts';
import { applyEntry } from '../../src/domain/apply.ts';
import type { Entry } from '../../src/domain/events.ts';
import { canonical } from '../../src/domain/state-hash.ts';
import { emptyState, type FleetState } from '../../src/domain/state.ts';
import { connectFleet, type Fleet, type TaskInput } from '../../src/index.ts';
import { SeededRandom } from '../../src/simulation/random.ts';
import { endAgents, startAgent, type AgentProcess } from '../support/agent-process.ts';
import { recordLedger, type LedgerRecord } from '../support/ledger-record.ts';
import { withServer } from '../support/nats-server.ts';

/** By hand: STEPS=200. */
const steps = Number(process.env['STEPS'] ?? 24);
const seed = Number(process.env['SEED'] ?? 1);
const fleetName = 'hashes';
const settings = {
  snapshotEntries: 30,
  snapshotLookMs: 100,
  endedTasksMax: 30,
  endedTasksMs: 3_000,
  decidedProposalsMax: 3,
  decidedProposalsMs: 3_000,
  forgetMembersMs: 3_000,
  unreachableMs: 500,
  retryBackoffMs: 20,
  leaveGraceMs: 200,
};

const server = withServer();
let record: LedgerRecord | undefined;
let client: Fleet | undefined;

afterEach(async () => {
  await endAgents();
  await client?.close();
  await record?.close();
});

interface Sample {
  readonly id: string;
  readonly sequence: number;
  readonly hash: string;
  readonly isLeader: boolean;
}

const hashOf = (state: FleetState): string => createHash('sha256').update(canonical(state)).digest('hex');

/** The processes, by id, and what they were seen to have. */
class Crew {
  readonly agents = new Map<string, AgentProcess>();
  readonly samples: Sample[] = [];

  async start(id: string, priority: number): Promise<void> {
    const options = { servers: server().url, fleet: fleetName, id, priority, settings };
    this.agents.set(id, await startAgent(options));
  }

  async end(id: string, how: 'leave' | 'SIGKILL'): Promise<void> {
    const agent = this.agents.get(id);
    this.agents.delete(id);
    if (how === 'leave') agent?.tell('leave');
    else agent?.signal('SIGKILL');
    await agent?.ended;
  }

  async look(): Promise<readonly Sample[]> {
    const copies = await Promise.all(
      [...this.agents.values()].map(async (agent) => ({ id: agent.id, copy: await agent.copy() })),
    );
    const seen = copies.flatMap(({ id, copy }) => (copy === null ? [] : [{ id, ...copy }]));
    this.samples.push(...seen);
    return seen;
  }
}

/** Everything that can become of a task. */
function someTask(random: SeededRandom): TaskInput {
  const dice = random.below(6);
  if (dice === 0) return { type: 'flaky', payload: { failures: 1 }, maxRetries: 2 };
  if (dice === 1) return { type: 'flaky', payload: { failures: 9 }, maxRetries: 1 };
  if (dice === 2) return { type: 'slow', payload: { ms: 5_000 }, runTimeoutMs: 50, maxRetries: 0 };
  if (dice === 3) return { type: 'slow', payload: { ms: 400 } };
  if (dice === 4) return { type: 'echo', payload: 1, approval: { timeoutMs: 2_000 } };
  return { type: 'echo', payload: 1, delayMs: 100, idempotencyKey: `key-${random.below(5)}` };
}

type Deed = (fleet: Fleet, crew: Crew, random: SeededRandom) => Promise<unknown>;

const submit: Deed = async (fleet, _, random) => {
  await fleet.submitMany(Array.from({ length: 1 + random.below(6) }, () => someTask(random)));
};

const kill = async (fleet: Fleet, crew: Crew, whom: string): Promise<void> => {
  const priority = { a: 3, b: 2, c: 1 }[whom] ?? 0;
  await fleet.submitMany(Array.from({ length: 6 }, () => ({ type: 'slow', payload: { ms: 300 } })));
  await crew.end(whom, 'SIGKILL');
  await untilDead(fleet, whom);
  await crew.start(whom, priority);
};

const comeOrGo: Deed = async (_, crew) => {
  if (crew.agents.has('d')) await crew.end('d', 'leave');
  else await crew.start('d', 0);
};

const deeds: readonly Deed[] = [
  submit,
  submit,
  submit,
  submit,
  async (fleet) => {
    const task = await fleet.submit({ type: 'slow', payload: { ms: 60_000 } });
    await task.assigned();
    await task.cancel();
  },
  (fleet) => fleet.propose({ type: 'policy', timeoutMs: 2_000 }),
  async (fleet, _, random) => {
    const proposal = await fleet.openProposal({ type: 'policy', voters: ['bob'], timeoutMs: 300, quorum: 1 });
    if (random.next() < 0.5) await fleet.vote({ proposal, voter: 'bob', decision: 'reject' });
  },
  comeOrGo,
  (fleet) => fleet.elect(),
  comeOrGo,
  async (fleet, crew) => kill(fleet, crew, (await fleet.status()).leader ?? 'a'),
  (fleet, crew) => kill(fleet, crew, 'c'),
];

async function untilDead(fleet: Fleet, id: string): Promise<void> {
  for (;;) {
    const found = (await fleet.agents()).find((agent) => agent.id === id);
    if (found === undefined || found.state === 'dead') return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Until nothing is under way, and every process has every entry at the same moment. */
async function untilAtRest(fleet: Fleet, crew: Crew): Promise<readonly Sample[]> {
  for (;;) {
    const { tasks, proposals } = await fleet.status();
    const { awaiting_approval, scheduled, pending, assigned, running, cancelling } = tasks.byStatus;
    const open = awaiting_approval + scheduled + pending + assigned + running + cancelling;
    const copies = await crew.look();
    const isSame = new Set(copies.map(({ sequence }) => sequence)).size === 1;
    if (open + proposals.byStatus.open === 0 && isSame && copies.length === crew.agents.size) return copies;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The entries up to this one, once they have come. */
async function recorded(record: LedgerRecord, sequence: number): Promise<readonly Entry[]> {
  while (record.entries.length < sequence && record.problems.length === 0)
    await new Promise((resolve) => setTimeout(resolve, 20));
  return record.entries.slice(0, sequence);
}

/** By sequence: the hash of the state that the entries up to it give, and nothing else. */
function replayed(entries: readonly Entry[], state = emptyState()): ReadonlyMap<number, string> {
  const hashes = new Map([[state.sequence, hashOf(state)]]);
  for (const entry of entries.slice(state.sequence)) {
    applyEntry(state, entry, state.sequence + 1, charts);
    hashes.set(state.sequence, hashOf(state));
  }
  return hashes;
}

test('leader, standbys, a replay, and a snapshot with what follows it have the same state at the same sequence', async () => {
  const random = new SeededRandom(seed);
  const crew = new Crew();
  await crew.start('a', 3);
  record = await recordLedger(server().url, fleetName);
  for (const [id, priority] of [
    ['b', 2],
    ['c', 1],
  ] as const)
    await crew.start(id, priority);
  client = await connectFleet({ servers: server().url, fleet: fleetName, timeoutMs: 30_000 });
  for (let i = 0; i < steps; i++) {
    // Each at least once, then at random.
    const deed = deeds[i < deeds.length ? i : random.below(deeds.length)] ?? submit;
    await deed(client, crew, random);
    await crew.look();
  }
  const last = await untilAtRest(client, crew);

  // The ledger goes on by itself, since what has ended is dropped by age: what was seen is compared, no more.
  const snapshots = await record.snapshots();
  const seen = [...crew.samples, ...snapshots.map(({ state }) => state)];
  const entries = await recorded(record, Math.max(...seen.map(({ sequence }) => sequence)));
  expect(record.problems).toEqual([]);
  const hashes = replayed(entries);
  expect(crew.samples.filter(({ sequence, hash }) => hashes.get(sequence) !== hash)).toEqual([]);
  expect(last.filter(({ isLeader }) => isLeader)).toHaveLength(1);
  expect(last.length).toBeGreaterThan(2);
  expect(crew.samples.filter(({ isLeader }) => isLeader).length).toBeGreaterThan(steps / 4);
  expect(crew.samples.filter(({ isLeader }) => !isLeader).length).toBeGreaterThan(steps);

  expect(snapshots.length).toBeGreaterThan(0);
  // Something must follow the oldest, or nothing is said of what comes after a snapshot.
  expect(entries.length).toBeGreaterThan(snapshots[0]?.state.sequence ?? Infinity);
  for (const { state } of snapshots) {
    const { sequence } = state;
    expect(sequence).toBeGreaterThanOrEqual(settings.snapshotEntries);
    for (const [at, hash] of replayed(entries, state)) expect([at, hash]).toEqual([at, hashes.get(at)]);
  }
  const types = new Set<string>(entries.flatMap(({ events }) => events.map(({ type }) => type)));
  expect(mix.filter((type) => !types.has(type))).toEqual([]);
}, 180_000);

/** Without these the mix would prove less than it says. */
const mix = [
  'ballot.cast',
  'member.died',
  'member.joined',
  'member.left',
  'proposal.decided',
  'proposals.dropped',
  'task.approved',
  'task.attemptFailed',
  'task.attemptLost',
  'task.cancelled',
  'task.completed',
  'task.due',
  'task.failed',
  'tasks.dropped',
  'term.handedOver',
  'term.started',
];
