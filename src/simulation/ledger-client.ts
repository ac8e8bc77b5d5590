/** The Ledger port of one process: opens connections over links of their own, and follows on the bus's. */
import type { Broker } from '../domain/durability.ts';
import type { Ledger, LedgerFollower, OpenOutcome, Subscription } from '../ports.ts';
import type { SimulatedBus } from './bus.ts';
import type { Cable } from './cable.ts';
import { Follower } from './follower.ts';
import { SimulatedLedgerConnection } from './ledger-connection.ts';
import type { SimulatedLedger } from './ledger.ts';
import type { Link } from './link.ts';
import type { SimulatedProcess } from './process.ts';

export interface LedgerParts {
  readonly process: SimulatedProcess;
  readonly cable: Cable;
  readonly bus: SimulatedBus;
  readonly ledger: SimulatedLedger;
}

export class LedgerClient implements Ledger {
  readonly #parts: LedgerParts;
  readonly #open = new Set<Subscription>();
  #isClosed = false;
  #broker: Broker | null = null;

  constructor(parts: LedgerParts) {
    this.#parts = parts;
  }

  get broker(): Broker | null {
    return this.#broker;
  }

  connect(done: (outcome: OpenOutcome) => void): void {
    const { process, cable, ledger } = this.#parts;
    const { scheduler, constants } = process.laws;
    let isOver = false;
    const end = (outcome: OpenOutcome): void => {
      if (isOver) return;
      isOver = true;
      scheduler.cancel(timeout);
      process.laws.trace.record(process.hostId, `ledger connection ${outcome.kind}`);
      if (outcome.kind !== 'opened') link?.closeByClient();
      done(outcome);
    };
    const unavailable = (reason: string): void => end({ kind: 'unavailable', reason });
    const timeout = scheduler.after(constants.answerTimeoutMs, () =>
      process.run(() => unavailable('no answer in time')),
    );
    let connection: SimulatedLedgerConnection | null = null;
    const lost = (reason: string): void =>
      connection === null ? unavailable(reason) : connection.lost(reason);
    const link: Link | null = cable.open({ process, lost });
    link?.send(() => {
      const answer = ledger.open();
      link.toClient.send(() => {
        if (answer === 'unavailable') unavailable('the stream has no leader');
        else if (answer !== 'ready') end({ kind: 'broken', error: answer });
        else if (this.#isClosed) unavailable('closed');
        else if (!isOver) {
          connection = new SimulatedLedgerConnection({ process, ledger, link });
          this.#open.add(connection);
          this.#broker = ledger.broker;
          end({ kind: 'opened', connection });
        }
      });
    });
  }

  follow(from: number, reader: LedgerFollower): Subscription {
    const { process, bus, ledger } = this.#parts;
    const follower = new Follower({ process, bus, ledger, from, reader });
    this.#open.add(follower);
    return follower;
  }

  /** Closes every follower and every connection; one that is being opened ends as unavailable. */
  close(): void {
    this.#isClosed = true;
    for (const one of this.#open) one.close();
    this.#open.clear();
  }
}
