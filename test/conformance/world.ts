/**
 * What a conformance suite needs of the world it runs in, real or simulated: clients, each with one link to
 * the broker, and the few faults that both worlds can play. A world holds one fleet with one empty ledger.
 *
 * Nothing in a suite waits for real time: it awaits `settle`, which lets time pass, virtual or real.
 */
import type { Bus, Clock, Ledger, Random } from '../../src/ports.ts';

export interface ConformanceWorld {
  readonly clock: Clock;
  readonly random: Random;
  /** The bus of client `id`, connected. The same id gives the same bus. */
  bus(id: string): Promise<Bus>;
  /** The fleet's ledger as client `id` sees it: over that client's link, followed on that client's bus. */
  ledger(id: string): Promise<Ledger>;
  /** Closes the bus of client `id` for good. */
  closeBus(id: string): Promise<void>;
  /** Client `id` and the broker hear nothing of each other until `heal`. The client may take seconds to notice. */
  cut(id: string): void;
  heal(id: string): void;
  /** The next append of client `id` that the broker stores is never acknowledged to it. */
  swallowNextAcknowledgement(id: string): void;
  /** The next part of a snapshot of client `id` that the broker stores is never acknowledged to it. */
  swallowNextPartAcknowledgement(id: string): void;
  /** Changes a byte of a stored snapshot, and nothing else. */
  damageSnapshot(name: string): Promise<void>;
  /** Names of every snapshot that the broker has anything of, complete or not, sorted. */
  heldSnapshots(): Promise<string[]>;
  /** Byte limit of the ledger, and of its store of snapshots. */
  readonly ledgerBytesMax: number;
  /** Removes every entry below `sequence`, as compaction does. */
  purgeBelow(sequence: number): Promise<void>;
  /** Lets time pass, virtual or real, until the promise settles. */
  settle<T>(promise: Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

export type MakeWorld = () => Promise<ConformanceWorld>;
