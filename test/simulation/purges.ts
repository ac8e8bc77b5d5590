/** What every purge must keep to: I13 of `src/runtime/keeper.ts`. */
import type { SimulatedLedger } from '../../src/simulation/ledger.ts';

export interface AskedPurge {
  readonly upTo: number;
  /** The older of the two newest snapshots that are whole then; 0: there are no two. */
  readonly covered: number;
}

/** Tells of each purge as it reaches the broker, done or not. */
export function watchPurges(ledger: SimulatedLedger, hear: (asked: AskedPurge) => void): void {
  const purge = ledger.purge.bind(ledger);
  ledger.purge = (upTo) => {
    hear({ upTo, covered: ledger.snapshots.complete.at(-2)?.sequence ?? 0 });
    return purge(upTo);
  };
}
