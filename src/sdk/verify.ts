/** Reads a fleet's whole ledger from NATS and checks it. */
import { charts } from '../../actors/table.ts';
import { ConclaveError } from '../domain/errors.ts';
import type { Entry } from '../domain/events.ts';
import { HistoryChecker, type HistoryReport } from '../domain/history.ts';
import { unshortened, withArchive, type Archive } from './ledger-archive.ts';
import type { ConnectOptions } from './options.ts';

export interface VerifyOptions extends Omit<ConnectOptions, 'settings'> {
  /** Each entry as it is read, in order; from the beginning again when the ledger was shortened meanwhile. */
  readonly onEntry?: (entry: Entry, sequence: number) => void;
  /** After each entry: how many were read, of how many. */
  readonly onProgress?: (read: number, total: number) => void;
}

/**
 * Checks what the ledger holds now, from its first entry to its last; one that was shortened, from its oldest snapshot
 * on. Throws `NO_NATS` when it cannot be read, `LEDGER_BROKEN` when no snapshot covers what is gone.
 */
export function verifyLedger(options: VerifyOptions = {}): Promise<HistoryReport> {
  return withArchive(options, async (archive) => {
    if (archive === null) return new HistoryChecker(charts).report();
    return unshortened(() => check(archive, options));
  });
}

async function check(archive: Archive, { onEntry, onProgress }: VerifyOptions): Promise<HistoryReport> {
  const checker = new HistoryChecker(charts);
  const { first, last } = await archive.bounds();
  if (first > 1) await begin(checker, archive, first);
  const from = checker.state.sequence + 1;
  await archive.read({ from, last }, (record) => {
    checker.add(record);
    if (record.entry !== null) onEntry?.(record.entry, record.sequence);
    onProgress?.(record.sequence - from + 1, last - from + 1);
    return 'more';
  });
  return checker.report();
}

/** From the oldest snapshot that the ledger goes on from: as much as there is is checked. */
async function begin(checker: HistoryChecker, archive: Archive, first: number): Promise<void> {
  for await (const restored of archive.usableSnapshots(first)) {
    checker.begin(restored);
    return;
  }
  throw uncovered(first);
}

/** What is gone from the front of the ledger is nowhere else. */
export function uncovered(first: number): ConclaveError {
  const message =
    `the ledger begins at entry ${first}, and no snapshot covers the entries before it: they were removed by somebody else; ` +
    'restore the ledger and its snapshots from a backup, or move both streams away and begin anew';
  return new ConclaveError('LEDGER_BROKEN', message);
}
