/**
 * The leader is killed again and again while proposals are open, ballots on their way and tasks running: real
 * processes, SIGKILL. Every proposal is decided once, every voter counted once, every task has one outcome.
 */
import { afterEach, expect, test } from 'vitest';
import {
  connectFleet,
  verifyLedger,
  type Fleet,
  type ProposalResult,
  type TaskHandle,
} from '../../src/index.ts';
import { endAgents, startAgent, type AgentProcess } from '../support/agent-process.ts';
import { withServer } from '../support/nats-server.ts';
import { until } from '../support/until.ts';

/** By hand: KILLS=20. */
const kills = Number(process.env['KILLS'] ?? 4);
const fleetName = 'kills';
const priorities: Readonly<Record<string, number>> = { a: 4, b: 3, c: 2, d: 1 };
const everybody = Object.keys(priorities);
const outsiders = ['ann', 'bob', 'cyd', 'dan'] as const;
/** Nobody may be missing: a ballot that is lost, or counted twice, shows in the result. */
const policy = { type: 'policy', voters: outsiders, quorum: 1, timeoutMs: 120_000 };

const server = withServer();
let client: Fleet | undefined;

afterEach(async () => {
  await endAgents();
  await client?.close();
});

function start(id: string): Promise<AgentProcess> {
  return startAgent({ servers: server().url, fleet: fleetName, id, priority: priorities[id] ?? 0, slots: 8 });
}

const areAllAlive = async (fleet: Fleet): Promise<boolean> =>
  (await fleet.agents({ state: 'alive' })).length === everybody.length;

/** What was open, and under way, when a leader died. */
interface Round {
  readonly decided: readonly ProposalResult[];
  readonly tasks: readonly TaskHandle[];
}

/** One kill: ann and bob have voted before it, cyd's ballots are on their way, dan votes when the killed one is back. */
async function round(fleet: Fleet, agents: Map<string, AgentProcess>): Promise<Round> {
  await until(() => areAllAlive(fleet));
  const { leader } = await fleet.status();
  const open = await Promise.all([1, 2, 3].map(() => fleet.openProposal(policy)));
  const tasks = await fleet.submitMany(
    Array.from({ length: 20 }, (_, i) => ({ type: 'slow', payload: { ms: 20 * i }, maxRetries: 10 })),
  );
  await Promise.all(tasks.map((task) => task.assigned()));
  const vote = (voter: string, decision: 'approve' | 'reject' | 'abstain'): Promise<unknown> =>
    Promise.all(open.map((proposal) => fleet.vote({ proposal, voter, decision })));
  await vote('ann', 'approve');
  await vote('bob', 'reject');

  const onTheirWay = [vote('cyd', 'abstain'), fleet.submitMany([{ type: 'echo', payload: 1 }])] as const;
  agents.get(leader ?? '')?.signal('SIGKILL');
  const [, more] = await Promise.all(onTheirWay);
  // Said again to whoever leads now, also something else.
  await vote('ann', 'approve');
  await expect(vote('bob', 'approve')).rejects.toMatchObject({ code: 'ALREADY_VOTED' });

  agents.set(leader ?? '', await start(leader ?? ''));
  await vote('dan', 'approve');
  const decided = await Promise.all(open.map((proposal) => fleet.decision(proposal)));
  await Promise.all([...tasks, ...more].map((task) => task.outcome()));
  return { decided, tasks: [...tasks, ...more] };
}

/** How often each of these is in the ledger. */
async function counted(): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
  const report = await verifyLedger({
    servers: server().url,
    fleet: fleetName,
    onEntry: ({ events }) => {
      for (const event of events) {
        if (event.type === 'proposal.decided') count(`${event.id} decided`);
        if (event.type === 'ballot.cast') count(`${event.id} ${event.voter}`);
        if (event.type === 'task.completed' || event.type === 'task.failed') count(`${event.id} ended`);
      }
    },
  });
  expect(report.problems).toEqual([]);
  expect(report.doubleOutcomes).toBe(0);
  expect(report.terms.length).toBeGreaterThan(kills);
  return counts;
}

test('leaders that are killed while proposals are open and tasks run lose no ballot, no decision and no outcome', async () => {
  const agents = new Map<string, AgentProcess>();
  for (const id of everybody) agents.set(id, await start(id));
  client = await connectFleet({ servers: server().url, fleet: fleetName, timeoutMs: 60_000 });
  const rounds: Round[] = [];
  for (let i = 0; i < kills; i++) rounds.push(await round(client, agents));

  const decided = rounds.flatMap((each) => each.decided);
  const tasks = rounds.flatMap((each) => each.tasks);
  for (const { status, approve, reject, abstain, notVoted } of decided) {
    // Four agents, ann and dan; bob; cyd.
    expect({ status, approve, reject, abstain, notVoted }).toEqual({
      status: 'approved',
      approve: 6_000,
      reject: 1_000,
      abstain: 1_000,
      notVoted: 0,
    });
  }
  const outcomes = await Promise.all(tasks.map((task) => task.outcome()));
  expect(outcomes.filter(({ status }) => status !== 'completed')).toEqual([]);

  const expected = [
    ...decided.map(({ id }) => `${id} decided`),
    ...decided.flatMap(({ id }) => [...everybody, ...outsiders].map((voter) => `${id} ${voter}`)),
    ...tasks.map(({ id }) => `${id} ended`),
  ];
  const counts = await counted();
  expect([...counts.keys()].sort()).toEqual(expected.sort());
  expect([...counts].filter(([, times]) => times !== 1)).toEqual([]);
}, 600_000);
