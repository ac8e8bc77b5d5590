/** Ledgers that are shortened while the fleet works: rule 7. Whoever comes later goes on from a snapshot. */
import { expect, test } from 'vitest';
import { canonical } from '../../src/domain/state-hash.ts';
import { settingsFrom, type Settings } from '../../src/domain/settings.ts';
import type { StoredSnapshot } from '../../src/ports.ts';
import { defaultCharts } from '../../src/runtime/node.ts';
import { EventLog } from '../../src/http/event-log.ts';
import { EventStream, type Socket } from '../../src/http/event-stream.ts';
import { Observer } from '../../src/runtime/observer.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { SimulatedFleet } from '../../src/simulation/index.ts';
import { subjectsOf } from '../../src/wire/subjects.ts';
import { Stage } from './behaviours/stage.ts';
import { keeperOf } from './keepers.ts';

const often = { snapshotEntries: 20, snapshotLookMs: 200 };

async function played(settings: Partial<Settings>, agents = ['a', 'b', 'c']): Promise<Stage> {
  const stage = new Stage(defaultCharts, 1, { settings });
  stage.join(Object.fromEntries(agents.map((id, i) => [id, { priority: 9 - i, slots: 4 }])));
  await stage.led(agents[0] ?? '');
  return stage;
}

/** So many tasks, one after the other: each is a few entries. */
async function work(stage: Stage, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const task = await stage.ask(stage.client.submit({ type: 'work', payload: {} }));
    await stage.ask(task.result());
  }
}

function ledgerOf(stage: Stage) {
  return stage.world.ledger(stage.fleet.name);
}

/** Every replica has what the ledger says. */
function expectSame(stage: Stage, hosts: readonly string[]): void {
  for (const host of hosts) {
    const replica = stage.fleet.nodes.get(host)?.contender?.replica;
    expect([host, replica?.state.sequence]).toEqual([host, stage.ledger.sequence]);
    expect(canonical(replica?.state ?? stage.ledger)).toBe(canonical(stage.ledger));
  }
}

/** Two, and one more of the newest entry where two processes saved it at once. */
function expectTwoKept(complete: readonly StoredSnapshot[]): void {
  const sequences = complete.map(({ sequence }) => sequence);
  expect(new Set(sequences).size).toBe(2);
  expect(sequences.filter((each) => each === sequences[0])).toHaveLength(1);
  expect(sequences.length).toBeLessThanOrEqual(3);
}

test('the ledger stays short while the fleet works, and two snapshots are kept', async () => {
  const stage = await played(often);
  await work(stage, 60);
  await stage.run(3_000);
  const ledger = ledgerOf(stage);
  expect(stage.ledger.sequence).toBeGreaterThan(150);
  expect(ledger.first).toBeGreaterThan(100);
  // Two spans of 20 entries, each with what came before the next look.
  expect(ledger.last - ledger.first).toBeLessThan(130);
  expectTwoKept(ledger.snapshots.complete);
  expectSame(stage, ['a', 'b', 'c']);
});

test('an agent that joins behind a purge goes on from a snapshot, and can lead', async () => {
  const stage = await played(often);
  await work(stage, 40);
  await stage.run(2_000);
  expect(ledgerOf(stage).first).toBeGreaterThan(1);
  stage.join({ z: { priority: 0, slots: 4 } });
  await stage.until('z follows', () => stage.fleet.nodes.get('z')?.contender?.isStandby === true);
  await stage.run(3_000);
  expectSame(stage, ['a', 'b', 'c', 'z']);
  for (const host of ['a', 'b', 'c']) stage.fleet.kill(host);
  await stage.led('z', 20_000);
  await work(stage, 3);
  expect(stage.witness.problems).toEqual([]);
  expect(stage.ledger.counts.outcomes.completed).toBe(43);
});

test('an agent that was cut off while the ledger was shortened goes on from a snapshot', async () => {
  const stage = await played({ ...often, unreachableMs: 60_000, deadAfterIntervals: 100 }, ['a', 'b']);
  stage.join({ c: { handlers: {} } });
  await stage.until('c follows', () => stage.fleet.nodes.get('c')?.contender?.isStandby === true);
  await stage.run(2_000);
  stage.world.host('c').cut();
  const before = stage.fleet.nodes.get('c')?.contender?.replica.state.sequence ?? 0;
  await work(stage, 40);
  await stage.until('the purge', () => ledgerOf(stage).first > before + 1);
  // Longer than a connection lives: what was sent meanwhile is gone.
  await stage.run(10_000);
  stage.world.heal();
  await stage.until(
    'c follows again',
    () => stage.fleet.nodes.get('c')?.contender?.replica.state.sequence === stage.ledger.sequence,
    30_000,
  );
  expectSame(stage, ['a', 'b', 'c']);
});

test('a leader without standbys shortens the ledger itself', async () => {
  const stage = await played(often, ['a']);
  await work(stage, 60);
  await stage.run(3_000);
  expect(ledgerOf(stage).first).toBeGreaterThan(50);
  stage.fleet.kill('a');
  stage.fleet.revive('a');
  await stage.led('a', 20_000);
  await work(stage, 1);
  expect(stage.ledger.counts.outcomes.completed).toBe(61);
});

test('a ledger that is nearly full takes nothing new until it was shortened, and loses nothing', async () => {
  const stage = new Stage(defaultCharts, 1, {
    settings: { snapshotEntries: 1_000_000, snapshotLookMs: 200, endedTasksMax: 10, retryBackoffMs: 10 },
    world: { ledgerBytesMax: 120_000 },
  });
  stage.join({ a: { priority: 2, slots: 4 }, b: { priority: 1, slots: 4 } });
  await stage.led('a');
  const refused: string[] = [];
  for (let i = 0; i < 120; i++) {
    const task = await stage
      .ask(stage.client.submit({ type: 'work', payload: { filler: 'x'.repeat(2_000) } }), 60_000)
      .catch((error: unknown) => {
        refused.push(String(error));
        return null;
      });
    if (task !== null) await stage.ask(task.result());
  }
  const { bytes, first } = ledgerOf(stage);
  expect(first).toBeGreaterThan(1);
  expect(bytes).toBeLessThan(120_000);
  expect(stage.ledger.counts.outcomes.completed).toBe(120 - refused.length);
  expect(refused).toEqual([]);
  expect(stage.witness.problems).toEqual([]);
});

test('a fleet whose tasks are too large for a snapshot to hold as many as may be kept drops the oldest, and goes on', async () => {
  const stage = new Stage(defaultCharts, 1, {
    settings: {
      snapshotEntries: 20,
      snapshotLookMs: 200,
      payloadBytesMax: 5_000,
      endedTasksBytesMax: 20_000,
      retryBackoffMs: 10,
    },
    world: { ledgerBytesMax: 200_000, snapshotBytesMax: 50_000 },
  });
  stage.join({ a: { priority: 2, slots: 4 }, b: { priority: 1, slots: 4 } });
  await stage.led('a');
  for (let i = 0; i < 120; i++) {
    const payload = { filler: 'x'.repeat(2_000) };
    const task = await stage.ask(stage.client.submit({ type: 'work', payload }), 60_000);
    await stage.ask(task.result());
  }
  const { first, snapshots } = ledgerOf(stage);
  expect(first).toBeGreaterThan(1);
  expectTwoKept(snapshots.complete);
  expect(stage.ledger.counts.outcomes.completed).toBe(120);
  expect(stage.ledger.bytes.ended).toBeLessThanOrEqual(21_000 + 5_000);
  expect(stage.witness.problems).toEqual([]);
});

function observerOn(stage: Stage) {
  const ports = stage.world.host('viewer').ports(stage.fleet.name);
  const subjects = subjectsOf(stage.fleet.name);
  return {
    ports,
    observer: new Observer({ ...ports, subjects, settings: settingsFrom({}), log: silentLog }),
  };
}

test('an observer behind a purge says that there is a gap, and shows what the fleet has', async () => {
  const stage = await played(often);
  const { observer } = observerOn(stage);
  let gaps = 0;
  observer.onGap(() => (gaps += 1));
  observer.start();
  await work(stage, 2);
  await stage.until('the observer follows', () => observer.state.sequence === stage.ledger.sequence);
  stage.world.host('viewer').cut();
  const before = observer.state.sequence;
  await work(stage, 40);
  await stage.until('the purge', () => ledgerOf(stage).first > before + 1);
  await stage.run(10_000);
  stage.world.heal();
  await stage.until('it follows again', () => observer.state.sequence === stage.ledger.sequence, 30_000);
  expect(gaps).toBe(1);
  expect(observer.reader.tasks({ limit: 500 }).total).toBe(42);
  expect(observer.reader.status().tasks.byStatus.completed).toBe(42);
  expect(canonical(observer.state)).toBe(canonical(stage.ledger));
  observer.close();
});

test('a listener that had read everything before a gap is let go, and does not go on behind it', async () => {
  const stage = await played(often);
  const { observer, ports } = observerOn(stage);
  const log = new EventLog({ observer });
  observer.start();
  await work(stage, 2);
  await stage.until('the observer follows', () => observer.state.sequence === stage.ledger.sequence);
  const { socket, sent, closed } = deafSocket();
  const stream = new EventStream({
    socket,
    log,
    query: { since: null, matches: () => true },
    clock: ports.clock,
    limits: { bufferedBytesMax: 1e9, slowReaderMs: 1e9 },
    asOf: () => observer.asOf,
    onSent: () => undefined,
    onSlow: () => undefined,
  });
  log.onGrown(() => {
    stream.read();
  });
  stream.begin();
  await work(stage, 2);
  const before = observer.state.sequence;
  stage.world.host('viewer').cut();
  await work(stage, 40);
  await stage.until('the purge', () => ledgerOf(stage).first > before + 1);
  await stage.run(10_000);
  stage.world.heal();
  await stage.until('it follows again', () => observer.state.sequence === stage.ledger.sequence, 30_000);
  await work(stage, 2);
  const sequences = sent.flatMap((text) => (JSON.parse(text) as { sequence?: number }).sequence ?? []);
  expect(Math.max(...sequences)).toBeLessThanOrEqual(before);
  expect(closed).toEqual([4408]);
  expect(log.after({ sequence: before, index: Infinity })).toBeNull();
  observer.close();
});

test('a store of snapshots that is away for long ends nobody: they wait for it', async () => {
  const stage = await played(often);
  await work(stage, 40);
  await stage.run(2_000);
  const shelf = ledgerOf(stage).snapshots;
  const read = shelf.read.bind(shelf);
  shelf.read = () => ({ kind: 'unavailable', reason: 'the store has no leader' });
  stage.join({ z: { slots: 4 } });
  await stage.run(20_000);
  expect([...stage.fleet.ended]).toEqual([]);
  shelf.read = read;
  await stage.until('z follows', () => stage.fleet.nodes.get('z')?.contender?.isStandby === true);
  expect(ledgerOf(stage).first).toBeGreaterThan(1);
});

test('a standby whose stream was made anew behind its back does not shorten the new one', async () => {
  // So patient that it is still there when it would shorten.
  const patient = { appendResignReplicatedMs: 3_600_000 };
  const stage = await played({ snapshotEntries: 60, snapshotLookMs: 60_000, ...patient }, ['a', 'b']);
  await work(stage, 40);
  await stage.run(60_000);
  await work(stage, 40);
  stage.fleet.kill('a');
  ledgerOf(stage).stream.recreate();
  // Whoever did that removed the snapshots as well: nobody starts beside them.
  for (const name of ledgerOf(stage).snapshots.names) ledgerOf(stage).snapshots.remove(name);
  const anew = new SimulatedFleet(stage.world, { settings: { snapshotEntries: 100_000 } });
  anew.join('z', { slots: 4, handlers: { work: () => 'done' } });
  const client = anew.client('client-2');
  await stage.world.advance(8_000);
  for (let i = 0; i < 20; i++) {
    const task = await stage.ask(client.submit({ type: 'work' }));
    await stage.ask(task.result());
  }
  expect(stage.fleet.nodes.get('b')?.contender?.replica.state.sequence).toBeGreaterThan(ledgerOf(stage).last);
  for (let i = 0; i < 14; i++) await stage.world.advance(10_000);
  expect(ledgerOf(stage).first).toBe(1);
  anew.kill('z');
  anew.join('y', { slots: 4 });
  await stage.world.advance(60_000);
  expect(anew.leaders().map(({ id }) => id)).toEqual(['y']);
});

test('a standby whose stream was made anew ends, but not before a fail-over of the broker would be over', async () => {
  const stage = await played({}, ['a', 'b']);
  await work(stage, 10);
  stage.fleet.kill('a');
  ledgerOf(stage).stream.recreate();
  await stage.world.advance(8_000);
  expect(stage.fleet.nodes.has('b')).toBe(true);
  await stage.world.advance(20_000);
  expect(stage.fleet.nodes.has('b')).toBe(false);
  expect(ledgerOf(stage).last).toBe(0);
});

test.each([
  ['of another ledger', { genesis: 'another', hash: null }],
  ['written anew since', { genesis: null, hash: 'another' }],
])('a state whose ledger is %s is not saved, and nothing is purged for it', async (_, wrong) => {
  const stage = await played({});
  await work(stage, 10);
  const { replica } = stage.fleet.nodes.get('b')?.contender ?? {};
  if (replica === undefined) throw new Error('b does not follow');
  const state = { ...replica.state, genesis: wrong.genesis ?? replica.state.genesis };
  const keeper = keeperOf(stage, {
    replica: { state, lastHash: wrong.hash ?? replica.lastHash, committedSequence: state.sequence, bytes: 0 },
  });
  keeper.urge();
  await stage.run(2_000);
  expect(ledgerOf(stage).snapshots.complete).toEqual([]);
  expect(ledgerOf(stage).first).toBe(1);
  keeper.close();
});

/** A fleet that shortened its ledger, and of which nobody runs any more. */
async function ended(): Promise<{ stage: Stage; old: readonly string[] }> {
  const stage = await played(often, ['a']);
  await work(stage, 40);
  await stage.run(1_000);
  stage.fleet.kill('a');
  const old = ledgerOf(stage).snapshots.complete.map(({ name }) => name);
  expect(old).toHaveLength(2);
  return { stage, old };
}

/** They start in this world, and so does a client. */
function anew(stage: Stage, ids: readonly string[]): SimulatedFleet {
  const fleet = new SimulatedFleet(stage.world, { settings: often });
  for (const id of ids) fleet.join(id, { slots: 4, handlers: { work: () => 'done' } });
  return fleet;
}

test('nobody leads on a ledger that was made anew while nobody ran: its snapshots tell, and stay', async () => {
  const { stage, old } = await ended();
  const ledger = ledgerOf(stage);
  ledger.stream.recreate();
  const fleet = anew(stage, ['y', 'z']);
  // A broker that fails over may hide what is there.
  await stage.world.advance(8_000);
  expect([fleet.nodes.size, fleet.ended.size, fleet.leaders()]).toEqual([2, 0, []]);
  await stage.world.advance(20_000);
  expect(fleet.nodes.size).toBe(0);
  expect([...fleet.ended.values()]).toEqual(['LEDGER_BROKEN', 'LEDGER_BROKEN']);
  expect([ledger.last, ledger.snapshots.complete.map(({ name }) => name)]).toEqual([0, old]);
  // Whoever means to start over removes them.
  for (const name of old) ledger.snapshots.remove(name);
  const over = anew(stage, ['x']);
  await stage.world.advance(8_000);
  expect(over.leaders().map(({ id }) => id)).toEqual(['x']);
});

test('nobody leads on a ledger that was put back to an older copy while nobody ran', async () => {
  const { stage, old } = await ended();
  const ledger = ledgerOf(stage);
  const [newest] = ledger.snapshots.complete.slice(-1);
  ledger.stream.loseTail(ledger.last - (newest?.sequence ?? 0) + 1);
  const { last } = ledger;
  expect(last).toBeLessThan(newest?.sequence ?? 0);
  const fleet = anew(stage, ['y', 'z']);
  await stage.world.advance(28_000);
  expect(fleet.nodes.size).toBe(0);
  expect([...fleet.ended.values()]).toEqual(['LEDGER_BROKEN', 'LEDGER_BROKEN']);
  expect([ledger.last, ledger.snapshots.complete.map(({ name }) => name)]).toEqual([last, old]);
  // Whoever goes on without what is gone removes that one.
  ledger.snapshots.remove(newest?.name ?? '');
  const left = anew(stage, ['x']);
  await stage.world.advance(28_000);
  expect(left.leaders().map(({ id }) => id)).toEqual(['x']);
});

test('a broker that hides the newest entries for a while makes nobody end that starts then', async () => {
  const { stage } = await ended();
  const ledger = ledgerOf(stage);
  const readBounds = ledger.readBounds.bind(ledger);
  ledger.readBounds = () => ({ kind: 'bounds', first: 0, last: 0, bytes: 0, bytesMax: 1 });
  const fleet = anew(stage, ['y']);
  await stage.world.advance(8_000);
  expect([fleet.nodes.size, fleet.leaders()]).toEqual([1, []]);
  ledger.readBounds = readBounds;
  await stage.world.advance(12_000);
  expect(fleet.leaders().map(({ id }) => id)).toEqual(['y']);
});

test('a store of snapshots that says nothing holds up nobody who starts for longer than a fail-over', async () => {
  const stage = await played({}, ['a']);
  stage.fleet.kill('a');
  const { snapshots } = ledgerOf(stage);
  snapshots.read = () => ({ kind: 'unavailable', reason: 'permissions violation' });
  const fleet = anew(stage, ['y']);
  await stage.world.advance(10_000);
  expect(fleet.leaders()).toEqual([]);
  await stage.world.advance(30_000);
  expect(fleet.leaders().map(({ id }) => id)).toEqual(['y']);
});

test('snapshots of another ledger keep its successor neither from starting nor short, and stay', async () => {
  const { stage, old } = await ended();
  const ledger = ledgerOf(stage);
  const { snapshots } = ledger;
  ledger.stream.recreate();
  // As if an earlier release had begun the new one, which did not ask.
  const read = snapshots.read.bind(snapshots);
  snapshots.read = (look) => look([]);
  const fleet = anew(stage, ['y', 'z']);
  await stage.world.advance(8_000);
  snapshots.read = read;
  const client = fleet.client('client-2');
  const done = async (tasks: number): Promise<void> => {
    for (let i = 0; i < tasks; i++)
      await stage.ask((await stage.ask(client.submit({ type: 'work' }))).result());
    await stage.world.advance(5_000);
  };
  await done(10);
  fleet.join('x', { slots: 4 });
  await stage.world.advance(8_000);
  expect(fleet.nodes.get('x')?.contender?.isStandby).toBe(true);
  await done(60);
  expect(ledger.first).toBeGreaterThan(50);
  const isOld = ({ name }: StoredSnapshot): boolean => old.includes(name);
  expect(snapshots.complete.filter(isOld).map(({ name }) => name)).toEqual(old);
  expectTwoKept(snapshots.complete.filter((each) => !isOld(each)));
});

test('what was held back while the state settled goes on, even if the look at it failed', async () => {
  const stage = await played({}, ['a']);
  const reception = stage.fleet.nodes.get('a')?.contender?.office?.reception;
  expect(() =>
    reception?.settle(() => {
      throw new Error('too much memory');
    }),
  ).toThrow('too much memory');
  await work(stage, 1);
});

/** Takes everything, and says nothing. */
function deafSocket() {
  const sent: string[] = [];
  const closed: number[] = [];
  const nothing = (): void => undefined;
  const socket = {
    send: (text: string) => sent.push(text),
    close: (code: number) => closed.push(code),
    ping: nothing,
    terminate: nothing,
    on: nothing,
    once: nothing,
    bufferedAmount: 0,
    readyState: 1,
    OPEN: 1,
  };
  return { sent, closed, socket: socket as unknown as Socket };
}
