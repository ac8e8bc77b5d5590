/**
 * A fleet's ledger as those read it who look back: its ends, its snapshots, its entries up to one. It never writes,
 * creates nothing, and appends nowhere.
 */
import { ConclaveError } from '../domain/errors.ts';
import type { Entry } from '../domain/events.ts';
import type { Restored } from '../domain/snapshot.ts';
import { openNatsPorts } from '../nats/ports.ts';
import { realRandom } from '../nats/random.ts';
import type { Ledger, LedgerConnection, StoredSnapshot } from '../ports.ts';
import type { Log } from '../runtime/log.ts';
import { restoredFrom } from '../runtime/snapshot-loader.ts';
import { decodeEntry, hashOf } from '../wire/entry.ts';
import { addressOf } from './connect.ts';
import { defaultLog } from './log.ts';
import { checkConnect, checkLedgerWay, type ConnectOptions } from './options.ts';

/** The ledger was shortened while it was read. */
export class Shortened extends Error {}

/** An entry as it was read; `hash` is of its bytes. */
export interface ArchiveRecord {
  readonly sequence: number;
  /** Null: the bytes are not an entry of a known version. */
  readonly entry: Entry | null;
  readonly hash: string;
}

export interface Range {
  readonly from: number;
  readonly last: number;
}

export interface Archive {
  bounds(): Promise<{ readonly first: number; readonly last: number }>;
  /** All that are complete, whatever ledger they are of; by sequence. */
  snapshots(): Promise<readonly StoredSnapshot[]>;
  /** Those that the ledger, beginning at `first`, goes on from, and of that ledger; by sequence. */
  usableSnapshots(first: number): AsyncIterable<Restored>;
  /** Each entry in order; ends behind `last`, or when the reader has enough. Throws `Shortened`. */
  read(range: Range, take: (record: ArchiveRecord) => 'more' | 'enough'): Promise<void>;
}

/** Null, handed to `use`: there is no ledger, since nobody has led this fleet. */
export async function withArchive<T>(
  options: Omit<ConnectOptions, 'settings'>,
  use: (archive: Archive | null) => Promise<T>,
): Promise<T> {
  checkConnect(options);
  checkLedgerWay(options);
  const log = options.log ?? defaultLog('archive');
  const ports = await openNatsPorts({
    ...addressOf(options, { role: 'archive', id: realRandom.id(), log }),
    mayCreate: false,
  });
  try {
    const connection = await connect(ports.ledger);
    if (connection === null) return await use(null);
    try {
      return await use(archiveOf({ ledger: ports.ledger, connection, log }));
    } finally {
      connection.close();
    }
  } finally {
    await ports.close();
  }
}

/** Each needs a purge at the very moment. */
const TRIES_MAX = 5;

/** Begins again when the ledger is shortened meanwhile. */
export async function unshortened<T>(attempt: () => Promise<T>, tries = 1): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof Shortened)) throw error;
    if (tries < TRIES_MAX) return unshortened(attempt, tries + 1);
    throw new ConclaveError(
      'TIMEOUT',
      'the ledger was shortened again and again while it was read; try again',
      {
        cause: error,
      },
    );
  }
}

interface Sources {
  readonly ledger: Ledger;
  readonly connection: LedgerConnection;
  readonly log: Log;
}

function archiveOf(sources: Sources): Archive {
  return {
    bounds: () => boundsOf(sources.connection),
    snapshots: () => snapshotsOf(sources.connection),
    usableSnapshots: (first) => usableSnapshots(sources, first),
    read: (range, take) => readRange(sources.ledger, range, take),
  };
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

async function* usableSnapshots({ connection, log }: Sources, first: number): AsyncIterable<Restored> {
  const genesis = await genesisAt(connection, first);
  for (const stored of await snapshotsOf(connection)) {
    if (stored.sequence + 1 < first) continue;
    const restored = await restoredOf(connection, stored, log);
    if (restored?.state.genesis === genesis) yield restored;
  }
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
    connection.snapshots.listSnapshots((listed) => {
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
    connection.snapshots.loadSnapshot(stored.name, (loaded) => {
      resolve(loaded.kind === 'snapshot' ? restoredFrom(loaded.data, stored, log) : null);
    });
  });
}

function readRange(
  ledger: Ledger,
  { from, last }: Range,
  take: (record: ArchiveRecord) => 'more' | 'enough',
): Promise<void> {
  // An empty ledger ends at 0.
  if (last < Math.max(1, from)) return Promise.resolve();
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
        const wish = take({ sequence, entry: decodeEntry(data), hash: hashOf(data) });
        if (sequence < last && wish === 'more') return;
        following.close();
        resolve();
      },
      stopped: (reason) => {
        reject(new ConclaveError('NO_NATS', `reading the ledger stopped: ${reason}`));
      },
    });
  });
}
