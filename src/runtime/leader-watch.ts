/**
 * A standby's eye on the leader (DESIGN §6): probes its inbox often and with short patience. "Nobody there" and
 * "not leading" are reported at once; silence only after the timeout. An entry of its term that comes well after
 * the suspicion proves it alive after all.
 */
import type { ElectionCause, HandoverReason } from '../domain/events.ts';
import type { Settings } from '../domain/settings.ts';
import type { FleetState } from '../domain/state.ts';
import type { Bus, Clock, TimerHandle } from '../ports.ts';
import { contentTypes, encode } from '../wire/codec.ts';
import type { Subjects } from '../wire/subjects.ts';
import { inboxOutcome, type InboxOutcome } from './inbox-reply.ts';
import type { Rejections } from './rejections.ts';

/** Why the office is vacant after a handover, or after a leader who says that it leads no more. */
export function causeOf(handover: HandoverReason | null): ElectionCause {
  return handover === 'trigger' ? 'trigger' : 'handover';
}

export interface LeaderWatchOptions {
  readonly clock: Clock;
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly settings: Settings;
  readonly rejections: Rejections;
  readonly state: () => FleetState;
  readonly lastEntryAt: () => number;
  /** False while we lead ourselves, stand by no more, or stand no more. */
  readonly isWatching: () => boolean;
  readonly isSelf: (incarnation: string) => boolean;
  readonly onVacancy: (cause: ElectionCause) => void;
  readonly onAlive: () => void;
  /** The ledger is ahead of us and nothing comes: follow anew. */
  readonly onBehind: () => void;
}

/** Entries that were under way when the leader was found gone prove nothing. */
const AFTERLIFE_MS = 100;
/** The leader is ahead for this many probes and no entry came: the follower is stuck. */
const BEHIND_PROBES = 4;

export class LeaderWatch {
  readonly #options: LeaderWatchOptions;
  #timer: TimerHandle | null = null;
  #aliveAt: number;
  #missingSince: number | null = null;
  /** When the current term was heard of. */
  #termAt = -Infinity;
  #isProbing = false;
  #behind = 0;
  #isClosed = false;

  constructor(options: LeaderWatchOptions) {
    this.#options = options;
    this.#aliveAt = options.clock.now();
  }

  start(): void {
    this.look();
    this.#timer = this.#options.clock.setTimeout(() => {
      this.start();
    }, this.#options.settings.probeIntervalMs);
  }

  /** The leader of the latest term is there, as far as is known. */
  get isLeaderAlive(): boolean {
    const { leader, handover } = this.#options.state();
    if (leader === null || handover !== null || this.#missingSince !== null) return false;
    return this.#options.clock.now() - this.#aliveAt < this.#options.settings.leaderSilenceMs;
  }

  /** A new term: its leader gets a full timeout. */
  reset(): void {
    this.#aliveAt = this.#options.clock.now();
    this.#termAt = this.#aliveAt;
    this.#missingSince = null;
    this.#behind = 0;
  }

  /** An entry of the current term came. */
  entered(): void {
    const { clock, onAlive } = this.#options;
    const now = clock.now();
    if (this.#missingSince !== null && now - this.#missingSince < AFTERLIFE_MS) return;
    this.#aliveAt = now;
    this.#missingSince = null;
    onAlive();
  }

  /** A newer term was heard of that the ledger has not shown us yet. */
  expectTerm(): void {
    if (!this.#options.isWatching()) return;
    this.#behind += 1;
    if (this.#behind >= BEHIND_PROBES) this.#catchUp();
  }

  /** Probes the leader. `isUrgent`: also while another probe waits, which may have gone to a process as it died. */
  look(isUrgent = false): void {
    const { state, isWatching, isSelf, onVacancy, bus, subjects, settings, rejections } = this.#options;
    if (!isWatching() || this.#isClosed) return;
    const { leader, handover, term } = state();
    if (leader === null || handover !== null || isSelf(leader.incarnation)) {
      onVacancy(leader === null ? 'start' : causeOf(handover));
      return;
    }
    if (this.#isProbing && !isUrgent) return;
    this.#isProbing = true;
    const data = encode({ kind: 'probe', term }, 'msgpack');
    const headers = { 'Content-Type': contentTypes.msgpack };
    const timeoutMs = settings.probeIntervalMs;
    const subject = subjects.inbox(leader.id);
    bus.request({ subject, data, headers, timeoutMs }, (heard) => {
      this.#isProbing = false;
      if (this.#isClosed || !isWatching() || state().term !== term) return;
      this.#probed(inboxOutcome(heard, { subject, rejections }), leader.incarnation);
    });
  }

  /** Looks no more until `start`. */
  pause(): void {
    if (this.#timer !== null) this.#options.clock.clearTimeout(this.#timer);
    this.#timer = null;
  }

  close(): void {
    this.#isClosed = true;
    this.pause();
  }

  #probed(outcome: InboxOutcome, incarnation: string): void {
    const { clock, settings } = this.#options;
    switch (outcome.kind) {
      case 'noResponders':
        this.#missing('leader.gone');
        break;
      case 'timeout':
        if (clock.now() - this.#aliveAt >= settings.leaderSilenceMs) this.#missing('leader.silent');
        break;
      case 'offline':
        break;
      case 'reply': {
        const { reply } = outcome;
        if (reply.incarnation !== incarnation) this.#missing('leader.gone');
        else if (!reply.isLeading) this.#missing('leader.resigned');
        else this.#alive(reply.sequence);
      }
    }
  }

  #missing(cause: ElectionCause): void {
    // A new leader's subscription may still be on its way to the broker.
    if (this.#options.clock.now() - this.#termAt < AFTERLIFE_MS) return;
    this.#missingSince ??= this.#options.clock.now();
    this.#options.onVacancy(cause);
  }

  #alive(sequence: number): void {
    const { state, clock, onAlive } = this.#options;
    this.#aliveAt = clock.now();
    this.#missingSince = null;
    onAlive();
    if (sequence <= state().sequence) {
      this.#behind = 0;
      return;
    }
    this.#behind += 1;
    if (this.#behind >= BEHIND_PROBES) this.#catchUp();
  }

  #catchUp(): void {
    const { clock, lastEntryAt, settings, onBehind } = this.#options;
    this.#behind = 0;
    if (clock.now() - lastEntryAt() >= settings.probeIntervalMs * 2) onBehind();
  }
}
