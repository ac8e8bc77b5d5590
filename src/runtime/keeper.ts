/**
 * Keeps the ledger short: DESIGN §3, rule 7. When enough was written since the last snapshot, one process of the
 * fleet saves its state, reads it back, and has the ledger purged up to the older of the two newest snapshots.
 *
 * Whose turn it is needs no agreement, since two snapshots do no harm: each waits a little longer than those before
 * it by id, the leader longest. A snapshot is of a state that stands between two entries, all of them in the ledger.
 *
 * I13  Nothing is purged that the two newest snapshots, both read back and restored, do not cover.
 */
import { snapshotOf } from '../domain/snapshot.ts';
import type { AgentId } from '../domain/ids.ts';
import type { Settings } from '../domain/settings.ts';
import type { Clock, Ledger, LedgerConnection, StoredSnapshot, TimerHandle } from '../ports.ts';
import { encode } from '../wire/codec.ts';
import type { Log } from './log.ts';
import type { Replica } from './replica.ts';
import type { Roster } from './roster.ts';
import { restoredFrom } from './snapshot-loader.ts';

export interface KeeperOptions {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly settings: Pick<
    Settings,
    'heartbeatIntervalMs' | 'ledgerFullShare' | 'snapshotBytes' | 'snapshotEntries' | 'snapshotLookMs'
  >;
  readonly replica: Replica;
  readonly roster: Roster;
  readonly id: AgentId;
  readonly log: Log;
  /** The state holds nothing that is not in the ledger, and all that was in it when this process began. */
  readonly isSettled: () => boolean;
  /** Runs when the state is likely to be settled; perhaps never. */
  readonly settle: (run: () => void) => void;
  readonly isLeader: () => boolean;
  /** Nobody leads, as far as is known. */
  readonly isVacant: () => boolean;
}

/** Nobody leads for so many looks: perhaps because the ledger is full. */
const VACANT_LOOKS = 3;
/** Each waits for so much more than the one before it. */
const TURN_SHARE = 0.25;
/** For whatever is under way to be stored. */
const SETTLE_MS = 5_000;
const KEPT = 2;

export class Keeper {
  readonly #options: KeeperOptions;
  #timer: TimerHandle | null = null;
  #connection: LedgerConnection | null = null;
  #isBusy = false;
  #isUrged = false;
  #vacantLooks = 0;
  #isClosed = false;
  /** Of the newest snapshot that is known of. */
  #sequence = 0;
  /** What the replica had read then. */
  #bytes = 0;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      this.start();
    }, this.#options.settings.snapshotLookMs);
    this.look();
  }

  /** The ledger is nearly full: as soon as it can be, whoever's turn it is. */
  urge(): void {
    this.#isUrged = true;
    this.look();
  }

  /** Begins, if it is time. */
  look(): void {
    const { isVacant } = this.#options;
    this.#vacantLooks = isVacant() ? this.#vacantLooks + 1 : 0;
    const isStuck = this.#vacantLooks >= VACANT_LOOKS;
    if (this.#isBusy || this.#isClosed) return;
    if (!this.#isUrged && !isStuck && !this.#isDue()) return;
    this.#isBusy = true;
    this.#options.ledger.connect((outcome) => {
      if (outcome.kind !== 'opened') {
        this.#isBusy = false;
        return;
      }
      this.#connection = outcome.connection;
      if (this.#isClosed) this.#end();
      else if (isStuck) this.#judge(outcome.connection);
      else this.#list(outcome.connection);
    });
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) this.#options.clock.clearTimeout(this.#timer);
    this.#connection?.close();
  }

  #isDue(): boolean {
    const { replica, settings } = this.#options;
    const patience = 1 + TURN_SHARE * this.#turn();
    const entries = replica.committedSequence - this.#sequence;
    const bytes = replica.bytes - this.#bytes;
    return entries >= settings.snapshotEntries * patience || bytes >= settings.snapshotBytes * patience;
  }

  /** How many come before this one. */
  #turn(): number {
    const { roster, settings, id, isLeader, replica } = this.#options;
    const leader = replica.state.leader?.id;
    const others = roster
      .candidates(2 * settings.heartbeatIntervalMs)
      .filter((each) => each.id !== id && each.id !== leader);
    return isLeader() ? others.length : others.filter((each) => each.id < id).length;
  }

  /** Nobody leads: if it is because nothing fits into the ledger any more, whoever can makes room. */
  #judge(connection: LedgerConnection): void {
    connection.readBounds((bounds) => {
      const { ledgerFullShare } = this.#options.settings;
      if (bounds.kind === 'bounds' && bounds.bytes > ledgerFullShare * bounds.bytesMax) {
        this.#isUrged = true;
        this.#list(connection);
      } else this.#end();
    });
  }

  /** Somebody else may have taken one since. */
  #list(connection: LedgerConnection): void {
    connection.listSnapshots((listed) => {
      if (listed.kind === 'unavailable') {
        this.#end(listed.reason);
        return;
      }
      const newest = listed.snapshots.at(-1);
      if (newest !== undefined && newest.sequence > this.#sequence) {
        this.#note(newest.sequence);
        if (!this.#isUrged && !this.#isDue()) {
          this.#end();
          return;
        }
      }
      this.#take(connection);
    });
  }

  #take(connection: LedgerConnection): void {
    const { clock, replica, isSettled, settle } = this.#options;
    let isOver = false;
    const giveUp = clock.setTimeout(() => {
      isOver = true;
      this.#end('the state did not settle');
    }, SETTLE_MS);
    settle(() => {
      if (isOver) return;
      clock.clearTimeout(giveUp);
      if (!isSettled() || this.#isClosed) {
        this.#end();
        return;
      }
      const { state, lastHash } = replica;
      const data = encode(snapshotOf(state, { lastHash }), 'msgpack');
      this.#save(connection, { sequence: state.sequence, data });
    });
  }

  #save(
    connection: LedgerConnection,
    { sequence, data }: { readonly sequence: number; readonly data: Uint8Array },
  ): void {
    connection.saveSnapshot({ sequence, data }, (saved) => {
      if (saved.kind !== 'saved') {
        this.#end(saved.kind === 'tooLarge' ? `it has ${data.length} bytes` : saved.reason);
        return;
      }
      this.#options.log.info({ sequence, bytes: data.length }, 'snapshot saved');
      this.#note(sequence);
      this.#tidy(connection);
    });
  }

  /** Reads back the two newest; what is older, and what they cover, goes. */
  #tidy(connection: LedgerConnection): void {
    connection.listSnapshots((listed) => {
      if (listed.kind === 'unavailable') {
        this.#end(listed.reason);
        return;
      }
      const kept = listed.snapshots.slice(-KEPT);
      const [older] = kept;
      if (older === undefined || kept.length < KEPT) {
        // A ledger that is nearly full cannot wait for the next one.
        if (this.#isUrged && older !== undefined) this.#take(connection);
        else this.#end();
        return;
      }
      this.#readBack(connection, kept, (isGood) => {
        if (!isGood) this.#end('a snapshot could not be read back');
        else {
          this.#drop(connection, listed.snapshots.slice(0, -KEPT), () => {
            this.#purge(connection, older.sequence);
          });
        }
      });
    });
  }

  /**
   * One that is corrupt, or of a ledger that is no more, is removed: the next look makes another. One of a version
   * that is not known here is somebody else's: it stays.
   */
  #readBack(
    connection: LedgerConnection,
    [next, ...others]: readonly StoredSnapshot[],
    done: (isGood: boolean) => void,
  ): void {
    if (next === undefined) {
      done(true);
      return;
    }
    connection.loadSnapshot(next.name, (loaded) => {
      const { log, replica } = this.#options;
      const restored = loaded.kind === 'snapshot' ? restoredFrom(loaded.data, next, log) : null;
      const isKnown = restored !== null || loaded.kind === 'corrupt';
      if (restored?.state.genesis === replica.state.genesis) this.#readBack(connection, others, done);
      else if (!isKnown) done(false);
      else {
        this.#drop(connection, [next], () => {
          done(false);
        });
      }
    });
  }

  #drop(connection: LedgerConnection, [next, ...others]: readonly StoredSnapshot[], done: () => void): void {
    if (next === undefined) done();
    else {
      connection.dropSnapshot(next.name, () => {
        this.#drop(connection, others, done);
      });
    }
  }

  /** Never the last entry: a follower has to find where the ledger goes on. */
  #purge(connection: LedgerConnection, upTo: number): void {
    connection.readBounds((bounds) => {
      if (bounds.kind === 'unavailable') {
        this.#end(bounds.reason);
        return;
      }
      const last = Math.min(upTo, bounds.last - 1);
      if (last < bounds.first) {
        this.#isUrged = false;
        this.#end();
        return;
      }
      connection.purge(last, (purged) => {
        if (purged.kind === 'purged') {
          this.#isUrged = false;
          this.#options.log.info({ first: purged.first }, 'ledger purged');
          this.#end();
        } else this.#end(purged.kind === 'refused' ? 'it would have emptied the ledger' : purged.reason);
      });
    });
  }

  #note(sequence: number): void {
    this.#sequence = sequence;
    this.#bytes = this.#options.replica.bytes;
  }

  /** Over, for now. `reason`: it did not work, and is tried again at the next look. */
  #end(reason?: string): void {
    if (reason !== undefined && !this.#isClosed) {
      this.#options.log.warn({ reason }, 'the ledger could not be shortened');
    }
    this.#connection?.close();
    this.#connection = null;
    this.#isBusy = false;
  }
}
