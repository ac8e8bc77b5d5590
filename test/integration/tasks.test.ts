/** Tasks of a fleet on a real nats-server: why they wait, and the limits of payloads, results, batches and keys. SPEC T1–T5. */
import { expect, test } from 'vitest';
import { defaultSettings, type Fleet, type JoinOptions } from '../../src/index.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { withFleets } from '../support/fleets.ts';
import { withServer } from '../support/nats-server.ts';

const server = withServer();
const fleets = withFleets(server);

/** A fleet of one agent, and a client. */
async function fleetOf(options: Partial<JoinOptions>): Promise<Fleet> {
  const fleet = fleets.freshName();
  await fleets.join({ fleet, id: 'ada', log: silentLog, ...options });
  return fleets.client(fleet);
}

const { payloadBytesMax } = defaultSettings;

test('a payload that is too large is refused with the limit, before sending where NATS could not carry it', async () => {
  const caller = await fleetOf({ tasks: { echo: (task) => String(task.payload).length } });
  const limit = (await caller.submit({ type: 'echo', payload: 'x'.repeat(payloadBytesMax - 10) })).result();
  expect(await limit).toBe(payloadBytesMax - 10);
  await expect(
    caller.submit({ type: 'echo', payload: 'x'.repeat(payloadBytesMax + 1) }),
  ).rejects.toMatchObject({
    code: 'TOO_LARGE',
    message: expect.stringContaining(`at most ${payloadBytesMax} are taken`) as string,
  });
  const silent = await fleets.client('nobody_is_here', { timeoutMs: 60_000 });
  // Nobody there could answer: it is refused before anything is sent.
  await expect(silent.submit({ type: 'echo', payload: 'x'.repeat(1_100_000) })).rejects.toMatchObject({
    code: 'TOO_LARGE',
    message: expect.stringMatching(/has 11\d{5} bytes; NATS takes 1048576/) as string,
  });
  expect((await caller.tasks()).total).toBe(1);
});

test('a result that is too large fails its task with its size and the limit, and is not tried again', async () => {
  const caller = await fleetOf({ tasks: { grow: () => 'x'.repeat(payloadBytesMax + 1) } });
  const task = await caller.submit({ type: 'grow' });
  expect(await task.outcome()).toMatchObject({
    status: 'failed',
    attempt: 1,
    error: {
      message: expect.stringMatching(/^the result has 2621\d\d bytes; at most 262144 are kept$/) as string,
    },
  });
});

test('a batch that does not fit into one entry is refused as a whole', async () => {
  const caller = await fleetOf({ tasks: { echo: () => 1 } });
  const half = { type: 'echo', payload: 'x'.repeat(defaultSettings.entryBytesMax / 2) };
  await expect(caller.submitMany([half, half, { type: 'echo' }])).rejects.toMatchObject({
    code: 'TOO_LARGE',
  });
  expect((await caller.tasks()).total).toBe(0);
});

test('when the store of keys is full, new keys are refused, none is evicted, and old ones stand for their tasks', async () => {
  const caller = await fleetOf({ tasks: { echo: () => 1 }, settings: { requestKeysMax: 4 } });
  // Without the client, which goes on trying what may pass.
  const connection = await fleets.stranger();
  const submit = async (
    idempotencyKey: string,
  ): Promise<{ readonly id?: string; readonly code?: string }> => {
    const body = JSON.stringify({ type: 'echo', idempotencyKey });
    const reply = await connection.request(`conclave.${caller.name}.api.submit`, body, { timeout: 30_000 });
    return reply.json();
  };
  const ids: unknown[] = [];
  for (const key of ['k0', 'k1', 'k2', 'k3']) ids.push((await submit(key)).id);
  for (const key of ['k4', 'k5']) expect(await submit(key)).toMatchObject({ code: 'LIMIT_REACHED' });
  for (const [i, id] of ids.entries()) expect(await submit(`k${i}`)).toEqual({ id });
  expect((await caller.tasks()).total).toBe(4);
});

test('a task says why it waits, and what each agent lacks; when that is given, it is done', async () => {
  const fleet = fleets.freshName();
  const ada = await fleets.join({ fleet, id: 'ada', log: silentLog, tasks: { scan: () => 'done' } });
  const caller = await fleets.client(fleet);
  const task = await caller.submit({ type: 'scan', requiredCapabilities: ['malware_analysis'] });
  const why = await caller.explain(task.id);
  expect(why).toMatchObject({ status: 'pending', text: 'waits: no agent has `malware_analysis`' });
  expect(why.agents).toMatchObject([{ id: 'ada', obstacles: [{ kind: 'capability' }] }]);
  await caller.drain('ada');
  expect((await caller.explain(task.id)).agents[0]?.obstacles).toMatchObject([
    { kind: 'capability' },
    { kind: 'draining', remedy: 'conclave resume ada' },
  ]);
  await caller.resume('ada');
  ada.update({ capabilities: ['malware_analysis'] });
  expect(await task.result()).toBe('done');
  expect((await caller.explain(task.id)).text).toBe('was completed by ada in attempt 1');
  await expect(caller.explain('nothing')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});
