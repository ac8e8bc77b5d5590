/**
 * Finds the newest snapshot that is whole, of a known version and of this ledger: one that was made anew may have
 * those of its predecessor beside it. Owns the connection that it is read over.
 */
import { restore, type Restored } from '../domain/snapshot.ts';
import type { Ledger, LedgerConnection, StoredSnapshot } from '../ports.ts';
import { decodeTrusted } from '../wire/codec.ts';
import type { Log } from './log.ts';

/** `done` is called once: with null when there is none, or none could be had now. */
export function loadNewest(
  of: { readonly ledger: Ledger; readonly genesis: string; readonly log: Log },
  done: (restored: Restored | null) => void,
): void {
  of.ledger.connect((outcome) => {
    if (outcome.kind !== 'opened') {
      done(null);
      return;
    }
    const { connection } = outcome;
    const end = (restored: Restored | null): void => {
      connection.close();
      done(restored);
    };
    connection.listSnapshots((listed) => {
      if (listed.kind === 'snapshots') firstUsable(connection, [...listed.snapshots].reverse(), of, end);
      else end(null);
    });
  });
}

/** In this order. */
function firstUsable(
  connection: LedgerConnection,
  [next, ...others]: readonly StoredSnapshot[],
  of: { readonly genesis: string; readonly log: Log },
  done: (restored: Restored | null) => void,
): void {
  if (next === undefined) {
    done(null);
    return;
  }
  connection.loadSnapshot(next.name, (loaded) => {
    const restored = loaded.kind === 'snapshot' ? restoredFrom(loaded.data, next, of.log) : null;
    if (restored?.state.genesis === of.genesis) done(restored);
    else firstUsable(connection, others, of, done);
  });
}

/** Null: it is not what its name says, or of a version that is not known here. */
export function restoredFrom(
  data: Uint8Array,
  { name, sequence }: StoredSnapshot,
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
    log.warn({ name, error }, 'a snapshot cannot be used');
  }
  return null;
}
