/** What becomes of bytes for a slot: rules 2 to 5 of the ledger, on a simulated one. */
import { expect, test } from 'vitest';
import type { Ledger } from '../../src/ports.ts';
import { defaultSettings } from '../../src/domain/settings.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { SlotWriter, type WriteOutcome } from '../../src/runtime/slot-writer.ts';
import { SimulatedWorld } from '../../src/simulation/index.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function writerOn(world: SimulatedWorld, host: string): SlotWriter {
  return new SlotWriter({
    ...world.host(host).ports('default'),
    settings: defaultSettings,
    log: silentLog,
    onBroken: (error) => {
      throw error;
    },
  });
}

/** Writes and lets time pass until it is known what became of it. */
function write(world: SimulatedWorld, writer: SlotWriter, text: string, slot: number): WriteOutcome {
  let outcome: WriteOutcome | null = null;
  writer.write(bytes(text), slot, (known) => {
    outcome = known;
  });
  world.runUntil(() => outcome !== null, { withinMs: 30_000 });
  return outcome as unknown as WriteOutcome;
}

function stored(world: SimulatedWorld): string[] {
  return world.ledger('default').entries.map(({ data }) => new TextDecoder().decode(data));
}

test('bytes in a free slot are committed', () => {
  const world = new SimulatedWorld({ seed: 1 });
  const writer = writerOn(world, 'a');
  expect(write(world, writer, 'one', 1)).toBe('committed');
  expect(write(world, writer, 'two', 2)).toBe('committed');
  expect(stored(world)).toEqual(['one', 'two']);
});

test('an append whose acknowledgement is lost is committed all the same, once', () => {
  const world = new SimulatedWorld({ seed: 1 });
  const writer = writerOn(world, 'a');
  expect(write(world, writer, 'one', 1)).toBe('committed');
  world.ledger('default').swallowNextAck();
  expect(write(world, writer, 'two', 2)).toBe('committed');
  expect(write(world, writer, 'three', 3)).toBe('committed');
  expect(stored(world)).toEqual(['one', 'two', 'three']);
});

test('a slot that holds other bytes is foreign, also when they are as long', () => {
  const world = new SimulatedWorld({ seed: 1 });
  const [mine, theirs] = [writerOn(world, 'a'), writerOn(world, 'b')];
  expect(write(world, theirs, 'AAA', 1)).toBe('committed');
  expect(write(world, mine, 'BBB', 1)).toBe('foreign');
  expect(stored(world)).toEqual(['AAA']);
});

test('the same bytes of another process are ours: it is the bytes that count', () => {
  const world = new SimulatedWorld({ seed: 1 });
  const [mine, theirs] = [writerOn(world, 'a'), writerOn(world, 'b')];
  expect(write(world, theirs, 'same', 1)).toBe('committed');
  expect(write(world, mine, 'same', 1)).toBe('committed');
  expect(stored(world)).toEqual(['same']);
});

test('a slot below what the stream still has is foreign', () => {
  const world = new SimulatedWorld({ seed: 1 });
  const writer = writerOn(world, 'a');
  for (const [i, text] of ['one', 'two', 'three'].entries()) write(world, writer, text, i + 1);
  world.ledger('default').purgeBelow(3);
  expect(write(world, writer, 'two', 2)).toBe('foreign');
});

test('an append that lands late is waited for, and nothing else is sent meanwhile', () => {
  const world = new SimulatedWorld({ seed: 1 });
  const writer = writerOn(world, 'a');
  expect(write(world, writer, 'one', 1)).toBe('committed');
  world.ledger('default').holdNextAppend();
  expect(write(world, writer, 'two', 2)).toBe('committed');
  world.ledger('default').releaseHeld();
  world.runFor(10_000);
  expect(stored(world)).toEqual(['one', 'two']);
});

test('what cannot be known in time is unresolved', () => {
  const world = new SimulatedWorld({ seed: 1 });
  const writer = writerOn(world, 'a');
  expect(write(world, writer, 'one', 1)).toBe('committed');
  world.ledger('default').failOver(60_000);
  expect(write(world, writer, 'two', 2)).toBe('unresolved');
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'under every fault of the ledger, one content per slot (seed %i)',
  (seed) => {
    const faults = {
      ackLost: 0.2,
      appendLost: 0.1,
      appendDelayed: 0.1,
      commitDies: 0.05,
      ackRepeated: 0.1,
      notStored: 0.1,
    };
    const world = new SimulatedWorld({ seed, faults });
    const writers = [writerOn(world, 'a'), writerOn(world, 'b')];
    for (let slot = 1; slot <= 20; slot++) {
      const outcomes = writers.map((writer, i) => {
        const known: { outcome: WriteOutcome | null } = { outcome: null };
        writer.write(bytes(`${slot} of ${i}`), slot, (outcome) => {
          known.outcome = outcome;
        });
        return known;
      });
      world.runUntil(() => outcomes.every(({ outcome }) => outcome !== null), { withinMs: 60_000 });
      world.runFor(30_000);
      const content = stored(world)[slot - 1];
      if (content === undefined) break;
      outcomes.forEach(({ outcome }, i) => {
        const isMine = content === `${slot} of ${i}`;
        expect(outcome === 'committed' ? isMine : true).toBe(true);
        expect(outcome === 'foreign' ? isMine : false).toBe(false);
      });
    }
  },
);

test('with several copies of the stream an append may wait for as long as their fail-over takes', () => {
  for (const [ledgerReplicas, patienceMs] of [
    [1, defaultSettings.appendResignMs],
    [3, defaultSettings.appendResignReplicatedMs],
  ] as const) {
    const world = new SimulatedWorld({ seed: 1, ledgerReplicas });
    const writer = writerOn(world, 'a');
    expect(write(world, writer, 'one', 1)).toBe('committed');
    world.host('a').cut();
    let outcome: WriteOutcome | null = null;
    writer.write(bytes('two'), 2, (known) => {
      outcome = known;
    });
    world.runFor(patienceMs - 100);
    expect(outcome).toBeNull();
    world.runFor(200);
    expect(outcome).toBe('unresolved');
  }
});

/** A writer, and how many connections it has had. */
function countedOn(world: SimulatedWorld) {
  const ports = world.host('a').ports('default');
  const count = { opened: 0 };
  const ledger: Ledger = {
    broker: null,
    follow: (from, follower) => ports.ledger.follow(from, follower),
    connect: (done) => {
      ports.ledger.connect((outcome) => {
        if (outcome.kind === 'opened') count.opened += 1;
        done(outcome);
      });
    },
  };
  const onBroken = (error: Error): void => {
    throw error;
  };
  const writer = new SlotWriter({ ...ports, ledger, settings: defaultSettings, log: silentLog, onBroken });
  return { writer, count };
}

test('an append without an answer goes on over a fresh connection', () => {
  const world = new SimulatedWorld({ seed: 1 });
  const { writer, count } = countedOn(world);
  expect(write(world, writer, 'one', 1)).toBe('committed');
  expect(count.opened).toBe(1);
  world.ledger('default').swallowNextAck();
  expect(write(world, writer, 'two', 2)).toBe('committed');
  expect(count.opened).toBe(2);
});

test('how long there has been no connection is measured by no wall clock', () => {
  const world = new SimulatedWorld({ seed: 1 });
  const writer = writerOn(world, 'a');
  expect(write(world, writer, 'one', 1)).toBe('committed');
  world.host('a').cut();
  world.runFor(6_000);
  const before = writer.disconnectedMs();
  expect(before).toBeGreaterThan(0);
  world.host('a').skewWall(3_600_000);
  expect(writer.disconnectedMs()).toBe(before);
});

test('whoever rests and wakes while it waits to connect again has one connection, and not two', async () => {
  const world = new SimulatedWorld({ seed: 1 });
  world.setFaults({ connectUnavailable: 1 });
  const { writer, count } = countedOn(world);
  await world.advance(60);
  world.setFaults({});
  writer.rest();
  writer.wake();
  await world.advance(5_000);
  expect([count.opened, writer.disconnectedMs()]).toEqual([1, 0]);
});
