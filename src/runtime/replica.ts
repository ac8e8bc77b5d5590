/**
 * A process's copy of the fleet's state. As a standby it follows the ledger; as a leader it runs ahead of it by
 * what is not yet acknowledged, and stops following.
 *
 * I9   An entry is applied only if it continues the chain: genesis, sequence, term, previous hash (rule 6).
 * I10  A mismatch stops the replica for good; it never skips. Entries that were purged are in a snapshot (rule 7).
 */
import { ConclaveError } from '../domain/errors.ts';
import { applyEntry } from '../domain/apply.ts';
import type { Entry } from '../domain/events.ts';
import type { Restored } from '../domain/snapshot.ts';
import { emptyState, type FleetState } from '../domain/state.ts';
import { found, type Streak } from '../domain/streak.ts';
import type { Charts } from '../domain/transitions.ts';
import type { Clock, Ledger, Subscription } from '../ports.ts';
import { decodeEntry, hashOf } from '../wire/entry.ts';
import type { Log } from './log.ts';
import { loadNewest } from './snapshot-loader.ts';

export interface ReplicaOptions {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly charts: Charts;
  readonly log: Log;
  /** How long the ledger may be shorter than it was; longer than a fail-over of the broker's. */
  readonly lossPatienceMs: number;
  /** After each entry that was read from the ledger. */
  readonly onEntry: (entry: Entry, sequence: number) => void;
  /** The state is another one, from a snapshot: entries that it covers were purged before they were read here. */
  readonly onAdopted: () => void;
  /** The ledger is not the one that was followed: I10. */
  readonly onBroken: (error: ConclaveError) => void;
}

const RESTART_MS = 200;
const ADVICE =
  'find out who did that (`conclave verify` says more), and start again only on the stream that is to be kept';
/** A purge comes after its snapshot; still, what lists them may not know it yet. */
const ADOPT_TRIES_MAX = 25;

export class Replica {
  readonly #options: ReplicaOptions;
  #state = emptyState();
  #lastHash = '';
  #following: Subscription | null = null;
  /** The last entry known to be in the ledger. It outlives `restart`: another ledger is noticed all the same. */
  #anchor: { readonly genesis: string; readonly sequence: number; readonly hash: string } | null = null;
  #isBroken = false;
  /** The stream ends before what was committed; monotonic. */
  #short: Streak | null = null;
  #shouldFollow = false;
  #isAdopting = false;
  #adoptTries = 0;
  #bytes = 0;
  #lastEntryAt: number;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.#lastEntryAt = options.clock.now();
  }

  get state(): FleetState {
    return this.#state;
  }

  /** Hash of the last entry applied; what the next entry must name as previous. */
  get lastHash(): string {
    return this.#lastHash;
  }

  /** Of the entries that were read or written since this process began. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Sequence of the last entry known to be in the ledger. */
  get committedSequence(): number {
    return this.#anchor?.sequence ?? 0;
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** The ledger was found to be shorter than it was, and not since to be whole. */
  get isShort(): boolean {
    return this.#short !== null;
  }

  /** Monotonic time at which the last entry came. */
  get lastEntryAt(): number {
    return this.#lastEntryAt;
  }

  follow(): void {
    this.#shouldFollow = true;
    if (this.#following !== null || this.#isBroken || this.#isAdopting) return;
    const following = this.#options.ledger.follow(this.#state.sequence + 1, {
      entry: (sequence, data) => {
        if (this.#following === following) this.receive(sequence, data);
      },
      stopped: (reason, end) => {
        if (this.#following !== following) return;
        this.#options.log.debug({ reason }, 'following stopped');
        this.#followLater();
        if (end !== undefined) this.foundEnd(end, this.committedSequence);
      },
    });
    this.#following = following;
  }

  /** Stops following until `follow`; the state stays. */
  pause(): void {
    this.#shouldFollow = false;
    this.#following?.close();
    this.#following = null;
  }

  /** Applies one entry, if it is the next. Earlier ones are ignored. */
  receive(sequence: number, data: Uint8Array): void {
    const { state } = this;
    if (sequence <= state.sequence || this.#isBroken) return;
    if (sequence > state.sequence + 1) {
      this.#jumped(sequence, decodeEntry(data)?.genesis ?? null);
      return;
    }
    const entry = decodeEntry(data);
    const hash = hashOf(data);
    const wrong =
      entry === null
        ? 'is not an entry of a known version'
        : (this.#estrangement(entry, sequence, hash) ?? this.#mismatch(entry));
    if (entry === null || wrong !== null) {
      this.#break(`ledger entry ${sequence} ${wrong ?? ''}`);
      return;
    }
    this.#lastEntryAt = this.#options.clock.now();
    try {
      applyEntry(state, entry, sequence, this.#options.charts);
    } catch (cause) {
      this.#break(`ledger entry ${sequence} cannot be applied: ${String(cause)}`);
      return;
    }
    this.#lastHash = hash;
    this.#bytes += data.length;
    this.#adoptTries = 0;
    this.#commit(entry.genesis, sequence);
    this.#options.onEntry(entry, sequence);
  }

  /** Our own entry was acknowledged; its events are applied already. */
  advance(data: Uint8Array, sequence: number): void {
    this.#lastHash = hashOf(data);
    this.#bytes += data.length;
    this.#commit(this.#state.genesis, sequence);
    this.#lastEntryAt = this.#options.clock.now();
  }

  /**
   * The stream's last entry, as its broker says; 0: there is no stream. `committed`: `committedSequence` when that was
   * asked. What was committed may be hidden for a while by a broker that fails over, and is lost when it stays away.
   */
  foundEnd(last: number, committed: number): void {
    if (this.#isBroken) return;
    const { clock, log, lossPatienceMs } = this.#options;
    if (last >= committed) {
      this.#short = null;
      return;
    }
    const now = clock.now();
    this.#short = found(this.#short, { now, gapMsMax: lossPatienceMs });
    if (this.#short.since === now) {
      log.error({ last, committed }, 'the ledger is shorter than it was: not leading on it');
    } else if (now - this.#short.since >= lossPatienceMs) {
      this.#break(
        `the ledger ${last === 0 ? 'is empty or gone' : `ends at entry ${last}`}, and entry ${committed} was in it: the stream was deleted, recreated, or put back to an older copy`,
      );
    }
  }

  /** Forgets everything and replays: what was applied may not be in the ledger. */
  restart(): void {
    this.pause();
    this.#state = emptyState();
    this.#lastHash = '';
    this.follow();
  }

  /** What lies between was purged, so a snapshot covers it. */
  #jumped(first: number, genesis: string | null): void {
    if (this.#isAdopting) return;
    if (genesis === null) {
      this.#break(`ledger entry ${first} is not an entry of a known version`);
      return;
    }
    this.#following?.close();
    this.#following = null;
    this.#isAdopting = true;
    const { ledger, log } = this.#options;
    loadNewest({ ledger, genesis, log }, (loaded) => {
      this.#isAdopting = false;
      // While a claim is under way nothing may be applied past its slot.
      if (this.#isBroken || !this.#shouldFollow) return;
      if (loaded.kind === 'unavailable') {
        log.debug({ reason: loaded.reason }, 'no snapshot can be read now');
        this.#followLater();
      } else if (loaded.kind === 'none' || loaded.restored.state.sequence + 1 < first)
        this.#adoptLater(first);
      else this.#adopt(loaded.restored);
    });
  }

  #adoptLater(first: number): void {
    this.#adoptTries += 1;
    if (this.#adoptTries < ADOPT_TRIES_MAX) this.#followLater();
    else this.#break(`the ledger begins at ${first}, and no snapshot covers the entries before it`);
  }

  #adopt({ state, lastHash }: Restored): void {
    const { genesis, sequence } = state;
    const known = this.#anchor?.genesis ?? this.#state.genesis;
    if (known !== '' && known !== genesis) {
      this.#break(
        `the snapshot of ${sequence} belongs to another ledger than ${known}: the stream was recreated`,
      );
      return;
    }
    if (sequence > this.#state.sequence) {
      this.#state = state;
      this.#lastHash = lastHash;
      this.#commit(genesis, sequence);
      this.#lastEntryAt = this.#options.clock.now();
      this.#options.log.info({ sequence }, 'went on from a snapshot');
      this.#options.onAdopted();
    }
    this.follow();
  }

  #followLater(): void {
    this.#following?.close();
    this.#following = null;
    this.#options.clock.setTimeout(() => {
      if (this.#shouldFollow) this.follow();
    }, RESTART_MS);
  }

  #commit(genesis: string, sequence: number): void {
    if (sequence <= this.committedSequence) return;
    this.#anchor = { genesis, sequence, hash: this.#lastHash };
    this.#short = null;
  }

  /** Not the ledger that was followed before. */
  #estrangement(entry: Entry, sequence: number, hash: string): string | null {
    const anchor = this.#anchor;
    if (anchor === null) return null;
    if (entry.genesis !== anchor.genesis)
      return `belongs to another ledger than ${anchor.genesis}: the stream was recreated`;
    if (sequence === anchor.sequence && hash !== anchor.hash)
      return 'is not what was committed there: the stream was cut and written anew';
    return null;
  }

  /** Of this ledger, and not what continues it. */
  #mismatch(entry: Entry): string | null {
    const { state } = this;
    if (entry.previous !== this.#lastHash) return 'does not continue the chain of hashes';
    const isStart = entry.events[0]?.type === 'term.started';
    if (entry.term !== state.term + (isStart ? 1 : 0)) return `has term ${entry.term} after ${state.term}`;
    if (!isStart && entry.incarnation !== state.leader?.incarnation)
      return 'was not written by the leader of its term';
    if (!isStart && state.handover !== null) return 'stands after the handover of its term';
    return null;
  }

  #break(message: string): void {
    this.#isBroken = true;
    this.pause();
    this.#options.onBroken(new ConclaveError('LEDGER_BROKEN', `${message}; ${ADVICE}`));
  }
}
