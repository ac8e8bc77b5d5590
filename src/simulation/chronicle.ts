/** Everything that a fleet's ledger ever held, read as the broker stored it and checked entry by entry. */
import { charts } from '../../actors/table.ts';
import { HistoryChecker, type HistoryReport } from '../domain/history.ts';
import { decodeEntry, hashOf } from '../wire/entry.ts';
import type { SimulatedLedger } from './ledger.ts';

export class Chronicle {
  readonly #history = new HistoryChecker(charts);

  /** From the first entry: begin it before anything is purged. */
  constructor(ledger: SimulatedLedger) {
    ledger.stream.consume(1, {
      hear: ({ sequence, data }) => {
        this.#history.add({ sequence, entry: decodeEntry(data), hash: hashOf(data) });
      },
      gone: () => undefined,
    });
  }

  get report(): HistoryReport {
    return this.#history.report();
  }
}
