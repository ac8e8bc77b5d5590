/**
 * Random and changed messages at every subject of a simulated fleet: nobody crashes, each refusal is counted and answered,
 * memory stays bounded, and afterwards the fleet works and its ledger is sound. FUZZ_MESSAGES of them, under FUZZ_SEED.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { charts } from '../../actors/table.ts';
import type { RequestOutcome } from '../../src/ports.ts';
import { silentLog, type Log } from '../../src/runtime/log.ts';
import { SeededRandom, SimulatedFleet, SimulatedWorld } from '../../src/simulation/index.ts';
import { fuzzMessages, type FuzzMessage } from '../support/wire-fuzz.ts';
import { Witness } from './witness.ts';

const MESSAGES = Number(process.env['FUZZ_MESSAGES'] ?? 10_000);
const SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/**
 * How much the heap may grow after the first quarter of the messages: what was let in is in the simulated ledger, about 60
 * bytes for each message of all. Something that keeps as little as 200 bytes of each would be found in a long run.
 */
const GROWTH = { bytes: 4 * 1024 * 1024, bytesPerMessage: 100 };
const QUARTER = Math.floor(MESSAGES / 4);
/** Messages that are sent at one moment, and how much virtual time goes by before the next. */
const AT_ONCE = 50;
const PAUSE_MS = 20;

const electable = ['ada', 'bob', 'cyd'];
const agents = [...electable, 'dot', 'eve'];
const cast = { fleet: 'default', agents, strangers: ['stranger', 'unknown'] };
/** So that what is let in does not pile up. */
const settings = {
  endedTasksMax: 100,
  decidedProposalsMax: 50,
  requestWindowMs: 1_000,
  idempotencyWindowMs: 1_000,
  forgetMembersMs: 2_000,
  requestKeysMax: 100_000,
};

interface Refused {
  readonly errors: string[];
  /** By agent: how many messages it says that it has refused. */
  readonly totals: Map<string, number>;
}

function logOf(refused: Refused, id: string): Log {
  return {
    ...silentLog,
    warn: (fields, message) => {
      if (message === 'message refused') refused.totals.set(id, (fields as { total: number }).total);
    },
    error: (fields, message) => refused.errors.push(`${id}: ${message} ${JSON.stringify(fields)}`),
  };
}

function hears(id: string, { kind, id: of }: FuzzMessage): boolean {
  if (kind === 'orders' || kind === 'watch') return true;
  if (kind === 'inbox') return of === id;
  return (kind === 'heartbeat' || kind === 'election') && electable.includes(id);
}

test(
  `${MESSAGES} messages that nobody should send do no harm (FUZZ_SEED=${SEED})`,
  { timeout: 60_000 + MESSAGES * 2 },
  async () => {
    const world = new SimulatedWorld({ seed: SEED });
    const refused: Refused = { errors: [], totals: new Map() };
    const fleet = new SimulatedFleet(world, { settings, log: (id) => logOf(refused, id) });
    const witness = new Witness(fleet, charts);
    for (const id of agents) {
      const work = { work: () => Promise.resolve('done') };
      const priority = id === 'ada' ? 2 : 0;
      fleet.join(id, { handlers: work, slots: 4, priority, electable: electable.includes(id) });
    }
    const client = fleet.client();
    await world.settle(client.elect());
    await world.advance(3_000);
    const leader = fleet.leader()?.id ?? 'nobody';
    const { bus } = world.host('anybody').ports('default');
    const expected = new Map<string, number>(agents.map((id) => [id, 0]));
    let badRequests = 0;
    const answers = new Map<string, number>();
    let heapEarly = 0;
    const stream = fuzzMessages(new SeededRandom(SEED), cast);
    for (let sent = 0; sent < MESSAGES; sent += 1) {
      if (sent === QUARTER) heapEarly = heapUsed();
      const message = stream.next().value;
      const isRequest = message.kind === 'api' || ['join', 'report', 'ballot'].includes(message.kind);
      if (!isRequest) bus.publish(message);
      else {
        if (message.isBad) badRequests += 1;
        bus.request({ ...message, timeoutMs: 10_000 }, (outcome) => {
          const what = `${message.isBad ? 'bad' : 'sound'} ${answerOf(outcome)}`;
          answers.set(what, (answers.get(what) ?? 0) + 1);
        });
      }
      if (message.isBad)
        for (const id of agents) if (hears(id, message)) expected.set(id, (expected.get(id) ?? 0) + 1);
      if (sent % AT_ONCE === 0) await world.advance(PAUSE_MS);
    }
    await world.advance(12_000);
    // Heard and refused by all: the line about it has their totals.
    for (const id of agents) refused.totals.delete(id);
    bus.publish({ subject: 'conclave.default.agent.orders.stranger', data: Uint8Array.of(0xc1) });
    await world.advance(2_000);

    const grownBytes = heapUsed() - heapEarly;
    process.stderr.write(
      `FUZZ_SEED=${SEED} grown by ${grownBytes} bytes ${JSON.stringify([...answers].sort())} ${JSON.stringify([...refused.totals])}\n`,
    );
    expect(refused.errors).toEqual([]);
    expect([...fleet.ended]).toEqual([]);
    expect(fleet.leader()?.id).toBe(leader);
    for (const id of agents.filter((each) => each !== leader))
      expect([id, refused.totals.get(id)]).toEqual([id, (expected.get(id) ?? 0) + 1]);
    expect(refused.totals.get(leader)).toBeGreaterThanOrEqual((expected.get(leader) ?? 0) + badRequests);
    expect(badRequests).toBeGreaterThan(MESSAGES / 10);
    expect(answers.get('bad refused') ?? 0).toBe(badRequests);
    expect(grownBytes).toBeLessThan(GROWTH.bytes + GROWTH.bytesPerMessage * (MESSAGES - QUARTER));

    const pending = await world.settle(client.tasks({ status: 'pending', limit: 500 }));
    for (const { id } of pending.tasks) await world.settle(client.cancel(id));
    const task = await world.settle(client.submit({ type: 'work' }));
    expect(await world.settle(task.result())).toBe('done');
    await world.settle(client.elect());
    const again = await world.settle(client.submit({ type: 'work' }));
    expect(await world.settle(again.result())).toBe('done');
    await world.advance(3_000);
    witness.inspect();
    expect(witness.problems).toEqual([]);
    expect(({} as Record<string, unknown>)['isAdmin']).toBeUndefined();
  },
);

function answerOf(outcome: RequestOutcome): string {
  if (outcome.kind !== 'reply') return outcome.kind;
  return outcome.headers['Nats-Service-Error-Code'] === undefined ? 'answered' : 'refused';
}

function heapUsed(): number {
  setFlagsFromString('--expose_gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}
