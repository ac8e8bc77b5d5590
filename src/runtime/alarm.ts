/**
 * A leader's alarm clock: sleeps until the next timer of the state is due by ledger time, and takes what is due. What
 * became of a timer is decided elsewhere.
 */
import type { Settings } from '../domain/settings.ts';
import type { FleetState } from '../domain/state.ts';
import { Timers, type Timer } from '../domain/timers.ts';
import type { LedgerEvent } from '../domain/events.ts';
import type { Clock, TimerHandle } from '../ports.ts';

export interface AlarmOptions {
  readonly clock: Clock;
  readonly state: FleetState;
  readonly settings: Settings;
  readonly ledgerNow: () => number;
  /** Time of the entry that is open: what is due by it can be decided in it. */
  readonly openAt: () => number;
  /** Something may be due. */
  readonly onRing: () => void;
}

/** Longest that a timer of the platform can sleep. */
const MS_MAX = 2_147_483_647;

export class Alarm {
  readonly #options: AlarmOptions;
  readonly #timers: Timers;
  #timer: TimerHandle | null = null;
  #ringsAt = Infinity;

  constructor(options: AlarmOptions) {
    this.#options = options;
    this.#timers = new Timers(options.state, options.settings);
  }

  observe(event: LedgerEvent): void {
    this.#timers.observe(event);
  }

  /** What is due when the open entry says it is, one at a time. */
  takeDue(): Timer | null {
    return this.#timers.takeDue(this.#options.openAt());
  }

  /** Sleeps until the next timer of the state. */
  set(): void {
    const { clock, ledgerNow, openAt } = this.#options;
    const at = this.#timers.nextAt();
    if (at === null || (this.#timer !== null && this.#ringsAt <= at)) return;
    // Due, and the open entry is older: it is looked at again when that entry is committed.
    if (at <= ledgerNow() && at > openAt()) return;
    this.close();
    this.#ringsAt = at;
    this.#timer = clock.setTimeout(
      () => {
        this.#timer = null;
        this.#ringsAt = Infinity;
        this.#options.onRing();
      },
      Math.min(MS_MAX, Math.max(1, at - ledgerNow())),
    );
  }

  close(): void {
    if (this.#timer !== null) this.#options.clock.clearTimeout(this.#timer);
    this.#timer = null;
  }
}
