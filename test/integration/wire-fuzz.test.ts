/**
 * The messages of test/support/wire-fuzz.ts on a real nats-server, from somebody whom no permissions hold, with forged reply
 * subjects among them. The long run is simulated: see test/simulation/wire-fuzz.test.ts.
 */
import { connect, createInbox, headers, type MsgHdrs } from 'nats';
import { afterEach, expect, test, vi } from 'vitest';
import { connectFleet, joinFleet, verifyLedger, type Agent, type Fleet } from '../../src/index.ts';
import type { Headers } from '../../src/ports.ts';
import { silentLog, type Log } from '../../src/runtime/log.ts';
import { SeededRandom } from '../../src/simulation/index.ts';
import { withServer } from '../support/nats-server.ts';
import { fuzzMessages } from '../support/wire-fuzz.ts';

const MESSAGES = 4_000;
const AT_ONCE = 50;
const SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const server = withServer();
const agents: Agent[] = [];
let client: Fleet | undefined;

afterEach(async () => {
  await client?.close();
  await Promise.all(agents.map((agent) => agent.leave().catch(() => undefined)));
});

function logTo(errors: string[], refused: { total: number; lines: number }): Log {
  return {
    ...silentLog,
    warn: (fields, message) => {
      if (message !== 'message refused') return;
      refused.lines += 1;
      refused.total = (fields as { total: number }).total;
    },
    error: (fields, message) => errors.push(`${message} ${JSON.stringify(fields)}`),
  };
}

test(
  `a real fleet takes no harm from ${MESSAGES} of them (FUZZ_SEED=${SEED})`,
  { timeout: 90_000 },
  async () => {
    const { url: servers } = server();
    const errors: string[] = [];
    const refused = { total: 0, lines: 0 };
    for (const id of ['ada', 'bob', 'dot'])
      agents.push(
        await joinFleet({
          servers,
          id,
          priority: id === 'ada' ? 1 : 0,
          slots: 4,
          electable: id !== 'dot',
          settings: { leaveGraceMs: 100, heartbeatIntervalMs: 200 },
          tasks: { work: () => 'done' },
          handleSignals: false,
          log:
            id === 'ada'
              ? logTo(errors, refused)
              : { ...silentLog, error: (_, message) => errors.push(message) },
        }),
      );
    client = await connectFleet({ servers, log: silentLog });
    const { term } = await client.election();
    const startMs = performance.now();
    const nc = await connect({ servers });
    const random = new SeededRandom(SEED);
    const replies = [
      () => createInbox(),
      () => '_conclave.default.ledger',
      () => 'conclave.default.agent.heartbeat.dot',
      () => '$JS.API.STREAM.DELETE.CONCLAVE_default',
    ];
    const stream = fuzzMessages(random, {
      fleet: 'default',
      agents: ['ada', 'bob', 'dot'],
      strangers: ['stranger', 'unknown'],
    });
    let bad = 0;
    for (let sent = 0; sent < MESSAGES; sent += 1) {
      const message = stream.next().value;
      const reply = random.next() < 0.6 ? replies[random.below(replies.length)]?.() : undefined;
      const options = { ...withHeaders(message.headers), ...(reply === undefined ? {} : { reply }) };
      nc.publish(message.subject, message.data, options);
      if (message.isBad && message.kind !== 'inbox') bad += 1;
      // Not more than the leader, which runs in this process too, has looked at.
      if (sent % AT_ONCE === 0) {
        await nc.flush();
        await client.status();
      }
    }
    await nc.flush();
    await nc.close();
    const { pending } = (await client.metrics()).tasks.byStatus;
    if (pending > 0) {
      const { tasks } = await client.tasks({ status: 'pending', limit: 500 });
      for (const { id } of tasks) await client.cancel(id);
    }
    const task = await client.submit({ type: 'work' });
    expect(await task.result()).toBe('done');
    const election = await client.election();
    expect([election.hasLeader, election.term]).toEqual([true, term]);
    // Each agent once more, and its line has the total.
    await vi.waitFor(async () => {
      const again = await connect({ servers });
      again.publish('conclave.default.agent.orders.stranger', Uint8Array.of(0xc1));
      await again.drain();
      expect(refused.total).toBeGreaterThanOrEqual(bad);
    }, 10_000);
    expect(refused.lines).toBeLessThanOrEqual((performance.now() - startMs) / 1_000 + 1);
    expect(errors).toEqual([]);
    const report = await verifyLedger({ servers, log: silentLog });
    expect({ ok: report.ok, problems: report.problems }).toEqual({ ok: true, problems: [] });
  },
);

function withHeaders(given: Headers): { headers?: MsgHdrs } {
  const entries = Object.entries(given);
  if (entries.length === 0) return {};
  const made = headers();
  for (const [name, value] of entries) made.append(name, value);
  return { headers: made };
}
