/**
 * Keeps the ledger short: DESIGN §3, rule 7. When enough was written since the last snapshot, one process of the
 * fleet saves its state, reads it back, and has the ledger purged up to the older of the two newest snapshots.
 *
 * Whose turn it is needs no agreement, since two snapshots do no harm: each waits a little longer than those before
 * it by id, the leader longest. A snapshot is of a state that stands between two entries, all of them in the ledger.
 *
 * I13  Nothing is purged that two snapshots do not cover, each read back from the store by this process, also its own,
 *      and of which the older one is proven to be of this very stream. Nothing good is dropped unless two good ones
 *      stand before it, by entry and name: so the newest two are always there, whatever several processes drop at once.
 */
import { snapshotOf, type Restored } from '../domain/snapshot.ts';
import type { AgentId } from '../domain/ids.ts';
import type { Settings } from '../domain/settings.ts';
import type { Clock, Ledger, LedgerConnection, StoredSnapshot, TimerHandle } from '../ports.ts';
import { encode } from '../wire/codec.ts';
import { decodeEntry, hashOf } from '../wire/entry.ts';
import type { Log } from './log.ts';
import type { Replica } from './replica.ts';
import type { Roster } from './roster.ts';
import { restoredFrom } from './snapshot-loader.ts';

export interface KeeperOptions {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly settings: Pick<
    Settings,
    'ledgerFullShare' | 'snapshotBytes' | 'snapshotEntries' | 'snapshotLookMs'
  >;
  readonly replica: Pick<Replica, 'state' | 'lastHash' | 'committedSequence' | 'bytes'>;
  readonly roster: Pick<Roster, 'candidates'>;
  readonly id: AgentId;
  readonly log: Log;
  /** The state holds nothing that is not in the ledger, and all that was in it when this process began. */
  readonly isSettled: () => boolean;
  /** Runs when the state is likely to be settled; perhaps never. */
  readonly settle: (run: () => void) => void;
  readonly isLeader: () => boolean;
  /** The replica is kept up to date. */
  readonly isFollowing: () => boolean;
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
/** After a failure it waits twice as long as after the one before. */
const PAUSE_MS_MAX = 300_000;

/** A place in a ledger: an entry, and what the next one must name as previous. */
interface Point {
  readonly genesis: string;
  readonly sequence: number;
  readonly lastHash: string;
}

/** Newest first. */
interface Found {
  readonly kept: Point[];
  /** Another one of the newest entry, which stays and is not counted. */
  hasTwin: boolean;
  readonly useless: StoredSnapshot[];
}

export class Keeper {
  readonly #options: KeeperOptions;
  #timer: TimerHandle | null = null;
  #connection: LedgerConnection | null = null;
  #isBusy = false;
  #isUrged = false;
  #vacantLooks = 0;
  #failures = 0;
  #notBefore = 0;
  /** By name: what this process has read back. */
  readonly #good = new Map<string, Point>();
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
    const { isVacant, isFollowing } = this.#options;
    if (!isFollowing()) return;
    this.#vacantLooks = isVacant() ? this.#vacantLooks + 1 : 0;
    const isStuck = this.#vacantLooks >= VACANT_LOOKS;
    if (this.#isBusy || this.#isClosed || this.#options.clock.now() < this.#notBefore) return;
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
    const { roster, id, isLeader, replica } = this.#options;
    const leader = replica.state.leader?.id;
    const others = roster.candidates().filter((each) => each.id !== id && each.id !== leader);
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
    connection.snapshots.listSnapshots((listed) => {
      if (listed.kind === 'unavailable') {
        this.#end(listed.reason);
        return;
      }
      // One that is far ahead is of another ledger, which this one replaced.
      const { replica, settings } = this.#options;
      const aheadMax = replica.committedSequence + settings.snapshotEntries;
      const newest = listed.snapshots.findLast(
        ({ name, sequence }) => sequence <= aheadMax && !this.#isForeign(name, replica.state.genesis),
      );
      if (newest !== undefined && newest.sequence > this.#sequence) this.#note(newest.sequence);
      if (this.#isUrged || this.#isDue()) this.#take(connection, 1);
      else this.#end();
    });
  }

  /** `times`: so many have been taken in this pass, with this one. */
  #take(connection: LedgerConnection, times: number): void {
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
      try {
        const data = encode(snapshotOf(replica.state, replica), 'msgpack');
        this.#save(connection, { point: pointOf(replica), data, times });
      } catch (error) {
        this.#end(`the state could not be written: ${String(error)}`);
      }
    });
  }

  #save(
    connection: LedgerConnection,
    { point, data, times }: { readonly point: Point; readonly data: Uint8Array; readonly times: number },
  ): void {
    const { genesis, sequence } = point;
    this.#prove(connection, point, () => {
      connection.snapshots.saveSnapshot({ sequence, data }, (saved) => {
        if (saved.kind !== 'saved') {
          this.#end(saved.kind === 'tooLarge' ? `it has ${data.length} bytes` : saved.reason);
          return;
        }
        this.#readBack(connection, { stored: { name: saved.name, sequence }, data }, () => {
          this.#options.log.info({ sequence, bytes: data.length }, 'snapshot saved');
          this.#note(sequence);
          this.#good.set(saved.name, point);
          this.#tidy(connection, genesis, times);
        });
      });
    });
  }

  /** Goes on if the store gives back what it was given, and that can be restored. If not, it is dropped. */
  #readBack(
    connection: LedgerConnection,
    of: { readonly stored: Pick<StoredSnapshot, 'name' | 'sequence'>; readonly data: Uint8Array },
    run: () => void,
  ): void {
    const { stored, data } = of;
    const { name } = stored;
    connection.snapshots.loadSnapshot(name, (loaded) => {
      if (loaded.kind === 'unavailable') this.#end(loaded.reason);
      // A former leader of the stream may not know it yet: it stays, and is judged in the next pass.
      else if (loaded.kind === 'missing') this.#end(`snapshot ${name} was saved, and is not found`);
      else if (loaded.kind === 'snapshot' && isSame(loaded.data, data) && this.#restores(data, stored)) run();
      else {
        const why = loaded.kind === 'corrupt' ? `: ${loaded.reason}` : '';
        connection.snapshots.dropSnapshot(name, () => {
          this.#end(`snapshot ${name} did not come back as it was saved${why}`);
        });
      }
    });
  }

  #restores(data: Uint8Array, stored: Pick<StoredSnapshot, 'name' | 'sequence'>): boolean {
    return restoredFrom(data, stored, this.#options.log) !== null;
  }

  /**
   * Goes on if this point is one of the stream's own: its last entry, or the one before an entry that names it. A
   * stream that was made anew or written anew behind our back is not ours to shorten.
   */
  #prove(
    connection: LedgerConnection,
    { genesis, sequence, lastHash }: Point,
    run: (bounds: { readonly first: number; readonly last: number }) => void,
  ): void {
    connection.readBounds((bounds) => {
      if (bounds.kind === 'unavailable') {
        this.#end(bounds.reason);
        return;
      }
      if (sequence > bounds.last) {
        this.#end(`the ledger ends at ${bounds.last}, before ${sequence}: it is another one`);
        return;
      }
      const isLast = sequence === bounds.last;
      connection.readSlot(isLast ? sequence : sequence + 1, (slot) => {
        if (slot.kind !== 'entry') {
          // Purged by somebody else meanwhile, or not to be read now.
          this.#end();
          return;
        }
        const entry = decodeEntry(slot.data);
        const isOurs =
          entry?.genesis === genesis && (isLast ? hashOf(slot.data) : entry.previous) === lastHash;
        if (isOurs) run(bounds);
        else this.#end(`entry ${sequence} of the ledger is not the one that was read: it is another ledger`);
      });
    });
  }

  /** Finds the two newest that are good; what is older, and what they cover, goes. */
  #tidy(connection: LedgerConnection, genesis: string, times: number): void {
    connection.snapshots.listSnapshots((listed) => {
      if (listed.kind === 'unavailable') {
        this.#end(listed.reason);
        return;
      }
      const names = new Set(listed.snapshots.map(({ name }) => name));
      for (const name of this.#good.keys()) if (!names.has(name)) this.#good.delete(name);
      const found: Found = { kept: [], hasTwin: false, useless: [] };
      this.#sort(connection, { genesis, rest: listed.snapshots.toReversed(), found }, () => {
        const older = found.kept[KEPT - 1];
        this.#drop(connection, found.useless, () => {
          if (older !== undefined) this.#purge(connection, older);
          // A ledger that is nearly full cannot wait for the next one.
          else if (this.#isUrged && times < KEPT) this.#take(connection, times + 1);
          else this.#end();
        });
      });
    });
  }

  /**
   * From the newest on. One that is corrupt is useless; so is what stands behind two good ones. One of a version that is
   * not known here is somebody else's until then: it stays. One of another ledger stays for good: it may be all that is
   * left of it, and proves that there was one.
   */
  #sort(
    connection: LedgerConnection,
    of: { readonly genesis: string; readonly rest: readonly StoredSnapshot[]; readonly found: Found },
    done: () => void,
  ): void {
    const { genesis, found } = of;
    const [next, ...rest] = of.rest;
    const goOn = (): void => {
      this.#sort(connection, { genesis, rest, found }, done);
    };
    if (next === undefined) done();
    else {
      this.#judgeOne(connection, next, genesis, (point) => {
        // Two of one entry are one, unless there is no time for another; the second stays, as who has no time counts on it.
        const isTwin =
          typeof point === 'object' && !this.#isUrged && found.kept.at(-1)?.sequence === point.sequence;
        const isSpare = found.kept.length === KEPT || (isTwin && found.hasTwin);
        if (point === 'useless' || (isSpare && point !== 'foreign')) found.useless.push(next);
        else if (isTwin) found.hasTwin = true;
        else if (typeof point === 'object') found.kept.push(point);
        goOn();
      });
    }
  }

  /** Reads it back once; what this process has read before is not read again. */
  #judgeOne(
    connection: LedgerConnection,
    stored: StoredSnapshot,
    genesis: string,
    done: (point: Point | 'useless' | 'unknown' | 'foreign') => void,
  ): void {
    const judged = (point: Point): Point | 'foreign' => (point.genesis === genesis ? point : 'foreign');
    const known = this.#good.get(stored.name);
    if (known !== undefined) {
      done(judged(known));
      return;
    }
    connection.snapshots.loadSnapshot(stored.name, (loaded) => {
      if (loaded.kind === 'unavailable') this.#end(loaded.reason);
      else if (loaded.kind !== 'snapshot') done(loaded.kind === 'corrupt' ? 'useless' : 'unknown');
      else {
        const restored = restoredFrom(loaded.data, stored, this.#options.log);
        if (restored === null) done('unknown');
        else {
          const point = pointOf(restored);
          this.#good.set(stored.name, point);
          if (point.genesis !== genesis)
            this.#options.log.error(
              { snapshot: stored.name, genesis: point.genesis },
              'a snapshot of another ledger lies beside this one, and stays: was the ledger replaced?',
            );
          done(judged(point));
        }
      }
    });
  }

  #drop(connection: LedgerConnection, [next, ...others]: readonly StoredSnapshot[], done: () => void): void {
    if (next === undefined) done();
    else {
      connection.snapshots.dropSnapshot(next.name, () => {
        this.#drop(connection, others, done);
      });
    }
  }

  /** Never the last entry: a follower has to find where the ledger goes on. */
  #purge(connection: LedgerConnection, older: Point): void {
    this.#prove(connection, older, ({ first, last }) => {
      const upTo = Math.min(older.sequence, last - 1);
      if (upTo < first) {
        this.#isUrged = false;
        this.#end();
        return;
      }
      connection.purge(upTo, (purged) => {
        if (purged.kind === 'purged') {
          this.#isUrged = false;
          this.#options.log.info({ first: purged.first }, 'ledger purged');
          this.#end();
        } else this.#end(purged.kind === 'refused' ? 'it would have emptied the ledger' : purged.reason);
      });
    });
  }

  /** Known to be of another ledger. */
  #isForeign(name: string, genesis: string): boolean {
    const known = this.#good.get(name);
    return known !== undefined && known.genesis !== genesis;
  }

  #note(sequence: number): void {
    this.#sequence = sequence;
    this.#bytes = this.#options.replica.bytes;
  }

  /** Over, for now. `reason`: it did not work, and is tried again, later each time. */
  #end(reason?: string): void {
    const { clock, log, settings } = this.#options;
    if (reason === undefined) this.#failures = 0;
    else if (!this.#isClosed) {
      this.#failures += 1;
      const pauseMs = Math.min(PAUSE_MS_MAX, settings.snapshotLookMs * 2 ** this.#failures);
      this.#notBefore = clock.now() + pauseMs;
      log.warn({ reason, againInMs: pauseMs }, 'the ledger could not be shortened');
    }
    this.#connection?.close();
    this.#connection = null;
    this.#isBusy = false;
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function pointOf({ state, lastHash }: Restored): Point {
  return { genesis: state.genesis, sequence: state.sequence, lastHash };
}
