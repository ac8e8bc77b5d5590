/** Reads a fleet's whole ledger from NATS and checks it. */
import { charts } from '../../actors/table.ts';
import { ConclaveError } from '../domain/errors.ts';
import type { Entry } from '../domain/events.ts';
import { HistoryChecker, type HistoryReport } from '../domain/history.ts';
import { openNatsPorts } from '../nats/ports.ts';
import { realRandom } from '../nats/random.ts';
import type { Ledger, LedgerConnection } from '../ports.ts';
import { decodeEntry, hashOf } from '../wire/entry.ts';
import { addressOf } from './connect.ts';
import { defaultLog } from './log.ts';
import { checkConnect, type ConnectOptions } from './options.ts';

export interface VerifyOptions extends ConnectOptions {
  /** Each entry as it is read, in order. */
  readonly onEntry?: (entry: Entry, sequence: number) => void;
}

/** Checks what the ledger holds now, from its first entry to its last. Throws `NO_NATS` when it cannot be read. */
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
    const last = await lastOf(connection);
    connection.close();
    const checker = new HistoryChecker(charts);
    if (last > 0) await readUpTo(ports.ledger, last, checker, options.onEntry);
    return checker.report();
  } finally {
    await ports.close();
  }
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

function lastOf(connection: LedgerConnection): Promise<number> {
  return new Promise((resolve, reject) => {
    connection.readBounds((outcome) => {
      if (outcome.kind === 'bounds') resolve(outcome.last);
      else reject(new ConclaveError('NO_NATS', `the ledger cannot be read: ${outcome.reason}`));
    });
  });
}

function readUpTo(
  ledger: Ledger,
  last: number,
  checker: HistoryChecker,
  onEntry: VerifyOptions['onEntry'],
): Promise<void> {
  return new Promise((resolve, reject) => {
    const following = ledger.follow(1, {
      entry: (sequence, data) => {
        if (sequence > last) return;
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
