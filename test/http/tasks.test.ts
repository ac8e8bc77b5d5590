/** Tasks over HTTP: a real server, a real fleet, real requests. */
import { expect, test, vi } from 'vitest';
import type { Handler } from '../../src/index.ts';
import { problemLike, root, withSites, type Called, type Site } from './site.ts';

const open = withSites();
const tasks = `${root}/tasks`;
const ada = { id: 'ada', slots: 4 };

/** A fleet that handles `echo` and `wait`, and nothing else. */
function site(): Promise<Site> {
  const wait = (_: unknown, { signal }: { signal: AbortSignal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        reject(new Error('told to stop'));
      });
    });
  return open({ agents: [{ ...ada, tasks: { echo: (task) => task.payload, wait } }] });
}

async function submitted(of: Site, task: object): Promise<string> {
  return String((await of.call(tasks, { json: task })).body['task_id']);
}

function until(of: Site, id: string, status: string): Promise<Called> {
  return vi.waitFor(
    async () => {
      const seen = await of.call(`${tasks}/${id}`);
      expect(seen.body['status']).toBe(status);
      return seen;
    },
    { timeout: 10_000, interval: 20 },
  );
}

test('a task is created: 201, the task as it was given, and its address', async () => {
  const here = await site();
  const given = {
    task_type: 'scan',
    priority: 9,
    target: '192.168.1.100',
    payload: { camelCase: { snake_case: [1, 'ü', null] } },
    required_capabilities: ['deep'],
    max_retries: 1,
    run_timeout_ms: 5_000,
  };
  const { status, headers, body } = await here.call(tasks, { json: given });
  expect({ status, body }).toMatchObject({
    status: 201,
    body: { ...given, status: 'pending', agent: null, attempt: 0, attempts: [], as_of: { term: 1 } },
  });
  expect(headers.get('Location')).toBe(`${tasks}/${String(body['task_id'])}`);
  const seen = await here.call(headers.get('Location') ?? '');
  expect(seen).toMatchObject({ status: 200, body: { ...given, task_id: body['task_id'] } });
});

test('a task with nothing but its type is created with the defaults', async () => {
  const here = await site();
  expect(await here.call(tasks, { json: { task_type: 'scan' } })).toMatchObject({
    status: 201,
    body: { task_type: 'scan', priority: 5, target: null, payload: null, max_retries: 3 },
  });
});

test('an invalid task is refused with every bad field, by its own name, and nothing is stored', async () => {
  const here = await site();
  const bad = {
    priority: 99,
    required_capabilities: ['a b'],
    max_retries: -1,
    taskType: 'scan',
    approval: { quorum: 2 },
  };
  const answer = await here.call(tasks, { json: bad });
  expect(answer).toMatchObject(problemLike(400, 'INVALID'));
  const fields = (answer.body['errors'] as { field: string }[]).map(({ field }) => field).sort();
  expect(fields).toEqual([
    'approval.quorum',
    'max_retries',
    'priority',
    'required_capabilities.0',
    'taskType',
    'task_type',
  ]);
  expect((await here.call(tasks)).body).toMatchObject({ items: [], total: 0 });
});

test('every task has an id of its own', async () => {
  const here = await site();
  const made = await Promise.all(
    Array.from({ length: 50 }, () => here.call(tasks, { json: { task_type: 'scan' } })),
  );
  expect(new Set(made.map(({ body }) => body['task_id'])).size).toBe(50);
});

test('the list of a fleet without tasks is empty', async () => {
  const { call } = await site();
  expect(await call(tasks)).toMatchObject({
    status: 200,
    body: {
      items: [],
      total: 0,
      next_cursor: null,
      statistics: { by_status: { pending: 0, completed: 0 }, by_type: {} },
      as_of: { sequence: expect.any(Number), term: 1 },
    },
  });
});

test('the list shows the tasks there are, with statistics', async () => {
  const here = await site();
  await submitted(here, { task_type: 'scan' });
  await submitted(here, { task_type: 'probe' });
  const { body } = await here.call(tasks);
  expect(body).toMatchObject({
    total: 2,
    statistics: { by_status: { pending: 2 }, by_type: { scan: 1, probe: 1 } },
  });
  expect(body.items.map((each) => each['task_type'])).toEqual(['scan', 'probe']);
});

test('the list can be filtered by type', async () => {
  const here = await site();
  for (const type of ['scan', 'probe', 'scan']) await submitted(here, { task_type: type });
  const { body } = await here.call(`${tasks}?type=scan`);
  expect(body).toMatchObject({ total: 2, statistics: { by_type: { scan: 2, probe: 1 } } });
  expect(body.items.every((each) => each['task_type'] === 'scan')).toBe(true);
});

test('the list can be filtered by status, agent and text', async () => {
  const here = await site();
  const done = await submitted(here, { task_type: 'echo', target: 'Host-7' });
  await submitted(here, { task_type: 'scan', target: 'host-8' });
  await until(here, done, 'completed');
  const ids = async (query: string): Promise<unknown> =>
    (await here.call(`${tasks}?${query}`)).body.items.map((each) => each['task_id']);
  expect(await ids('status=completed')).toEqual([done]);
  expect(await ids('agent=ada')).toEqual([done]);
  expect(await ids('text=host-7')).toEqual([done]);
  expect(await ids('status=failed')).toEqual([]);
  expect((await here.call(`${tasks}?status=done`)).body).toMatchObject({
    code: 'INVALID',
    errors: [{ field: 'status', message: expect.stringContaining('pending') }],
  });
});

test('the list comes in pages, by skip and limit and by cursor, oldest or newest first', async () => {
  const here = await site();
  const many = { tasks: Array.from({ length: 7 }, () => ({ task_type: 'scan' })) };
  const ids = (await here.call(tasks, { json: many })).body['task_ids'] as string[];
  const page = async (query: string): Promise<Called['body']> => (await here.call(`${tasks}?${query}`)).body;
  const idsOf = (body: Called['body']): unknown => body.items.map((each) => each['task_id']);
  expect(idsOf(await page('skip=2&limit=3'))).toEqual(ids.slice(2, 5));
  expect(idsOf(await page('order=newest&limit=2'))).toEqual(ids.toReversed().slice(0, 2));
  const seen: string[] = [];
  let cursor = '';
  do {
    const body = await page(`limit=3${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`);
    expect(body['total']).toBe(7);
    seen.push(...(idsOf(body) as string[]));
    cursor = (body['next_cursor'] as string | null) ?? '';
  } while (cursor !== '');
  expect(seen).toEqual(ids);
  for (const bad of ['limit=0', 'limit=501', 'skip=-1', 'limit=many', 'cursor=nonsense']) {
    expect(await here.call(`${tasks}?${bad}`), bad).toMatchObject(problemLike(400, 'INVALID'));
  }
});

test('one task can be looked at, with its result and its attempts', async () => {
  const here = await site();
  const id = await submitted(here, { task_type: 'echo', payload: { aB: 1 } });
  const { body } = await until(here, id, 'completed');
  expect(body).toMatchObject({
    task_id: id,
    result: { aB: 1 },
    agent: 'ada',
    attempts: [{ attempt: 1, agent: 'ada', end: 'completed', fencing_token: 1, error: null }],
  });
});

test('a running task shows the progress that its handler told, until it has ended', async () => {
  let end: () => void = () => undefined;
  const work: Handler = (_, { progress }) => {
    progress(0.4, '2 of 5 hosts');
    return new Promise<void>((resolve) => (end = resolve));
  };
  const here = await open({ agents: [{ ...ada, tasks: { work } }] });
  const id = await submitted(here, { task_type: 'work' });
  const shown = async (): Promise<unknown> => (await here.call(`${tasks}/${id}`)).body['progress'];
  await expect
    .poll(shown, { timeout: 10_000 })
    .toEqual({ share: 0.4, note: '2 of 5 hosts', ago_ms: expect.any(Number) });
  expect((await here.call(tasks)).body.items).toMatchObject([{ progress: { share: 0.4 } }]);
  end();
  expect((await until(here, id, 'completed')).body['progress']).toBeNull();
});

test('a waiting task is explained: what it waits for, and what keeps each agent from taking it', async () => {
  const here = await open({
    agents: [
      { ...ada, tasks: { scan: () => 1 } },
      { id: 'bob', capabilities: ['malware_analysis'], tasks: { wash: () => 1 } },
    ],
  });
  const lacking = { task_type: 'scan', required_capabilities: ['malware_analysis', 'time_travel'] };
  const id = await submitted(here, lacking);
  const { status, body } = await here.call(`${tasks}/${id}/explanation`);
  expect(status).toBe(200);
  expect(body).toMatchObject({
    task_id: id,
    status: 'pending',
    text: 'waits: no agent has `time_travel`',
    ahead: { tasks: 0, is_at_least: false },
    agents: [
      { agent_id: 'ada', can_take: false, obstacles: [{ kind: 'capability' }] },
      { agent_id: 'bob', can_take: false, obstacles: [{ kind: 'handler' }, { kind: 'capability' }] },
    ],
    agents_total: 2,
    as_of: { term: 1 },
  });
  expect(await here.call(`${tasks}/nothing/explanation`)).toMatchObject(problemLike(404, 'NOT_FOUND'));
});

test('an unknown task is not found', async () => {
  const { call } = await site();
  expect(await call(`${tasks}/nothing`)).toMatchObject(problemLike(404, 'NOT_FOUND'));
});

test('a waiting task is cancelled at once, and an ended one not again', async () => {
  const here = await site();
  const id = await submitted(here, { task_type: 'scan' });
  expect(await here.call(`${tasks}/${id}`, { method: 'DELETE' })).toMatchObject({
    status: 200,
    body: { task_id: id, status: 'cancelled' },
  });
  expect(await here.call(`${tasks}/${id}`, { method: 'DELETE' })).toMatchObject(
    problemLike(409, 'ALREADY_ENDED'),
  );
});

test('a running task is being cancelled, and then is', async () => {
  const here = await site();
  const id = await submitted(here, { task_type: 'wait' });
  await until(here, id, 'running');
  const { status, body } = await here.call(`${tasks}/${id}`, { method: 'DELETE' });
  expect([200, 202]).toContain(status);
  expect(body['status']).toBe(status === 200 ? 'cancelled' : 'cancelling');
  await until(here, id, 'cancelled');
});

test('cancelling an unknown task: not found', async () => {
  const { call } = await site();
  expect(await call(`${tasks}/nothing`, { method: 'DELETE' })).toMatchObject(problemLike(404, 'NOT_FOUND'));
});

test('a failed task can be retried, one that has not failed cannot', async () => {
  let isBroken = true;
  const flaky = (): string => {
    if (isBroken) throw new Error('not yet');
    return 'done';
  };
  const here = await open({ agents: [{ ...ada, tasks: { flaky } }] });
  const id = await submitted(here, { task_type: 'flaky', max_retries: 0 });
  await until(here, id, 'failed');
  isBroken = false;
  expect(await here.call(`${tasks}/${id}/retry`, { method: 'POST' })).toMatchObject({
    status: 200,
    body: { task_id: id },
  });
  expect((await until(here, id, 'completed')).body).toMatchObject({ result: 'done', attempt: 2 });
  expect(await here.call(`${tasks}/${id}/retry`, { method: 'POST' })).toMatchObject(
    problemLike(409, 'CONFLICT'),
  );
});

test('a task may need the approval of the fleet', async () => {
  const here = await open({ agents: [{ ...ada, tasks: { echo: () => 1 }, vote: () => 'approve' }] });
  const approval = { proposal_type: 'risky', timeout_seconds: 5, voters: ['grace'] };
  const id = await submitted(here, { task_type: 'echo', approval });
  const { body } = await here.call(`${tasks}/${id}`);
  const proposal = await here.call(`${root}/consensus/proposals/${String(body['proposal'])}`);
  const { opened_at: openedAt, deadline_at: deadlineAt } = proposal.body;
  expect(proposal.body).toMatchObject({ proposal_type: 'risky', task: id });
  expect(Number(deadlineAt) - Number(openedAt)).toBeGreaterThan(4_000);
  expect(Number(deadlineAt) - Number(openedAt)).toBeLessThanOrEqual(5_000);
});

test('many tasks are submitted at once, all or none', async () => {
  const here = await site();
  const good = await here.call(tasks, { json: { tasks: [{ task_type: 'scan' }, { task_type: 'probe' }] } });
  expect(good).toMatchObject({ status: 201, body: { task_ids: [expect.any(String), expect.any(String)] } });
  const bad = await here.call(tasks, {
    json: { tasks: [{ task_type: 'scan' }, { task_type: 'a b', x: 1 }] },
  });
  expect(bad).toMatchObject(problemLike(400, 'INVALID'));
  const fields = (bad.body['errors'] as { field: string }[]).map(({ field }) => field).sort();
  expect(fields).toEqual(['tasks.1.task_type', 'tasks.1.x']);
  expect((await here.call(tasks)).body['total']).toBe(2);
  const tooMany = { tasks: Array.from({ length: 1_001 }, () => ({ task_type: 'scan' })) };
  expect(await here.call(tasks, { json: tooMany })).toMatchObject(problemLike(413, 'TOO_LARGE'));
});

test('the same key gives the same task, one or many, and another body is refused', async () => {
  const here = await site();
  const headers = { 'Idempotency-Key': 'nightly 7' };
  const first = await here.call(tasks, { json: { task_type: 'scan' }, headers });
  const again = await here.call(tasks, { json: { task_type: 'scan' }, headers });
  expect(again.status).toBe(201);
  expect(again.body['task_id']).toBe(first.body['task_id']);
  const other = await here.call(tasks, { json: { task_type: 'probe' }, headers });
  expect(other).toMatchObject(problemLike(409, 'CONFLICT'));
  const many = {
    json: { tasks: [{ task_type: 'scan' }, { task_type: 'scan' }] },
    headers: { 'Idempotency-Key': 'm' },
  };
  const ids = (await here.call(tasks, many)).body['task_ids'];
  expect((await here.call(tasks, many)).body['task_ids']).toEqual(ids);
  expect((await here.call(tasks)).body['total']).toBe(3);
  const long = await here.call(tasks, {
    json: { task_type: 'scan' },
    headers: { 'Idempotency-Key': 'x'.repeat(256) },
  });
  expect(long).toMatchObject(problemLike(400, 'INVALID'));
  expect(long.body['errors']).toMatchObject([{ field: 'Idempotency-Key' }]);
});

test('a key is the same on every server of the fleet', async () => {
  const here = await site();
  const there = await here.another();
  const how = { json: { task_type: 'scan', payload: { a: 1 } }, headers: { 'Idempotency-Key': 'k' } };
  const first = await here.call(tasks, how);
  const second = await there.call(tasks, how);
  expect(second.body['task_id']).toBe(first.body['task_id']);
});
