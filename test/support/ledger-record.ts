/**
 * Every entry of a fleet's ledger as the broker delivers it, also those that are purged later, and the snapshots that
 * are there now. Begin it before anything can have been purged.
 */
import type { Entry } from '../../src/domain/events.ts';
import { restore, type Restored } from '../../src/domain/snapshot.ts';
import { openNatsPorts, type NatsPorts } from '../../src/nats/ports.ts';
import type { LedgerConnection } from '../../src/ports.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { decodeTrusted } from '../../src/wire/codec.ts';
import { decodeEntry } from '../../src/wire/entry.ts';

/** Every entry from the first on, as bytes, in the order in which they come. The stream must be there. */
export async function watchLedger(
  servers: string | readonly string[],
  fleet: string,
  hear: (sequence: number, data: Uint8Array) => void,
): Promise<NatsPorts> {
  const address = { servers, role: 'test', id: 'record' };
  const ports = await openNatsPorts({ ...address, fleet, mayCreate: false, log: silentLog });
  let next = 1;
  const follow = (): void => {
    ports.ledger.follow(next, {
      entry: (sequence, data) => {
        next = sequence + 1;
        hear(sequence, data);
      },
      stopped: follow,
    });
  };
  follow();
  return ports;
}

export interface LedgerRecord {
  /** The entry of sequence n is the one at n - 1. */
  readonly entries: readonly Entry[];
  /** What was not as it must be: a gap, or something that is no entry. */
  readonly problems: readonly string[];
  /** The complete ones, oldest first. */
  snapshots(): Promise<readonly Restored[]>;
  close(): Promise<void>;
}

/** The stream must be there. */
export async function recordLedger(
  servers: string | readonly string[],
  fleet: string,
): Promise<LedgerRecord> {
  const entries: Entry[] = [];
  const problems: string[] = [];
  const ports = await watchLedger(servers, fleet, (sequence, data) => {
    const entry = decodeEntry(data);
    if (entry === null || sequence !== entries.length + 1)
      problems.push(`${sequence} after ${entries.length}`);
    else entries.push(entry);
  });
  return {
    entries,
    problems,
    snapshots: async () => {
      const connection = await new Promise<LedgerConnection>((resolve, reject) => {
        ports.ledger.connect((opened) => {
          if (opened.kind === 'opened') resolve(opened.connection);
          else reject(opened.kind === 'broken' ? opened.error : new Error(opened.reason));
        });
      });
      const found = await allIn(connection);
      connection.close();
      return found;
    },
    close: () => ports.close(),
  };
}

async function allIn(connection: LedgerConnection): Promise<readonly Restored[]> {
  const names = await new Promise<readonly string[]>((resolve, reject) => {
    connection.snapshots.listSnapshots((listed) => {
      if (listed.kind === 'snapshots') resolve(listed.snapshots.map(({ name }) => name));
      else reject(new Error(listed.reason));
    });
  });
  const found: Restored[] = [];
  for (const name of names) {
    const data = await new Promise<Uint8Array>((resolve, reject) => {
      connection.snapshots.loadSnapshot(name, (loaded) => {
        if (loaded.kind === 'snapshot') resolve(loaded.data);
        else reject(new Error(`${name}: ${loaded.kind}`));
      });
    });
    found.push(restore(decodeTrusted(data)));
  }
  return found;
}
