/**
 * The conformance suites on the simulated world. Each test runs under a seed of its own; `CONCLAVE_SEED` sets
 * the first.
 */
import type { Ports } from '../../src/ports.ts';
import { SimulatedWorld } from '../../src/simulation/index.ts';
import { busSuite } from './bus.suite.ts';
import { clockSuite } from './clock.suite.ts';
import { ledgerSuite } from './ledger.suite.ts';
import { purgeSuite } from './purge.suite.ts';
import { snapshotSuite } from './snapshot.suite.ts';
import type { ConformanceWorld } from './world.ts';

const fleet = 'conformance';
const ledgerBytesMax = 4 * 1024 ** 2;
let seed = Number(process.env['CONCLAVE_SEED'] ?? 1);

async function makeWorld(): Promise<ConformanceWorld> {
  const world = new SimulatedWorld({ seed: seed++, ledgerBytesMax });
  const ports = (id: string): Ports => world.host(id).ports(fleet);
  const { clock, random } = ports('observer');
  return {
    clock,
    random,
    bus: async (id) => ports(id).bus,
    ledger: async (id) => ports(id).ledger,
    closeBus: async (id) => {
      world.host(id).close();
    },
    cut: (id) => world.host(id).cut(),
    heal: (id) => world.host(id).heal(),
    swallowNextAcknowledgement: (id) => world.ledger(fleet).swallowNextAck(id),
    swallowNextPartAcknowledgement: (id) => world.ledger(fleet).snapshots.swallowNextAck(id),
    damageSnapshot: async (name) => {
      world.ledger(fleet).snapshots.damage(name);
    },
    heldSnapshots: async () => [...world.ledger(fleet).snapshots.names].sort(),
    ledgerBytesMax,
    purgeBelow: async (sequence) => {
      world.ledger(fleet).purgeBelow(sequence);
    },
    settle: (promise) => world.settle(promise, { withinMs: 120_000 }),
    stop: async () => undefined,
  };
}

clockSuite(makeWorld);
busSuite(makeWorld);
ledgerSuite(makeWorld);
purgeSuite(makeWorld);
snapshotSuite(makeWorld);
