/**
 * The writer of a snapshot dies at each of its steps in turn: before its first chunk, between two, before its manifest
 * and after it, before it drops what is older, before the purge and after it. Whoever comes next goes on from what is
 * there.
 */
import { expect, test } from 'vitest';
import { settingsFrom } from '../../src/domain/settings.ts';
import { canonical } from '../../src/domain/state-hash.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { defaultCharts } from '../../src/runtime/node.ts';
import type { SimulatedLedger } from '../../src/simulation/ledger.ts';
import { Stage } from './behaviours/stage.ts';
import { keeperOf } from './keepers.ts';

/** The agents of the fleet shorten nothing themselves. */
const patient = { snapshotEntries: 100_000 };

/** Until its keeper is done; later ones find snapshots. */
const passes: readonly (readonly [string, number])[] = [
  ['of its first snapshots', 0],
  ['of one more, when two are there', 1],
];

test.each(passes)(
  'a keeper may die at any step %s: whoever comes next goes on from what is there',
  async (_, earlier) => {
    const deaths: string[] = [];
    for (let nth = 1; ; nth += 1) {
      const stage = await started();
      for (let pass = 0; pass < earlier; pass += 1) await shortened(stage, `earlier-${pass}`);
      const died = await diesAt(stage, nth);
      if (died === null) break;
      deaths.push(died);
      await expectWhole(stage);
    }
    expect(deaths).toContain('chunk 1');
    expect(phasesOf(deaths)).toEqual(
      earlier === 0 ? [...save, ...save.slice(1), 'purge'] : [...save, 'drop', 'purge'],
    );
  },
);

/** A look at what is there, or what is gone; what was stored is looked at in the end, and read back. */
const save = ['look', 'sweep', 'chunk', 'manifest', 'look'];

/** Without the number of a chunk; the same one after the other is one, and the look that ends a save begins the next. */
function phasesOf(deaths: readonly string[]): string[] {
  const phases = deaths.map((step) => step.replace(/ .*/, ''));
  return phases.filter((phase, i) => phase !== phases[i - 1]);
}

async function started(): Promise<Stage> {
  const stage = new Stage(defaultCharts, 1, { settings: patient, world: { snapshotChunkBytes: 1_000 } });
  stage.join({ a: { priority: 9 }, b: { priority: 5 } });
  await stage.led('a');
  await work(stage);
  return stage;
}

async function work(stage: Stage): Promise<void> {
  for (let i = 0; i < 3; i += 1) {
    const task = await stage.ask(stage.client.submit({ type: 'work', payload: {} }));
    await stage.ask(task.result());
  }
  await stage.until(
    'b has read it',
    () => stage.node('b').contender?.replica.state.sequence === ledgerOf(stage).last,
  );
}

function ledgerOf(stage: Stage): SimulatedLedger {
  return stage.world.ledger(stage.fleet.name);
}

/** A keeper on this host does all its work. */
async function shortened(stage: Stage, host: string): Promise<void> {
  const { first } = ledgerOf(stage);
  await work(stage);
  const keeper = keeperOn(stage, host);
  keeper.urge();
  await stage.until('the purge', () => ledgerOf(stage).first > first);
  keeper.close();
}

function keeperOn(stage: Stage, host: string, onPurged: () => void = () => undefined) {
  const info = (_: object, what: string): void => {
    if (what === 'ledger purged') onPurged();
  };
  const ports = stage.world.host(host).ports(stage.fleet.name);
  return keeperOf(stage, { ...ports, settings: settingsFrom(patient), log: { ...silentLog, info } });
}

/** It dies when its nth request arrives, which is not done. Says which that was; null: it had done all before. */
async function diesAt(stage: Stage, nth: number): Promise<string | null> {
  await work(stage);
  const host = stage.world.host('keeper');
  let steps = 0;
  let died: string | null = null;
  const heal = intercept(ledgerOf(stage), (step) => {
    steps += 1;
    if (steps !== nth) return died === null;
    died = step;
    host.crash();
    return false;
  });
  let isDone = false;
  const keeper = keeperOn(stage, 'keeper', () => (isDone = true));
  keeper.urge();
  await stage.until('it dies or is done', () => died !== null || isDone);
  heal();
  return died;
}

/** `mayPass`: asked of each request to the store of snapshots, and of each purge. */
function intercept(ledger: SimulatedLedger, mayPass: (step: string) => boolean): () => void {
  const { snapshots: shelf } = ledger;
  const [receive, sweep, read, remove, purge] = [
    shelf.receive.bind(shelf),
    shelf.sweep.bind(shelf),
    shelf.read.bind(shelf),
    shelf.remove.bind(shelf),
    ledger.purge.bind(ledger),
  ];
  shelf.receive = (request) => {
    const { part } = request;
    if (mayPass(part.kind === 'chunk' ? `chunk ${part.index}` : 'manifest')) receive(request);
  };
  shelf.sweep = () => (mayPass('sweep') ? sweep() : null);
  shelf.read = (look) => (mayPass('look') ? read(look) : null);
  shelf.remove = (name) => (mayPass('drop') ? remove(name) : null);
  ledger.purge = (upTo) => (mayPass('purge') ? purge(upTo) : null);
  return () => {
    Object.assign(shelf, { receive, sweep, read, remove });
    Object.assign(ledger, { purge });
  };
}

/** Two good snapshots cover what was purged; who starts now has the state of the ledger; and the next keeper does its work. */
async function expectWhole(stage: Stage): Promise<void> {
  const ledger = ledgerOf(stage);
  const covered = (): number => ledger.snapshots.complete.at(-2)?.sequence ?? 0;
  expect(ledger.first - 1).toBeLessThanOrEqual(covered());
  stage.join({ z: {} });
  await stage.until('z follows', () => stage.fleet.nodes.get('z')?.contender?.isStandby === true);
  const known = stage.node('z').contender?.replica.state;
  await stage.until('z has read all', () => known?.sequence === ledger.last);
  expect(canonical(known ?? stage.ledger)).toBe(canonical(stage.ledger));
  await shortened(stage, 'next');
  expect(ledger.first - 1).toBeLessThanOrEqual(covered());
  expect(ledger.snapshots.complete).toHaveLength(2);
  expect(stage.witness.problems).toEqual([]);
}
