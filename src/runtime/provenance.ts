/**
 * Whether the ledger is all that it once was: the snapshots beside it outlive it, and are witnesses. One that is beyond
 * the ledger's end was taken of entries that are no more. Asked once by a process that starts, before it may stand.
 *
 * It never removes a snapshot: that is for whoever knows what happened. A broker that fails over may hide the newest
 * entries for a while, so what is found has to last; and a store that says nothing for as long holds nobody up.
 */
import { ConclaveError } from '../domain/errors.ts';
import { found, type Streak } from '../domain/streak.ts';
import type { Clock, LedgerConnection, StoredSnapshot } from '../ports.ts';
import { decodeEntry } from '../wire/entry.ts';
import type { Subjects } from '../wire/subjects.ts';
import type { Log } from './log.ts';
import { restoredFrom } from './snapshot-loader.ts';

export interface ProvenanceOptions {
  readonly clock: Clock;
  readonly subjects: Subjects;
  readonly log: Log;
  /** Longer than a fail-over of the broker's. */
  readonly patienceMs: number;
  readonly onBroken: (error: ConclaveError) => void;
}

type Done = (isClear: boolean) => void;

/** A look at the ledger and at those of its snapshots that are beyond its end, newest first. */
interface Look {
  readonly connection: LedgerConnection;
  readonly last: number;
  readonly done: Done;
}

export class Provenance {
  readonly #options: ProvenanceOptions;
  #isClear = false;
  #lost: Streak | null = null;
  #unknown: Streak | null = null;

  constructor(options: ProvenanceOptions) {
    this.#options = options;
  }

  /** `isClear`: nothing speaks against the ledger, now or earlier. If not, look again later. */
  look(connection: LedgerConnection, done: Done): void {
    if (this.#isClear) {
      done(true);
      return;
    }
    // First the snapshots: what is taken meanwhile is of entries that are there.
    connection.snapshots.listSnapshots((listed) => {
      if (listed.kind === 'unavailable') {
        this.#unavailable(listed.reason, done);
        return;
      }
      connection.readBounds((bounds) => {
        if (bounds.kind === 'unavailable') {
          done(false);
          return;
        }
        const { last } = bounds;
        const beyond = listed.snapshots.filter(({ sequence }) => sequence > last).reverse();
        this.#hear({ connection, last, done }, beyond);
      });
    });
  }

  #hear(look: Look, [next, ...others]: readonly StoredSnapshot[]): void {
    const { connection, done } = look;
    if (next === undefined) {
      this.#isClear = true;
      done(true);
      return;
    }
    connection.snapshots.loadSnapshot(next.name, (loaded) => {
      if (loaded.kind === 'unavailable') {
        this.#unavailable(loaded.reason, done);
        return;
      }
      // One that cannot be read proves nothing.
      const restored = loaded.kind === 'snapshot' ? restoredFrom(loaded.data, next, this.#options.log) : null;
      if (restored === null) this.#hear(look, others);
      else if (look.last === 0) this.#isLost(next, look);
      else this.#compare(look, { snapshot: next, genesis: restored.state.genesis, others });
    });
  }

  /** Of this ledger, or of one that it replaced: then there is nothing to go back to, and somebody has to look. */
  #compare(
    look: Look,
    of: {
      readonly snapshot: StoredSnapshot;
      readonly genesis: string;
      readonly others: readonly StoredSnapshot[];
    },
  ): void {
    const { snapshot, genesis, others } = of;
    look.connection.readSlot(look.last, (slot) => {
      if (slot.kind === 'unavailable') look.done(false);
      // Nothing where the ledger says that it ends: its end is lost, too, or hidden for a while.
      else if (slot.kind !== 'entry' || decodeEntry(slot.data)?.genesis === genesis)
        this.#isLost(snapshot, look);
      else {
        this.#options.log.error(
          { snapshot: snapshot.name, genesis },
          'a snapshot of another ledger lies beside this one: was the ledger replaced?',
        );
        this.#hear(look, others);
      }
    });
  }

  #isLost(snapshot: StoredSnapshot, { last, done }: Look): void {
    const { clock, log, patienceMs, onBroken } = this.#options;
    const now = clock.now();
    this.#lost = found(this.#lost, { now, gapMsMax: patienceMs });
    if (this.#lost.since === now)
      log.error({ last, snapshot: snapshot.name }, 'a snapshot is beyond the end of the ledger: waiting');
    if (now - this.#lost.since < patienceMs) done(false);
    else onBroken(new ConclaveError('LEDGER_BROKEN', this.#adviceOn(snapshot, last)));
  }

  #adviceOn({ name, sequence }: StoredSnapshot, last: number): string {
    const { stream, snapshotStream, snapshot } = this.#options.subjects;
    const restore = `look at ${stream} and ${snapshotStream}, and restore ${stream} from a backup`;
    if (last === 0)
      return `the ledger is empty, and a snapshot of its entry ${sequence} is there: the stream was deleted or recreated; ${restore}, or, to start over without what was in it, delete the snapshots as well: \`nats stream rm ${snapshotStream}\``;
    return `the ledger ends at entry ${last}, and a snapshot of its entry ${sequence} is there: the stream was put back to an older copy, or has lost its end; ${restore}, or, to go on without what is gone, remove that snapshot: \`nats stream purge ${snapshotStream} --subject '${snapshot(name)}'\``;
  }

  #unavailable(reason: string, done: Done): void {
    const { clock, log, patienceMs } = this.#options;
    const now = clock.now();
    this.#unknown = found(this.#unknown, { now, gapMsMax: patienceMs });
    if (now - this.#unknown.since >= patienceMs) {
      log.warn({ reason }, 'the snapshots cannot be read: going on without asking them about the ledger');
      this.#isClear = true;
    }
    done(this.#isClear);
  }
}
