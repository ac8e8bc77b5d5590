/**
 * Finds the newest snapshot that is whole, of a known version and of this ledger: one that was made anew may have
 * those of its predecessor beside it. Owns the connection that it is read over.
 */
import { restore, type Restored } from '../domain/snapshot.ts';
import type { Ledger, LedgerConnection, StoredSnapshot } from '../ports.ts';
import { decodeTrusted } from '../wire/codec.ts';
import type { Log } from './log.ts';

export type Loaded =
  | { readonly kind: 'restored'; readonly restored: Restored }
  /** All were looked at: none can be used. */
  | { readonly kind: 'none' }
  /** Not to be known now. */
  | { readonly kind: 'unavailable'; readonly reason: string };

interface Wanted {
  readonly genesis: string;
  readonly log: Log;
}

/** `done` is called once. */
export function loadNewest(
  wanted: Wanted & { readonly ledger: Ledger },
  done: (loaded: Loaded) => void,
): void {
  wanted.ledger.connect((outcome) => {
    if (outcome.kind !== 'opened') {
      const reason = outcome.kind === 'broken' ? outcome.error.message : outcome.reason;
      done({ kind: 'unavailable', reason });
      return;
    }
    const { connection } = outcome;
    const end = (loaded: Loaded): void => {
      connection.close();
      done(loaded);
    };
    connection.snapshots.listSnapshots((listed) => {
      if (listed.kind === 'unavailable') end(listed);
      else firstUsable(connection, [...listed.snapshots].reverse(), wanted, end);
    });
  });
}

/** In this order. */
function firstUsable(
  connection: LedgerConnection,
  [next, ...others]: readonly StoredSnapshot[],
  wanted: Wanted,
  done: (loaded: Loaded) => void,
): void {
  if (next === undefined) {
    done({ kind: 'none' });
    return;
  }
  connection.snapshots.loadSnapshot(next.name, (loaded) => {
    if (loaded.kind === 'unavailable') {
      done(loaded);
      return;
    }
    const restored = loaded.kind === 'snapshot' ? restoredFrom(loaded.data, next, wanted.log) : null;
    if (restored?.state.genesis === wanted.genesis) done({ kind: 'restored', restored });
    else firstUsable(connection, others, wanted, done);
  });
}

/** Null: it is not what its name says, or of a version that is not known here. */
export function restoredFrom(
  data: Uint8Array,
  { name, sequence }: Pick<StoredSnapshot, 'name' | 'sequence'>,
  log: Log,
): Restored | null {
  try {
    const restored = restore(decodeTrusted(data));
    if (restored.state.sequence === sequence) return restored;
    log.warn(
      { name, sequence: restored.state.sequence },
      'a snapshot is of another entry than its name says',
    );
  } catch (error) {
    log.warn({ name, err: error }, 'a snapshot cannot be used');
  }
  return null;
}
