/**
 * A process that looks on: it follows the ledger and hears heartbeats, decides nothing and is no agent. Everything
 * that it shows comes from its own copy, so it answers while nobody leads; how recent that is, it says with `asOf`.
 */
import { charts } from '../../actors/table.ts';
import type { Entry } from '../domain/events.ts';
import type { AgentId } from '../domain/ids.ts';
import type { Settings } from '../domain/settings.ts';
import { isPresent, type FleetState, type MemberStatus } from '../domain/state.ts';
import type { Bus, Clock, Ledger, Subscription, TimerHandle } from '../ports.ts';
import type { Subjects } from '../wire/subjects.ts';
import type { AsOf } from '../wire/views.ts';
import { LedgerTime } from './ledger-time.ts';
import type { Log } from './log.ts';
import { Rejections } from './rejections.ts';
import { Reader } from './reader.ts';
import { Replica } from './replica.ts';
import { Roster } from './roster.ts';

export interface ObserverOptions {
  readonly clock: Clock;
  readonly bus: Bus;
  readonly ledger: Ledger;
  readonly subjects: Subjects;
  readonly settings: Settings;
  readonly log: Log;
}

interface Waiter {
  readonly sequence: number;
  readonly timer: TimerHandle;
  readonly done: (isReached: boolean) => void;
}

/** Callers that wait for a sequence at once; more are told no. */
const WAITERS_MAX = 10_000;
const MEASURE_RETRY_MS = 500;

export class Observer {
  readonly roster: Roster;
  readonly rejections: Rejections;
  /** What is shown of the fleet, from this process's own copy. */
  readonly reader: Reader;
  readonly #options: ObserverOptions;
  readonly #replica: Replica;
  readonly #time: LedgerTime;
  readonly #listeners = new Set<(entry: Entry, sequence: number) => void>();
  readonly #gapListeners = new Set<() => void>();
  readonly #waiters = new Set<Waiter>();
  #brokenBy: Error | null = null;
  /** Last sequence when this process began to follow; null: not known yet. */
  #startedBehind: number | null = null;
  #measuring: TimerHandle | null = null;
  #online: Subscription | null = null;
  #isPrepared = false;
  #isClosed = false;

  constructor(options: ObserverOptions) {
    this.#options = options;
    const { clock, ledger, log } = options;
    this.#time = new LedgerTime(clock);
    this.rejections = new Rejections(clock, log);
    const presumedMs = (): number => options.settings.heartbeatIntervalMs;
    this.roster = new Roster({ ...options, rejections: this.rejections, presumedMs });
    this.roster.onBeat(({ ledgerAt }) => {
      if (ledgerAt !== null) this.#time.learn(ledgerAt);
    });
    this.#replica = new Replica({
      clock,
      ledger,
      charts,
      log,
      lossPatienceMs: options.settings.appendResignReplicatedMs,
      onEntry: (entry, sequence) => {
        this.#entered(entry, sequence);
      },
      onAdopted: () => {
        this.#adopted();
      },
      onBroken: (error) => {
        this.#brokenBy = error;
        log.error({ err: error }, 'the ledger cannot be followed any more');
      },
    });
    this.reader = new Reader({
      fleet: options.subjects.fleet,
      state: () => this.state,
      memberState: (id) => this.memberState(id),
      suspicionOf: (id) => (this.#isDeaf(id) ? 'inbox' : 'beats'),
      roster: this.roster,
      now: () => clock.now(),
      ledgerNow: () => this.ledgerNow(),
      hasLeader: () => this.hasLeader,
      broker: () => ledger.broker,
    });
  }

  start(): void {
    this.#replica.follow();
    this.#measure();
    // Perhaps to another server, or a newer one.
    this.#online = this.#options.bus.onStatus((status) => {
      if (status === 'online') this.#measure();
    });
  }

  /** Changed by every entry; not to be kept. */
  get state(): FleetState {
    return this.#replica.state;
  }

  /** Everything that was in the ledger when this process started has been read. */
  get isCaughtUp(): boolean {
    return this.#startedBehind !== null && this.state.sequence >= this.#startedBehind;
  }

  /** Where it was when this process started; null: not known yet. */
  get startedBehind(): number | null {
    return this.#startedBehind;
  }

  /** The ledger is not the one that was followed, or cannot be read for good: what is shown stays as it is. */
  get brokenBy(): Error | null {
    return this.#brokenBy;
  }

  get asOf(): AsOf {
    const { sequence, term } = this.state;
    return { sequence, term };
  }

  /** Ledger time as far as it can be known here. */
  ledgerNow(): number {
    return this.#time.now();
  }

  /** The leader of the latest term has not written its last entry, and was heard lately, as one that leads. */
  get hasLeader(): boolean {
    const { leader, handover, term } = this.state;
    if (leader === null || handover !== null || !this.#isHeard(leader.id, leader.incarnation)) return false;
    const beat = this.roster.get(leader.id);
    // One that cannot append any more beats on, and not as a leader does. An entry to say so is what it cannot write.
    return beat?.incarnation !== leader.incarnation || beat.term < term || beat.appends !== undefined;
  }

  /** As the ledger says, or `suspect`: its beats are late here, or the leader says so. Null: not a member. */
  memberState(id: AgentId): MemberStatus | null {
    const member = this.state.members.get(id);
    if (member === undefined) return null;
    const isLate = isPresent(member) && !this.#isHeard(id, member.incarnation);
    return isLate || (member.status === 'alive' && this.#isDeaf(id)) ? 'suspect' : member.status;
  }

  /** It beats, and the leader's latest beat says that it does not answer its inbox. */
  #isDeaf(id: AgentId): boolean {
    const { leader, members } = this.state;
    const member = members.get(id);
    if (leader === null || member === undefined || !this.#isHeard(id, member.incarnation)) return false;
    const beat = this.roster.get(leader.id);
    return beat?.incarnation === leader.incarnation && beat.deaf?.includes(id) === true;
  }

  /** Waits until an entry has been applied; false when it takes too long. */
  reach(sequence: number, timeoutMs: number): Promise<boolean> {
    if (this.state.sequence >= sequence) return Promise.resolve(true);
    if (this.#waiters.size >= WAITERS_MAX || this.#isClosed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const waiter: Waiter = {
        sequence,
        timer: this.#options.clock.setTimeout(() => {
          this.#waiters.delete(waiter);
          resolve(false);
        }, timeoutMs),
        done: resolve,
      };
      this.#waiters.add(waiter);
    });
  }

  /** After each entry, applied; also those of the past while it catches up. */
  onEntry(listen: (entry: Entry, sequence: number) => void): Subscription {
    this.#listeners.add(listen);
    return { close: () => this.#listeners.delete(listen) };
  }

  /** The state went on from a snapshot: the entries up to it were never seen here, and will not be. */
  onGap(listen: () => void): Subscription {
    this.#gapListeners.add(listen);
    return { close: () => this.#gapListeners.delete(listen) };
  }

  close(): void {
    this.#isClosed = true;
    this.#replica.pause();
    this.#online?.close();
    this.roster.close();
    const { clock } = this.#options;
    if (this.#measuring !== null) clock.clearTimeout(this.#measuring);
    for (const waiter of this.#waiters) this.#end(waiter, false);
  }

  #entered(entry: Entry, sequence: number): void {
    this.#time.hear(entry.at, this.#startedBehind !== null && sequence > this.#startedBehind);
    this.reader.observe(entry);
    this.#prepare();
    for (const listen of this.#listeners) listen(entry, sequence);
    this.#endReached();
  }

  #adopted(): void {
    this.#time.hear(this.state.at, false);
    this.#isPrepared = false;
    this.#prepare();
    for (const listen of this.#gapListeners) listen();
    this.#endReached();
  }

  #endReached(): void {
    const { sequence } = this.state;
    for (const waiter of this.#waiters) if (waiter.sequence <= sequence) this.#end(waiter, true);
  }

  /** What was replayed is indexed once, at its end: kept in step with each old entry, it would slow the replay. */
  #prepare(): void {
    if (this.#isPrepared || !this.isCaughtUp) return;
    this.#isPrepared = true;
    this.reader.prepare();
  }

  #end(waiter: Waiter, isReached: boolean): void {
    this.#waiters.delete(waiter);
    this.#options.clock.clearTimeout(waiter.timer);
    waiter.done(isReached);
  }

  /** Who has not been heard yet is believed until we have listened for as long as we would wait for a late one. */
  #isHeard(id: AgentId, incarnation: string): boolean {
    const { clock, settings } = this.#options;
    const { suspectAfterIntervals } = settings;
    const beat = this.roster.get(id);
    if (beat?.incarnation !== incarnation) {
      const joinedAt = this.state.members.get(id)?.joinedAt ?? this.state.leaderSince;
      const graceMs = suspectAfterIntervals * this.roster.intervalMs;
      return this.roster.listeningMs < graceMs || this.ledgerNow() - joinedAt < graceMs;
    }
    return clock.now() - beat.heardAt < suspectAfterIntervals * beat.intervalMs;
  }

  /** How far the stream is now. A fleet that nobody has led has none yet: there is nothing to catch up with. */
  #measure(): void {
    const { clock, ledger } = this.#options;
    if (this.#measuring !== null) clock.clearTimeout(this.#measuring);
    const again = (): void => {
      if (this.#isClosed) return;
      this.#measuring = clock.setTimeout(() => {
        this.#measure();
      }, MEASURE_RETRY_MS);
    };
    ledger.connect((outcome) => {
      if (this.#isClosed && outcome.kind === 'opened') outcome.connection.close();
      if (this.#isClosed) return;
      if (outcome.kind === 'opened') {
        const { connection } = outcome;
        connection.readBounds((bounds) => {
          connection.close();
          if (bounds.kind === 'bounds') this.#startedBehind ??= bounds.last;
          else again();
        });
        return;
      }
      const isMissing =
        outcome.kind === 'broken' && 'code' in outcome.error && outcome.error.code === 'NOT_FOUND';
      if (isMissing) this.#startedBehind ??= 0;
      else if (outcome.kind === 'broken') this.#brokenBy = outcome.error;
      else again();
    });
  }
}
