/** The door `conclave/testing`: a seeded world with faults, in which a fleet runs on virtual time. */
export type { SimulatedBroker } from './broker.ts';
export type { Fault, FaultRates } from './faults.ts';
export type { SimulatedHost } from './host.ts';
export { SimulationFailed, type Constants } from './laws.ts';
export type { SimulatedLedger } from './ledger.ts';
export {
  restlessPace,
  strikeKinds,
  unleash,
  worstRates,
  type NemesisOptions,
  type Pace,
  type StrikeKind,
  type Victims,
} from './nemesis.ts';
export { SeededRandom, type Range } from './random.ts';
export type { SnapshotShelf } from './snapshot-shelf.ts';
export type { StoredEntry } from './stream.ts';
export type { Trace, TraceSink } from './trace.ts';
export { SimulatedWorld, type WorldOptions } from './world.ts';
export { simulateFleet, type Simulation, type SimulationOptions } from './sdk.ts';
export type { TroubleOptions } from './trouble.ts';
export type { HistoryReport } from '../domain/history.ts';
export { SimulatedFleet, type SimulatedAgentOptions, type SimulatedFleetOptions } from './fleet.ts';
export { violations } from '../domain/invariants.ts';
export { canonical } from '../domain/state-hash.ts';
