/** Votes of whole fleets, through the calls of the SDK. Each test is named by what SPEC V1–V8 promises. */
import { expect, test } from 'vitest';
import type { Agent, Decision, Fleet, JoinOptions } from '../../src/index.ts';
import type { AgentId } from '../../src/domain/ids.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { simulateFleet, type Simulation } from '../../src/simulation/index.ts';
import { decode, encode } from '../../src/wire/codec.ts';
import { subjectsOf } from '../../src/wire/subjects.ts';

const never = (): Promise<Decision> => new Promise(() => undefined);
const json = { 'Content-Type': 'application/json' };

interface Stage extends Simulation {
  readonly agents: readonly Agent[];
  readonly fleet: Fleet;
}

/** Agents by id; the first one leads, and stays the best. */
async function fleetOf(members: Readonly<Record<string, Omit<JoinOptions, 'id'>>>): Promise<Stage> {
  const simulation = simulateFleet({ seed: 1 });
  const agents: Agent[] = [];
  for (const [id, options] of Object.entries(members))
    agents.push(await simulation.joinFleet({ id, ...options }));
  return { ...simulation, agents, fleet: await simulation.connectFleet() };
}

const voting = (decision: Decision): Omit<JoinOptions, 'id'> => ({ vote: () => decision });
const silent: Omit<JoinOptions, 'id'> = { vote: never };

test('V1: votes weigh 1, or by health, or by priority, in whole thousandths; a negative priority weighs 0', async () => {
  const { fleet, agents, pass } = await fleetOf({ ada: { priority: 2.5 }, bob: { priority: -1 }, eve: {} });
  for (const agent of agents) agent.health = agent.id === 'ada' ? 1 / 3 : 0.5;
  await pass(1_000);
  const weightsBy = async (weighting: 'equal' | 'health' | 'priority'): Promise<unknown> => {
    const { proposal } = await fleet.propose({ type: 'policy', weighting });
    return Object.fromEntries(proposal.electorate.map(({ id, weight }) => [id, weight]));
  };
  expect(await weightsBy('equal')).toEqual({ ada: 1_000, bob: 1_000, eve: 1_000 });
  expect(await weightsBy('health')).toEqual({ ada: 333, bob: 500, eve: 500 });
  expect(await weightsBy('priority')).toEqual({ ada: 2_500, bob: 0, eve: 0 });
});

test('V1: a proposal in which nobody would weigh anything is refused, and so is a quorum out of range', async () => {
  const { fleet } = await fleetOf({ ada: { priority: 0 }, bob: { priority: -3 } });
  const propose = (more: object) => fleet.openProposal({ type: 'policy', ...more });
  await expect(propose({ weighting: 'priority' })).rejects.toMatchObject({ code: 'CONFLICT' });
  for (const quorum of [0, -0.5, 1.01]) {
    await expect(propose({ quorum })).rejects.toMatchObject({
      code: 'INVALID',
      fields: [{ field: 'quorum' }],
    });
  }
});

test('V1: half of the electorate and 30 s, unless the proposal or the settings of its proposer say otherwise', async () => {
  const { fleet, connectFleet } = await fleetOf({ ada: silent });
  const shown = async (by: Fleet, more: object = {}): Promise<unknown> => {
    const { quorum, openedAt, deadlineAt } = await by.proposal(
      await by.openProposal({ type: 'policy', ...more }),
    );
    return { quorum, timeoutMs: deadlineAt - openedAt };
  };
  const strict = await connectFleet({ settings: { quorum: 0.9, proposalTimeoutMs: 5_000 } });
  expect(await shown(fleet)).toEqual({ quorum: 0.5, timeoutMs: 30_000 });
  expect(await shown(strict)).toEqual({ quorum: 0.9, timeoutMs: 5_000 });
  expect(await shown(strict, { quorum: 0.2 })).toEqual({ quorum: 0.2, timeoutMs: 5_000 });
});

test('V2: who joins after the opening has no vote; outside voters weigh 1', async () => {
  const { fleet, joinFleet } = await fleetOf({ ada: { ...silent, priority: 7 } });
  const id = await fleet.openProposal({
    type: 'policy',
    weighting: 'priority',
    voters: ['carol'],
    quorum: 1,
  });
  await joinFleet({ id: 'late', vote: () => 'approve' });
  const late = fleet.vote({ proposal: id, voter: 'late', decision: 'approve' });
  await expect(late).rejects.toMatchObject({ code: 'NOT_A_VOTER' });
  const { electorate } = await fleet.proposal(id);
  expect(electorate).toEqual([
    { id: 'ada', weight: 7_000 },
    { id: 'carol', weight: 1_000 },
  ]);
});

test('V3: one ballot a voter, with its reason; late, double and foreign ones are refused by name', async () => {
  const { fleet } = await fleetOf({ ada: voting('reject') });
  const proposal = await fleet.openProposal({ type: 'policy', quorum: 1, voters: ['carol', 'dave'] });
  const vote = (voter: string, decision: Decision, reason?: string): Promise<void> =>
    fleet.vote({ proposal, voter, decision, ...(reason === undefined ? {} : { reason }) });
  await vote('carol', 'approve', 'seen it');
  await vote('carol', 'approve');
  await expect(vote('carol', 'reject')).rejects.toMatchObject({ code: 'ALREADY_VOTED' });
  await expect(vote('mallory', 'approve')).rejects.toMatchObject({ code: 'NOT_A_VOTER' });
  const unknown = fleet.vote({ proposal: 'none', voter: 'carol', decision: 'approve' });
  await expect(unknown).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await vote('dave', 'abstain');
  const { proposal: view } = await fleet.decision(proposal);
  expect(view.ballots).toContainEqual({ voter: 'carol', decision: 'approve', reason: 'seen it' });
  expect(view.ballots).toHaveLength(3);
  // After the end: the same again is answered as before, and nothing else is taken.
  await vote('dave', 'abstain');
  await expect(vote('dave', 'approve')).rejects.toMatchObject({ code: 'ALREADY_VOTED' });
});

test('V3: a ballot that comes after the decision is refused', async () => {
  const { fleet } = await fleetOf({ ada: voting('approve'), bob: voting('approve') });
  const proposal = await fleet.openProposal({ type: 'policy', voters: ['carol'] });
  expect((await fleet.decision(proposal)).status).toBe('approved');
  const late = fleet.vote({ proposal, voter: 'carol', decision: 'reject' });
  await expect(late).rejects.toMatchObject({ code: 'PROPOSAL_CLOSED' });
});

test('V3: who votes is read from the subject, whatever the body says', async () => {
  const { fleet, world, settled } = await fleetOf({ ada: silent, bob: silent });
  const proposal = await fleet.openProposal({ type: 'policy', quorum: 1 });
  const { bus } = world.host('somebody').ports('default');
  const subject = subjectsOf('default').agent('ballot', 'bob' as AgentId);
  const answerTo = (body: object): Promise<unknown> =>
    settled(
      new Promise((resolve, reject) => {
        const data = encode(body, 'json');
        bus.request({ subject, data, headers: json, timeoutMs: 1_000 }, (heard) => {
          if (heard.kind === 'reply') resolve(decode(heard.data, heard.headers));
          else reject(new Error(heard.kind));
        });
      }),
    );
  const ballot = { proposal, decision: 'reject' };
  const fields = [{ field: 'voter' }];
  expect(await answerTo({ ...ballot, voter: 'ada' })).toMatchObject({ code: 'INVALID', fields });
  await answerTo(ballot);
  const { ballots } = await fleet.proposal(proposal);
  expect(ballots).toEqual([{ voter: 'bob', decision: 'reject', reason: null }]);
});

test('V4: a vote closes as soon as nothing can change it, and not before there is a quorum', async () => {
  const { fleet, world } = await fleetOf({
    a: voting('approve'),
    b: voting('approve'),
    c: voting('approve'),
    d: silent,
    e: silent,
  });
  const before = world.now;
  expect(await fleet.propose({ type: 'policy', timeoutMs: 30_000 })).toMatchObject({
    status: 'approved',
    notVoted: 2_000,
  });
  expect(world.now - before).toBeLessThan(10_000);
  const all = await fleet.propose({ type: 'policy', quorum: 1, timeoutMs: 20_000 });
  expect(all).toMatchObject({ status: 'expired', approve: 3_000, notVoted: 2_000 });
});

test('V4: a tie rejects, and abstentions count toward the quorum alone', async () => {
  const { fleet } = await fleetOf({ a: voting('approve'), b: voting('reject'), c: voting('abstain') });
  expect(await fleet.propose({ type: 'policy', quorum: 1 })).toMatchObject({
    status: 'rejected',
    approve: 1_000,
    reject: 1_000,
    abstain: 1_000,
  });
});

test('V4: nobody waits for a voter that died, and it still counts in the denominator', async () => {
  const { fleet, hostOf, world } = await fleetOf({ a: voting('approve'), b: voting('approve'), c: silent });
  const id = await fleet.openProposal({ type: 'policy', quorum: 1, timeoutMs: 600_000 });
  const before = world.now;
  hostOf('c').crash();
  expect(await fleet.decision(id)).toMatchObject({ status: 'expired', approve: 2_000, notVoted: 1_000 });
  expect(world.now - before).toBeLessThan(60_000);
});

test('V5: the result has weights, counts, the quorum needed and the rate, and lists who voted what', async () => {
  const { fleet } = await fleetOf({
    a: voting('approve'),
    b: voting('approve'),
    c: voting('reject'),
    d: voting('abstain'),
  });
  const result = await fleet.propose({ type: 'policy', quorum: 1 });
  expect(result).toMatchObject({
    approved: true,
    approve: 2_000,
    reject: 1_000,
    abstain: 1_000,
    notVoted: 0,
  });
  expect(result.approvalRate).toBe(0.5);
  expect(result.proposal.tally).toMatchObject({
    approve: { weight: 2_000, count: 2 },
    quorumWeight: 4_000,
    hasQuorum: true,
  });
  const ballots = result.proposal.ballots.map(({ voter, decision }) => `${voter} ${decision}`).sort();
  expect(ballots).toEqual(['a approve', 'b approve', 'c reject', 'd abstain']);
});

test('V6: ballots cast before and after the death of the leader count under the new one, none twice', async () => {
  const { fleet, hostOf } = await fleetOf({
    a: { priority: 2, vote: never },
    b: { priority: 1, vote: () => 'approve' },
  });
  const proposal = await fleet.openProposal({
    type: 'policy',
    quorum: 0.75,
    voters: ['x', 'y'],
    timeoutMs: 120_000,
  });
  const vote = (voter: string): Promise<void> => fleet.vote({ proposal, voter, decision: 'approve' });
  await vote('x');
  const { term } = await fleet.election();
  hostOf('a').crash();
  // Sent again to the new leader, as somebody does who was not answered.
  await vote('x');
  await vote('y');
  expect(await fleet.decision(proposal)).toMatchObject({ approved: true, approve: 3_000, notVoted: 1_000 });
  expect(await fleet.election()).toMatchObject({ leader: 'b', term: term + 1 });
});

test('V7: an agent without a handler abstains, and so does one whose handler fails or decides nothing', async () => {
  const fails = (): Decision => {
    throw new Error('cannot decide');
  };
  const undecided = (): Decision => 'perhaps' as Decision;
  const { fleet } = await fleetOf({
    a: {},
    b: { vote: fails },
    c: voting('approve'),
    d: { vote: undecided },
  });
  const { proposal } = await fleet.propose({ type: 'policy', quorum: 1 });
  expect(proposal.tally).toMatchObject({ abstain: { count: 3 }, approve: { count: 1 } });
});

test('V8: a task waits for its approval, also through the death of the leader; what is not approved never runs', async () => {
  const ran: string[] = [];
  const tasks = { isolate: (task: { target: string | null }) => ran.push(String(task.target)) };
  const { fleet, hostOf } = await fleetOf({
    a: { tasks, priority: 2, vote: never },
    b: { tasks, vote: never },
  });
  const approval = { voters: ['x', 'y', 'z'], quorum: 0.6, timeoutMs: 60_000 };
  const submit = (target: string) => fleet.submit({ type: 'isolate', target, approval });
  const [good, bad, forgotten] = [await submit('good'), await submit('bad'), await submit('forgotten')];
  expect(await good.status()).toBe('awaiting_approval');
  const vote = async (id: string, voter: string, decision: Decision): Promise<void> =>
    fleet.vote({ proposal: (await fleet.task(id)).proposal ?? '', voter, decision });
  for (const voter of ['x', 'y']) await vote(good.id, voter, 'approve');
  hostOf('a').crash();
  await vote(good.id, 'z', 'approve');
  for (const voter of ['x', 'y', 'z']) await vote(bad.id, voter, 'reject');
  expect(await good.outcome()).toMatchObject({ status: 'completed', agent: 'b' });
  const reasonOf = async (task: typeof bad): Promise<unknown> => (await task.outcome()).error;
  const refusal = { code: 'NOT_APPROVED' };
  expect(await reasonOf(bad)).toMatchObject({ ...refusal, message: expect.stringContaining('rejected') });
  expect(await reasonOf(forgotten)).toMatchObject({
    ...refusal,
    message: expect.stringContaining('expired'),
  });
  expect(ran).toEqual(['good']);
});

test('V7: a vote handler that throws what cannot be shown abstains, whatever the log makes of it', async () => {
  const unreadable: unknown = new Proxy(
    {},
    {
      get: () => {
        throw new Error('not to be read');
      },
    },
  );
  const vote = (): Decision => {
    throw unreadable;
  };
  const log = { ...silentLog, warn: (fields: object) => void JSON.stringify(fields) };
  const { fleet } = await fleetOf({ ada: voting('approve'), bob: { vote, log } });
  const { proposal } = await fleet.propose({ type: 'policy', quorum: 1 });
  expect(proposal.tally).toMatchObject({ abstain: { count: 1 }, approve: { count: 1 } });
});
