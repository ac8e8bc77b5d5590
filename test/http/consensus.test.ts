/** Votes over HTTP. */
import { expect, test, vi } from 'vitest';
import type { JoinOptions } from '../../src/index.ts';
import { problemLike, root, withSites, type Site } from './site.ts';

const open = withSites();
const propose = `${root}/consensus/propose`;
const proposals = `${root}/consensus/proposals`;
const policy = {
  proposal_type: 'policy_change',
  description: 'Increase detection threshold',
  data: { threshold: 0.95, keptAsItIs: { aB: 1 } },
};

type Vote = NonNullable<JoinOptions['vote']>;

function site(...votes: readonly Vote[]): Promise<Site> {
  return open({ agents: votes.map((vote, i) => ({ id: `agent_${i}`, priority: 9 - i, vote })) });
}

/** A proposal that stays open: it waits for somebody who has not voted. */
const waiting = { ...policy, voters: ['grace'], quorum: 1, timeout_seconds: 60 };

test('a proposal is created: 201, with its electorate and its address', async () => {
  const here = await site(() => 'approve');
  const { status, headers, body } = await here.call(propose, { json: waiting });
  expect({ status, body }).toMatchObject({
    status: 201,
    body: {
      ...policy,
      status: 'open',
      proposer: 'http',
      quorum: 1,
      weighting: 'equal',
      electorate: [
        { id: 'agent_0', weight: 1_000 },
        { id: 'grace', weight: 1_000 },
      ],
      as_of: { term: 1 },
    },
  });
  // Ledger time runs on between the two.
  expect((Number(body['deadline_at']) - Number(body['opened_at'])) / 1_000).toBeCloseTo(60, 0);
  expect(await here.call(headers.get('Location') ?? '')).toMatchObject({
    status: 200,
    body: { proposal_id: body['proposal_id'] },
  });
});

test('an invalid proposal is refused with every bad field', async () => {
  const here = await site(() => 'approve');
  const bad = { quorum: 0, timeout_seconds: 0, weighting: 'loud', voters: ['a b'], key: 'k' };
  const answer = await here.call(propose, { json: bad });
  expect(answer).toMatchObject(problemLike(400, 'INVALID'));
  const fields = (answer.body['errors'] as { field: string }[]).map(({ field }) => field).sort();
  expect(fields).toEqual(['key', 'proposal_type', 'quorum', 'timeout_seconds', 'voters.0', 'weighting']);
});

test('with wait, the answer is the decision: approved by a majority, rejected by one or by a tie', async () => {
  const decide = async (...votes: Vote[]): Promise<unknown> => {
    const here = await site(...votes);
    const { status, body } = await here.call(`${propose}?wait=true`, { json: policy });
    expect(status).toBe(201);
    return { status: body['status'], approved: body['approved'], tally: body['tally'] };
  };
  const yes: Vote = () => 'approve';
  const no: Vote = () => 'reject';
  expect(await decide(yes, yes, no)).toMatchObject({
    status: 'approved',
    approved: true,
    tally: { approve: { count: 2, weight: 2_000 }, has_quorum: true },
  });
  expect(await decide(yes, no)).toMatchObject({ status: 'rejected', approved: false });
  expect(await decide(yes, () => 'abstain')).toMatchObject({ status: 'approved' });
});

test('without a quorum by the deadline it expires', async () => {
  const here = await site(() => 'approve');
  const json = { ...waiting, voters: ['grace', 'hopper'], timeout_seconds: 0.3 };
  const { body } = await here.call(`${propose}?wait=true`, { json });
  expect(body).toMatchObject({ status: 'expired', approved: false, tally: { has_quorum: false } });
});

test('the list of a fleet without proposals is empty', async () => {
  const here = await site(() => 'approve');
  expect(await here.call(proposals)).toMatchObject({
    status: 200,
    body: { items: [], total: 0, next_cursor: null, statistics: { by_status: { open: 0 } } },
  });
});

test('the list shows the proposals there are, with statistics', async () => {
  const here = await site(() => 'approve');
  await here.call(`${propose}?wait=true`, { json: policy });
  await here.call(propose, { json: waiting });
  const { body } = await here.call(proposals);
  expect(body).toMatchObject({ total: 2, statistics: { by_status: { approved: 1, open: 1 } } });
  expect(body.items.map((each) => each['status'])).toEqual(['approved', 'open']);
});

test('the list can be filtered by status', async () => {
  const here = await site(() => 'approve');
  await here.call(`${propose}?wait=true`, { json: policy });
  await here.call(propose, { json: waiting });
  const { body } = await here.call(`${proposals}?status=open`);
  expect(body).toMatchObject({ total: 1, items: [{ status: 'open', ...policy }] });
  expect(await here.call(`${proposals}?status=done`)).toMatchObject(problemLike(400, 'INVALID'));
});

test('the list comes in pages', async () => {
  const here = await site(() => 'approve');
  const ids: unknown[] = [];
  for (let i = 0; i < 5; i++) ids.push((await here.call(propose, { json: waiting })).body['proposal_id']);
  const page = await here.call(`${proposals}?skip=1&limit=2`);
  expect(page.body.items.map((each) => each['proposal_id'])).toEqual(ids.slice(1, 3));
  expect(page.body['total']).toBe(5);
  const cursor = encodeURIComponent(String(page.body['next_cursor']));
  const next = await here.call(`${proposals}?limit=2&cursor=${cursor}`);
  expect(next.body.items.map((each) => each['proposal_id'])).toEqual(ids.slice(3, 5));
  expect(next.body['next_cursor']).toBeNull();
});

test('one proposal can be looked at, with its tally, its rate and who voted what', async () => {
  const here = await site(
    () => 'approve',
    () => 'reject',
  );
  const id = String((await here.call(propose, { json: waiting })).body['proposal_id']);
  await vi.waitFor(
    async () => {
      const { body } = await here.call(`${proposals}/${id}`);
      const decisions = (body['ballots'] as { decision: string }[]).map(({ decision }) => decision);
      expect(decisions.sort()).toEqual(['approve', 'reject']);
      expect(body).toMatchObject({
        proposal_id: id,
        tally: {
          approve: { count: 1, weight: 1_000 },
          reject: { count: 1, weight: 1_000 },
          not_voted: { count: 1, weight: 1_000 },
          approval_rate: 0.5,
        },
      });
    },
    { timeout: 10_000, interval: 20 },
  );
});

test('an unknown proposal is not found', async () => {
  const here = await site(() => 'approve');
  expect(await here.call(`${proposals}/nothing`)).toMatchObject(problemLike(404, 'NOT_FOUND'));
});

test('a voter whom the proposal names casts a ballot once, and nobody else does', async () => {
  const here = await site(() => 'approve');
  const id = String(
    (await here.call(propose, { json: { ...waiting, voters: ['grace', 'hopper'] } })).body['proposal_id'],
  );
  const ballots = `${proposals}/${id}/ballots`;
  const ballot = { voter: 'grace', decision: 'approve', reason: 'looks right' };
  expect(await here.call(ballots, { json: ballot })).toMatchObject({
    status: 201,
    body: { proposal_id: id, ...ballot, as_of: expect.any(Object) },
  });
  expect((await here.call(`${proposals}/${id}`)).body['ballots']).toContainEqual(ballot);
  expect((await here.call(ballots, { json: ballot })).status).toBe(201);
  expect(await here.call(ballots, { json: { ...ballot, decision: 'reject' } })).toMatchObject(
    problemLike(409, 'ALREADY_VOTED'),
  );
  expect(await here.call(ballots, { json: { ...ballot, voter: 'mallory' } })).toMatchObject(
    problemLike(403, 'NOT_A_VOTER'),
  );
  expect(await here.call(ballots, { json: { ...ballot, voter: 'agent_0' } })).toMatchObject(
    problemLike(403, 'NOT_A_VOTER'),
  );
  const bad = await here.call(ballots, { json: { decision: 'maybe' } });
  expect(bad).toMatchObject(problemLike(400, 'INVALID'));
  const missing = await here.call(ballots, { json: { decision: 'approve' } });
  expect(missing.body['errors']).toEqual([{ field: 'voter', message: 'is required' }]);
  expect(await here.call(`${proposals}/nothing/ballots`, { json: ballot })).toMatchObject(
    problemLike(404, 'NOT_FOUND'),
  );
  await here.call(ballots, { json: { voter: 'hopper', decision: 'approve' } });
  await vi.waitFor(async () =>
    expect((await here.call(`${proposals}/${id}`)).body).toMatchObject({ status: 'approved' }),
  );
  expect(
    await here.call(ballots, { json: { ...ballot, voter: 'hopper', decision: 'reject' } }),
  ).toMatchObject({
    status: 409,
  });
});

test('the same key gives the same proposal, and another body is refused', async () => {
  const here = await site(() => 'approve');
  const headers = { 'Idempotency-Key': 'once' };
  const first = await here.call(propose, { json: waiting, headers });
  const again = await here.call(propose, { json: waiting, headers });
  expect(again.body['proposal_id']).toBe(first.body['proposal_id']);
  expect(await here.call(propose, { json: policy, headers })).toMatchObject(problemLike(409, 'CONFLICT'));
});
