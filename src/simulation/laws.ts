/** What every part of one simulated world shares: its time, its chance, its faults, its trace and its constants. */
import type { Faults } from './faults.ts';
import type { Range, SeededRandom } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

/** Code under simulation threw, or did not get there. Says when, and under which seed to see it again. */
export class SimulationFailed extends Error {
  override readonly name = 'SimulationFailed';
}

export interface Laws {
  readonly seed: string;
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
  readonly faults: Faults;
  readonly trace: Trace;
  readonly constants: Constants;
  /** A callback of a process threw. */
  readonly onError: (error: SimulationFailed) => void;
}

export interface Constants {
  /** One way between a host and the broker, drawn for each message. */
  readonly latencyMs: Range;
  /** From accepting an append to having stored it. */
  readonly commitMs: Range;
  /** Silence after which either end of a connection gives it up. */
  readonly pingTimeoutMs: Range;
  /** Between two attempts of a bus to reconnect. */
  readonly reconnectMs: Range;
  /** How long a ledger connection tries to open, and how long it waits for a read. */
  readonly answerTimeoutMs: number;
  readonly payloadBytesMax: number;
  /** Bytes after which a ledger refuses to grow, and its store of snapshots too. */
  readonly ledgerBytesMax: number;
  /** The largest snapshot. */
  readonly snapshotBytesMax: number;
  /** Small, so that a snapshot has many chunks between which something can happen. */
  readonly snapshotChunkBytes: number;
  /** Copies of each stream, as a ledger connection says. */
  readonly ledgerReplicas: number;
  /** Wall clock at the start of the world, milliseconds since 1970. */
  readonly wallStartMs: number;
}

export const defaultConstants: Constants = {
  latencyMs: { min: 0.1, max: 0.6 },
  commitMs: { min: 0.2, max: 1.2 },
  pingTimeoutMs: { min: 2_000, max: 4_000 },
  reconnectMs: { min: 100, max: 500 },
  answerTimeoutMs: 2_000,
  payloadBytesMax: 1_048_576,
  ledgerBytesMax: 1_073_741_824,
  snapshotBytesMax: 268_435_456,
  snapshotChunkBytes: 16_384,
  ledgerReplicas: 1,
  wallStartMs: 1_750_000_000_000,
};
