/** One sender says far more than it should: what is beyond its allowance is counted and turned away, others are heard. */
import { expect, test } from 'vitest';
import type { RequestOutcome } from '../../src/ports.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { SimulatedFleet, SimulatedWorld } from '../../src/simulation/index.ts';
import { decode, encode } from '../../src/wire/codec.ts';
import { beatOf } from '../support/beats.ts';

const settings = { agentRequestsPerSecondMax: 100, clientRequestsPerSecondMax: 10_000 };

async function led() {
  const world = new SimulatedWorld({ seed: 1 });
  const refused = { total: 0 };
  const warn = (fields: object, message: string): void => {
    if (message === 'message refused') refused.total = (fields as { total: number }).total;
  };
  const fleet = new SimulatedFleet(world, { settings, log: () => ({ ...silentLog, warn }) });
  fleet.join('ada', {});
  const client = fleet.client();
  await world.settle(client.elect());
  await world.advance(2_000);
  /** Sends the same request so often at one moment, and says what came of it: an error's code, `answered`, or silence. */
  const ask = async (host: string, subject: string, body: object, times: number): Promise<string[]> => {
    const { bus } = world.host(host).ports('default');
    const outcomes: string[] = [];
    const data = encode(body, 'json');
    for (let i = 0; i < times; i += 1)
      bus.request({ subject: `conclave.default.${subject}`, data, timeoutMs: 800 }, (outcome) =>
        outcomes.push(nameOf(outcome)),
      );
    await world.advance(900);
    return outcomes;
  };
  return { world, fleet, client, ask, refused };
}

function nameOf(outcome: RequestOutcome): string {
  if (outcome.kind !== 'reply') return outcome.kind;
  const { code, message = '' } = decode(outcome.data, outcome.headers) as { code?: string; message?: string };
  if (code === undefined) return 'answered';
  return message.startsWith('too much waits') ? 'too much waits' : code;
}

function counted(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const each of outcomes) counts[each] = (counts[each] ?? 0) + 1;
  return counts;
}

test('ballots of one agent beyond its allowance are refused, then not answered; another votes meanwhile', async () => {
  const { world, ask, refused } = await led();
  const ballot = { proposal: 'p', decision: 'approve' };
  const [flood, other] = await Promise.all([
    ask('mal', 'agent.ballot.mal', ballot, 1_500),
    ask('bob', 'agent.ballot.bob', ballot, 1),
  ]);
  expect(counted(flood)).toEqual({ NOT_A_MEMBER: 100, LIMIT_REACHED: 1_000, timeout: 400 });
  expect(other).toEqual(['NOT_A_MEMBER']);
  await world.advance(1_000);
  expect(await ask('mal', 'agent.ballot.mal', ballot, 101)).toContain('LIMIT_REACHED');
  await world.advance(1_000);
  // All that were turned away, whether they were told so or not.
  await ask('mal', 'agent.ballot.mal', {}, 1);
  expect(refused.total).toBe(1_400 + 1 + 1);
});

test('an allowance is of the one who may publish there, whatever its messages are', async () => {
  const { ask } = await led();
  const join = { kind: 'leave', incarnation: 'x' };
  const [joins, reports] = [
    await ask('mal', 'agent.join.mal', join, 100),
    await ask('mal', 'agent.report.mal', { incarnation: 'x', reports: [] }, 1),
  ];
  expect(counted(joins)).toEqual({ answered: 100 });
  expect(reports).toEqual(['LIMIT_REACHED']);
});

test('beats of one agent beyond what any agent beats are not looked at, and are counted', async () => {
  const { world, refused } = await led();
  const { bus } = world.host('mal').ports('default');
  const beat = beatOf({ incarnation: 'x', state: 'online.active.idle', electable: false, isStandby: false });
  const say = (body: object): boolean =>
    bus.publish({ subject: 'conclave.default.agent.heartbeat.mal', data: encode(body, 'json') });
  for (let i = 0; i < 500; i += 1) say({ ...beat, load: i / 1_000 });
  await world.advance(1_500);
  say({});
  await world.advance(1_500);
  expect(refused.total).toBe(301);
});

test('more requests than may wait for a ledger that does not answer are refused at once', async () => {
  const { world, ask } = await led();
  world.setFaults({ appendLost: 1 });
  const floods = await Promise.all(['x', 'y', 'z'].map((host) => ask(host, 'api.barrier', {}, 7_000)));
  expect(counted(floods.flat())).toEqual({ timeout: 20_000, 'too much waits': 1_000 });
});

test('answers that wait are bounded by what they take', async () => {
  const { world, client, ask } = await led();
  for (let i = 0; i < 4; i += 1)
    await world.settle(client.submit({ type: 'nobody', payload: 'x'.repeat(250_000) }));
  world.setFaults({ appendLost: 1 });
  const submitted = ask('x', 'api.submit', { type: 'nobody' }, 1);
  const lists = await ask('y', 'api.tasks', {}, 200);
  expect(await submitted).toEqual(['timeout']);
  // 64 MiB of half a megabyte each; a few were answered before the submit came.
  const { timeout, answered = 0, ...refused } = counted(lists);
  expect([timeout, refused]).toEqual([135, { 'too much waits': 65 - answered }]);
});
