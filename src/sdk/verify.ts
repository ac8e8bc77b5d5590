/** Reads a fleet's whole ledger from NATS and checks it. */
import { charts } from '../../actors/table.ts';
import { ConclaveError } from '../domain/errors.ts';
import type { Entry } from '../domain/events.ts';
import { HistoryChecker, type HistoryReport } from '../domain/history.ts';
import type { Restored } from '../domain/snapshot.ts';
import { openNatsPorts } from '../nats/ports.ts';
import { realRandom } from '../nats/random.ts';
import type { Ledger, LedgerConnection, StoredSnapshot } from '../ports.ts';
import type { Log } from '../runtime/log.ts';
import { restoredFrom } from '../runtime/snapshot-loader.ts';
import { decodeEntry, hashOf } from '../wire/entry.ts';
import { addressOf } from './connect.ts';
import { defaultLog } from './log.ts';
import { checkConnect, type ConnectOptions } from './options.ts';

export interface VerifyOptions extends ConnectOptions {
  /** Each entry as it is read, in order; from the beginning again when the ledger was shortened meanwhile. */
  readonly onEntry?: (entry: Entry, sequence: number) => void;
}

/** The ledger was shortened while it was read. */
class Shortened extends Error {}

/** Each needs a purge at the very moment. */
const TRIES_MAX = 5;

/**
 * Checks what the ledger holds now, from its first entry to its last; one that was shortened, from its oldest snapshot
 * on. Throws `NO_NATS` when it cannot be read, `LEDGER_BROKEN` when no snapshot covers what is gone.
 */
export async function verifyLedger(options: VerifyOptions = {}): Promise<HistoryReport> {
  checkConnect(options);
  const log = options.log ?? defaultLog('verify');
  const ports = await openNatsPorts({
    ...addressOf(options, { role: 'verify', id: realRandom.id(), log }),
    mayCreate: false,
  });
  try {
    const connection = await connect(ports.ledger);
    if (connection === null) return new HistoryChecker(charts).report();
    try {
      return await check({ ledger: ports.ledger, connection, log }, options.onEntry);
    } finally {
      connection.close();
    }
  } finally {
    await ports.close();
  }
}

interface Sources {
  readonly ledger: Ledger;
  readonly connection: LedgerConnection;
  readonly log: Log;
}

async function check(sources: Sources, onEntry: VerifyOptions['onEntry'], tries = 1): Promise<HistoryReport> {
  const { ledger, connection, log } = sources;
  const checker = new HistoryChecker(charts);
  const { first, last } = await boundsOf(connection);
  try {
    if (first > 1) await begin(checker, connection, { first, log });
    const from = checker.state.sequence + 1;
    if (last >= from) await readUpTo({ ledger, from, last }, checker, onEntry);
  } catch (error) {
    if (!(error instanceof Shortened) || tries === TRIES_MAX) throw error;
    return check(sources, onEntry, tries + 1);
  }
  return checker.report();
}

/** Null: nobody has led this fleet. */
function connect(ledger: Ledger): Promise<LedgerConnection | null> {
  return new Promise((resolve, reject) => {
    ledger.connect((outcome) => {
      if (outcome.kind === 'opened') resolve(outcome.connection);
      else if (outcome.kind === 'broken' && isNotFound(outcome.error)) resolve(null);
      else if (outcome.kind === 'broken') reject(outcome.error);
      else reject(new ConclaveError('NO_NATS', `the ledger cannot be reached: ${outcome.reason}`));
    });
  });
}

function isNotFound(error: Error): boolean {
  return error instanceof ConclaveError && error.code === 'NOT_FOUND';
}

function boundsOf(connection: LedgerConnection): Promise<{ readonly first: number; readonly last: number }> {
  return new Promise((resolve, reject) => {
    connection.readBounds((outcome) => {
      if (outcome.kind === 'bounds') resolve(outcome);
      else reject(new ConclaveError('NO_NATS', `the ledger cannot be read: ${outcome.reason}`));
    });
  });
}

/** From the oldest snapshot that the ledger goes on from: as much as there is is checked. */
async function begin(
  checker: HistoryChecker,
  connection: LedgerConnection,
  { first, log }: { readonly first: number; readonly log: Log },
): Promise<void> {
  const genesis = await genesisAt(connection, first);
  for (const stored of await snapshotsOf(connection)) {
    if (stored.sequence + 1 < first) continue;
    const restored = await restoredOf(connection, stored, log);
    if (restored?.state.genesis !== genesis) continue;
    checker.begin(restored);
    return;
  }
  throw new ConclaveError(
    'LEDGER_BROKEN',
    `the ledger begins at ${first}, and no snapshot covers the entries before it`,
  );
}

function genesisAt(connection: LedgerConnection, sequence: number): Promise<string | null> {
  return new Promise((resolve, reject) => {
    connection.readSlot(sequence, (slot) => {
      if (slot.kind === 'entry') resolve(decodeEntry(slot.data)?.genesis ?? null);
      else if (slot.kind === 'compacted') reject(new Shortened());
      else reject(new ConclaveError('NO_NATS', `entry ${sequence} of the ledger cannot be read`));
    });
  });
}

function snapshotsOf(connection: LedgerConnection): Promise<readonly StoredSnapshot[]> {
  return new Promise((resolve, reject) => {
    connection.listSnapshots((listed) => {
      if (listed.kind === 'snapshots') resolve(listed.snapshots);
      else reject(new ConclaveError('NO_NATS', `the snapshots cannot be read: ${listed.reason}`));
    });
  });
}

function restoredOf(
  connection: LedgerConnection,
  stored: StoredSnapshot,
  log: Log,
): Promise<Restored | null> {
  return new Promise((resolve) => {
    connection.loadSnapshot(stored.name, (loaded) => {
      resolve(loaded.kind === 'snapshot' ? restoredFrom(loaded.data, stored, log) : null);
    });
  });
}

function readUpTo(
  { ledger, from, last }: { readonly ledger: Ledger; readonly from: number; readonly last: number },
  checker: HistoryChecker,
  onEntry: VerifyOptions['onEntry'],
): Promise<void> {
  let next = from;
  return new Promise((resolve, reject) => {
    const following = ledger.follow(from, {
      entry: (sequence, data) => {
        if (sequence !== next) {
          following.close();
          reject(new Shortened());
          return;
        }
        next += 1;
        const entry = decodeEntry(data);
        checker.add({ sequence, entry, hash: hashOf(data) });
        if (entry !== null) onEntry?.(entry, sequence);
        if (sequence < last) return;
        following.close();
        resolve();
      },
      stopped: (reason) => {
        reject(new ConclaveError('NO_NATS', `reading the ledger stopped: ${reason}`));
      },
    });
  });
}
