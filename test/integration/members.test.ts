/** Agents as members of a fleet on a real nats-server: let in, refused, removed, and out of reach. */
import { afterEach, expect, test } from 'vitest';
import type { JoinOptions } from '../../src/index.ts';
import { withFleets } from '../support/fleets.ts';
import { withServer } from '../support/nats-server.ts';
import { startRawServer, type RawServer } from '../support/raw-server.ts';

const PAIRS = 50;

const server = withServer();
const guarded: RawServer[] = [];

// Registered first, so that it runs last: the agents leave before their server stops.
afterEach(async () => {
  await Promise.all(guarded.splice(0).map((each) => each.stop()));
});

const { join, client, freshName } = withFleets(server);

test('of two processes that join with one id at once, one holds it and the other is told who does', async () => {
  const fleet = freshName();
  // A machine that is slow for a moment must not look like an agent that is gone.
  const leader = await join({
    fleet,
    id: 'leader',
    settings: { unreachableMs: 20_000, deadAfterIntervals: 40 },
  });
  const ids = Array.from({ length: PAIRS }, (_, i) => `agent_${i}`);
  const pairs = await Promise.all(
    ids.map((id) => Promise.allSettled([1, 2].map(() => join({ fleet, id, electable: false })))),
  );
  const members = new Map((await leader.fleet.agents()).map((member) => [member.id, member]));
  ids.forEach((id, i) => {
    const ends = pairs[i] ?? [];
    expect(ends.map(({ status }) => status).sort(), id).toEqual(['fulfilled', 'rejected']);
    const refusal = ends.find((each) => each.status === 'rejected');
    const holder = members.get(id);
    expect(refusal?.reason).toMatchObject({ code: 'ID_TAKEN' });
    expect(String(refusal?.reason)).toContain(`held by incarnation ${holder?.incarnation ?? ''}`);
    expect(holder?.state).toBe('alive');
  });
  expect((await leader.fleet.metrics()).recovery.deaths).toBe(0);
});

test('joining a fleet that nobody can lead ends after joinTimeoutMs, with the reason', async () => {
  const fleet = freshName();
  const waiting = join({ fleet, id: 'ada', electable: false, joinTimeoutMs: 1_500 });
  await expect(waiting).rejects.toMatchObject({
    code: 'NO_LEADER',
    isRetryable: true,
    message: expect.stringContaining(`nobody leads fleet ${fleet}; this agent is not electable`) as string,
  });
  await expect(join({ fleet, id: 'ada', joinTimeoutMs: 0 })).rejects.toMatchObject({
    code: 'INVALID',
    fields: [{ field: 'joinTimeoutMs' }],
  });
});

test('a health or load out of range is clamped and logged, and shows at once', async () => {
  const fleet = freshName();
  const warnings: unknown[] = [];
  const note = (fields: object): void => void warnings.push(fields);
  const log = { debug: () => undefined, info: () => undefined, warn: note, error: note };
  const ada = await join({ fleet, id: 'ada', log });
  ada.health = 7;
  ada.load = -0.5;
  expect(warnings).toEqual([
    { health: 7, used: 1 },
    { load: -0.5, used: 0 },
  ]);
  ada.health = 0.25;
  ada.load = Number.NaN;
  expect(warnings.slice(2)).toEqual([{ load: Number.NaN, used: 0 }]);
  ada.load = 0.75;
  for (;;) {
    const [seen] = await ada.fleet.agents();
    if (seen?.health === 0.25 && seen.load === 0.75) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});

test('an agent that is removed drops its work and ends; a new one of its id is let in', async () => {
  const fleet = freshName();
  await join({ fleet, id: 'leader' });
  let stopped: unknown = null;
  let started: () => void = () => undefined;
  const running = new Promise<void>((resolve) => (started = resolve));
  const wait: JoinOptions['tasks'] = {
    wait: (_, { signal }) =>
      new Promise((_resolve, reject) => {
        started();
        signal.addEventListener('abort', () => {
          stopped = signal.reason;
          reject(new Error('told to stop'));
        });
      }),
  };
  const ada = await join({ fleet, id: 'ada', electable: false, tasks: wait });
  const caller = await client(fleet);
  const task = await caller.submit({ type: 'wait' });
  await running;
  const removed = new Promise((resolve) => caller.onEvent('agent.removed', resolve));
  await caller.remove('ada');
  await expect(ada.ended).rejects.toMatchObject({ code: 'REMOVED', isRetryable: false });
  expect(String(stopped)).toContain('agent ada was removed');
  expect(await removed).toEqual({ id: 'ada' });
  await expect(caller.remove('ada')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await join({ fleet, id: 'ada', electable: false, tasks: { wait: () => 'done' } });
  expect(await task.result()).toBe('done');
});

test('an agent that may not subscribe to its inbox gets no work until it may', async () => {
  const permissions = (denied: string): string => `
    jetstream: { store_dir: "$FOLDER" }
    authorization { users: [
      { user: u, password: p },
      { user: w, password: p, permissions: { publish: ">", subscribe: { deny: "${denied}" } } }
    ] }`;
  const fleet = freshName();
  const raw = await startRawServer(permissions(`_conclave.${fleet}.inbox.w`));
  guarded.push(raw);
  const settings = { inboxSilenceMs: 1_000 };
  const tasks = { echo: (task: { payload: unknown }) => task.payload };
  const address = { servers: raw.url, fleet, settings, pass: 'p' };
  await join({ ...address, user: 'u', id: 'leader' });
  await join({ ...address, user: 'w', id: 'w', electable: false, capabilities: ['x'], tasks });
  const caller = await client(fleet, { servers: raw.url, user: 'u', pass: 'p' });
  const returned = new Promise((resolve) => caller.onEvent('task.attemptReturned', resolve));
  const task = await caller.submit({ type: 'echo', payload: 1, requiredCapabilities: ['x'] });
  expect(await returned).toMatchObject({ id: task.id, agent: 'w' });
  expect(await caller.agents()).toMatchObject([
    { id: 'leader', state: 'alive' },
    { id: 'w', state: 'suspect', suspicion: 'inbox' },
  ]);
  await join({ ...address, user: 'u', id: 'v', electable: false, capabilities: ['x'], tasks });
  expect(await task.result()).toBe(1);
  expect((await caller.task(task.id)).attempts).toMatchObject([
    { agent: 'w', end: 'returned' },
    { agent: 'v' },
  ]);
  expect((await caller.metrics()).recovery.deaths).toBe(0);
  await raw.reload(permissions('nothing'));
  for (;;) {
    const { state } = (await caller.agents()).find(({ id }) => id === 'w') ?? {};
    if (state === 'alive') break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});
