/**
 * A test of a user's own agents, without NATS and without waiting: the same calls, in a simulated world. Virtual time
 * passes while a call is awaited, and one seed tells one story. Run it with `npx vitest run examples`.
 */
import { expect, test } from 'vitest';
import type { JoinOptions } from 'conclave';
import { simulateFleet } from 'conclave/testing';

/** What the program under test gives to `joinFleet`. */
function scanner(id: string): JoinOptions {
  return {
    id,
    capabilities: ['threat_detection'],
    tasks: { scan: async (task) => ({ scanned: task.target, by: id }) },
    vote: (proposal) => (proposal.data.threshold > 0.9 ? 'approve' : 'reject'),
  };
}

test('scanners vote for a threshold that is high enough, and for no other', async () => {
  const { joinFleet, connectFleet } = simulateFleet({ seed: 7 });
  await Promise.all([joinFleet(scanner('ada')), joinFleet(scanner('bob'))]);
  const fleet = await connectFleet();
  const propose = (threshold: number) => fleet.propose({ type: 'policy_change', data: { threshold } });
  expect(await propose(0.95)).toMatchObject({ approved: true });
  expect(await propose(0.5)).toMatchObject({ approved: false });
});

test('a scan whose machine crashes is done by another one', async () => {
  const { joinFleet, connectFleet, hostOf, sleep } = simulateFleet({ seed: 7 });
  await joinFleet(scanner('leader'));
  // A machine that never gets done, and that everything of its own capability goes to.
  const frozen = {
    ...scanner('frozen'),
    capabilities: ['malware_analysis'],
    tasks: { scan: () => sleep(1e9) },
  };
  await joinFleet(frozen);
  const fleet = await connectFleet();
  const requiredCapabilities = ['malware_analysis'];
  const task = await fleet.submit({ type: 'scan', target: '10.0.0.1', requiredCapabilities });
  expect(await task.assigned()).toEqual({ agent: 'frozen', attempt: 1 });

  hostOf('frozen').crash();
  await joinFleet({ ...scanner('spare'), capabilities: requiredCapabilities });
  expect(await task.result()).toEqual({ scanned: '10.0.0.1', by: 'spare' });
  expect((await fleet.metrics()).recovery).toMatchObject({ deaths: 1, reassigned: 1 });
});

test('the fleet gets over a leader that is cut off for a minute, and over its return', async () => {
  const { joinFleet, connectFleet, hostOf, pass } = simulateFleet({ seed: 7 });
  const first = await joinFleet({ ...scanner('first'), priority: 1 });
  await joinFleet(scanner('second'));
  const fleet = await connectFleet();
  expect(first.isLeader).toBe(true);

  hostOf('first').cut();
  await pass(60_000);
  expect(await fleet.election()).toMatchObject({ leader: 'second' });
  hostOf('first').heal();
  await pass(10_000);
  expect(first.isLeader).toBe(false);
  expect(await fleet.status()).toMatchObject({ health: 'healthy', leader: 'second' });
});

test.each([1, 2, 3, 4, 5])(
  'seed %i: two minutes of faults lose no scan and do none for good twice',
  async (seed) => {
    const { joinFleet, connectFleet, trouble, report } = simulateFleet({ seed });
    for (const id of ['ada', 'bob', 'cyd']) await joinFleet(scanner(id));
    const fleet = await connectFleet();
    const targets = Array.from({ length: 20 }, (_, i) => `10.0.0.${i}`);
    const outcomes = Promise.all(
      targets.map(async (target) => {
        const task = await fleet.submit({ type: 'scan', target, delayMs: 1_000, maxRetries: 10 });
        return task.result();
      }),
    );
    expect(await trouble({ forMs: 120_000 })).not.toEqual({});
    expect(await outcomes).toMatchObject(targets.map((target) => ({ scanned: target })));
    expect(report()).toMatchObject({ problems: [], doubleOutcomes: 0, outcomes: { completed: 20 } });
  },
);
