/**
 * Far more work than a fleet keeps: what is kept, of tasks and of the ledger, stays bounded while 30,000 of them go
 * through. `bench/million.ts` is the long form, and looks at memory too.
 */
import { afterEach, expect, test } from 'vitest';
import { openLedgerGauge, type LedgerGauge } from '../../bench/gauge.ts';
import { slackOf } from '../../src/domain/retention.ts';
import { connectFleet, joinFleet, verifyLedger, type Agent, type Fleet } from '../../src/index.ts';
import { withServer } from '../support/nats-server.ts';

const TASKS = 30_000;
const BATCH = 100;
const LOOPS = 8;
const SAMPLE_EVERY = 2_500;
/** Small entries, so that there are many of them. */
const settings = { endedTasksMax: 2_000, entryEventsMax: 100, snapshotEntries: 50, snapshotLookMs: 100 };

const server = withServer();
const agents: Agent[] = [];
let client: Fleet | undefined;
let gauge: LedgerGauge | undefined;

afterEach(async () => {
  await gauge?.close();
  await client?.close();
  await Promise.all(agents.splice(0).map((agent) => agent.leave()));
});

interface Sample {
  readonly tasksKept: number;
  readonly entries: number;
}

/** Submits all, at most so many at once, and looks now and then. */
async function work(fleet: Fleet, ledger: LedgerGauge): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  let submitted = 0;
  let done = 0;
  const loop = async (): Promise<void> => {
    while (submitted < TASKS) {
      submitted += BATCH;
      const tasks = Array.from({ length: BATCH }, (_, i) => ({ type: 'echo', payload: i }));
      const handles = await fleet.submitMany(tasks);
      await Promise.all(handles.map((handle) => handle.outcome()));
      done += BATCH;
      if (done % SAMPLE_EVERY !== 0) continue;
      const [{ tasks: kept }, { entries }] = await Promise.all([fleet.status(), ledger.read()]);
      samples.push({ tasksKept: kept.total, entries });
    }
  };
  await Promise.all(Array.from({ length: LOOPS }, loop));
  return samples;
}

test('30,000 tasks leave no more than what may be kept, in the state and in the ledger', async () => {
  const address = { servers: server().url, fleet: 'bounded' };
  for (const id of ['a', 'b']) {
    const own = { id, slots: 200, handleSignals: false, settings };
    agents.push(await joinFleet({ ...address, ...own, tasks: { echo: (task) => task.payload } }));
  }
  client = await connectFleet({ ...address, timeoutMs: 60_000 });
  gauge = await openLedgerGauge(address.servers, address.fleet);
  const samples = await work(client, gauge);

  const { endedTasksMax } = settings;
  const keptMax = endedTasksMax + slackOf(endedTasksMax) + LOOPS * BATCH;
  expect(samples).toHaveLength(TASKS / SAMPLE_EVERY);
  expect(Math.max(...samples.map(({ tasksKept }) => tasksKept))).toBeLessThanOrEqual(keptMax);
  const report = await verifyLedger(address);
  expect(report.problems).toEqual([]);
  expect(report.outcomes.completed).toBe(TASKS);
  expect(report.tasksDropped).toBeGreaterThanOrEqual(TASKS - keptMax);
  // Never more than a third of all that were written.
  expect(Math.max(...samples.map(({ entries }) => entries))).toBeLessThan(report.lastSequence / 3);
}, 240_000);
