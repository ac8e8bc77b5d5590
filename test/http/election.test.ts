/** Elections over HTTP. */
import { expect, test } from 'vitest';
import { problemLike, root, withSites } from './site.ts';

const open = withSites();
const election = `${root}/election`;
const two = [
  { id: 'ada', priority: 5 },
  { id: 'bob', priority: 1 },
];

test('a fleet that nobody has led has no leader, and says so', async () => {
  const { call } = await open();
  expect(await call(election)).toMatchObject({
    status: 200,
    body: {
      has_leader: false,
      leader_id: null,
      term: 0,
      since_ms: null,
      last_duration_ms: null,
      candidates: [],
      total_elections: 0,
      leader_changes: 0,
      cause: null,
      as_of: { sequence: 0, term: 0 },
    },
  });
});

test('a trigger holds an election, and answers with its outcome', async () => {
  const { call } = await open({ agents: two });
  expect(await call(`${election}/trigger`, { method: 'POST' })).toMatchObject({
    status: 200,
    body: {
      has_leader: true,
      leader_id: 'ada',
      term: 2,
      since_ms: expect.any(Number),
      last_duration_ms: expect.any(Number),
      total_elections: 2,
      cause: 'trigger',
    },
  });
});

test('each trigger raises the term, whoever wins', async () => {
  const { call } = await open({ agents: [{ id: 'ada' }] });
  for (const term of [2, 3, 4]) {
    const { status, body } = await call(`${election}/trigger`, { json: {} });
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { leader_id: 'ada', term, total_elections: term },
    });
  }
});

test('afterwards the status of the election tells of it, with the candidates and their scores', async () => {
  const { call } = await open({ agents: two });
  const outcome = await call(`${election}/trigger`, { method: 'POST' });
  const { body } = await call(election);
  expect(body).toMatchObject({
    has_leader: true,
    leader_id: 'ada',
    term: outcome.body['term'],
    cause: 'trigger',
  });
  expect(body['candidates']).toContainEqual({ agent_id: 'ada', score: expect.any(Number) });
  expect(await call(`${root}/status`)).toMatchObject({ body: { leader: 'ada', term: outcome.body['term'] } });
});

test('where nobody is who could stand, a trigger is refused', async () => {
  const { call } = await open();
  const answer = await call(`${election}/trigger`, { method: 'POST' });
  expect(answer).toMatchObject(problemLike(409, 'NOBODY_ELECTABLE'));
});
