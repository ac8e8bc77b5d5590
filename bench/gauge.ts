/** How much of the ledger the broker keeps: asked of the stream's leader, on a connection for each look. */
import { openNatsPorts } from '../src/nats/ports.ts';
import { silentLog } from '../src/runtime/log.ts';

export interface LedgerSize {
  readonly first: number;
  readonly last: number;
  readonly entries: number;
  readonly bytes: number;
}

export interface LedgerGauge {
  read(): Promise<LedgerSize>;
  close(): Promise<void>;
}

export async function openLedgerGauge(
  servers: string | readonly string[],
  fleet: string,
): Promise<LedgerGauge> {
  const address = { servers, role: 'bench', id: 'gauge' };
  const ports = await openNatsPorts({ ...address, fleet, mayCreate: false, log: silentLog });
  return {
    read: () =>
      new Promise((resolve, reject) => {
        ports.ledger.connect((opened) => {
          if (opened.kind !== 'opened') {
            reject(opened.kind === 'broken' ? opened.error : new Error(opened.reason));
            return;
          }
          opened.connection.readBounds((bounds) => {
            opened.connection.close();
            if (bounds.kind === 'unavailable') reject(new Error(bounds.reason));
            else resolve({ ...bounds, entries: bounds.last - bounds.first + 1 });
          });
        });
      }),
    close: () => ports.close(),
  };
}
