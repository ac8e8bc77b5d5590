/**
 * What heartbeats say: soft state, never in the ledger. Kept by whoever may have to act on it or show it, each for
 * itself; every value has an age.
 */
import type { Candidate } from '../domain/events.ts';
import type { AgentId } from '../domain/ids.ts';
import { scoreOf } from '../domain/score.ts';
import type { Bus, Clock, Subscription } from '../ports.ts';
import { doorFor } from '../wire/door.ts';
import { HeartbeatSchema, type Heartbeat } from '../wire/messages.ts';
import type { Subjects } from '../wire/subjects.ts';
import { Allowance } from './allowance.ts';
import { hear } from './hearing.ts';
import type { Rejections } from './rejections.ts';

export interface Beat extends Heartbeat {
  readonly id: AgentId;
  /** Monotonic time of arrival. */
  readonly heardAt: number;
}

const door = doorFor(HeartbeatSchema);
/** Agents whose beats are remembered. */
const BEATS_MAX = 20_000;
/** Of one agent: twice as many as the shortest interval makes. */
const BEATS_PER_SECOND_MAX = 200;
/** Silent for so many intervals, an agent makes room for a new one: processes come with ever new names. */
const FORGOTTEN_INTERVALS = 10;

export interface RosterOptions {
  readonly clock: Clock;
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly rejections: Rejections;
  /** How often agents beat, for all that is known before any is heard. */
  readonly presumedMs: () => number;
}

export class Roster {
  readonly #options: RosterOptions;
  readonly #allowance: Allowance;
  /** In the order in which they were heard last. */
  readonly #beats = new Map<AgentId, Beat>();
  readonly #listeners = new Set<(beat: Beat) => void>();
  readonly #status: Subscription;
  #subscription: Subscription | null = null;
  #startedAt = 0;

  constructor(options: RosterOptions) {
    this.#options = options;
    this.#allowance = new Allowance(options.clock, { perSecondMax: BEATS_PER_SECOND_MAX });
    // What was said while it was offline it has not heard.
    this.#status = options.bus.onStatus((status) => {
      if (status === 'online') this.#startedAt = options.clock.now();
    });
    this.listen();
  }

  /** Hears everybody from now on; so it does when it is made. */
  listen(): void {
    if (this.#subscription !== null) return;
    this.#startedAt = this.#options.clock.now();
    const options = { ...this.#options, allowance: this.#allowance };
    this.#subscription = hear(options, 'heartbeat', door, (said, id) => {
      this.#heard(said, id);
    });
  }

  /** Hears nobody until `listen`. What was heard is kept, and grows old. */
  rest(): void {
    this.#subscription?.close();
    this.#subscription = null;
  }

  get(id: AgentId): Beat | undefined {
    return this.#beats.get(id);
  }

  /** The longest interval that anybody announced: within twice of it everybody who is there was heard. */
  get intervalMs(): number {
    let longest = this.#options.presumedMs();
    for (const { intervalMs } of this.#beats.values()) longest = Math.max(longest, intervalMs);
    return longest;
  }

  /** How long this process has been listening without a gap. */
  get listeningMs(): number {
    return this.#options.clock.now() - this.#startedAt;
  }

  healthOf(id: AgentId): number {
    return this.#beats.get(id)?.health ?? 1;
  }

  /** Load that the author set; 0 when it was not set. */
  setLoadOf(id: AgentId): number {
    const beat = this.#beats.get(id);
    return beat?.isLoadSet === true ? beat.load : 0;
  }

  /** Agents that could stand for election and were heard within two of their intervals, with their scores. */
  candidates(): Candidate[] {
    const now = this.#options.clock.now();
    return [...this.#beats.values()]
      .filter((beat) => beat.electable && beat.isStandby && now - beat.heardAt <= 2 * beat.intervalMs)
      .map((beat) => ({ id: beat.id, score: scoreOf(beat) }));
  }

  onBeat(listen: (beat: Beat) => void): Subscription {
    this.#listeners.add(listen);
    return { close: () => this.#listeners.delete(listen) };
  }

  forget(id: AgentId): void {
    this.#beats.delete(id);
  }

  close(): void {
    this.#status.close();
    this.rest();
    this.#listeners.clear();
  }

  #heard(said: Heartbeat, id: AgentId): void {
    if (isOld(said, this.#beats.get(id))) return;
    this.#beats.delete(id);
    if (this.#beats.size >= BEATS_MAX) this.#makeRoom();
    if (this.#beats.size >= BEATS_MAX) return;
    const beat = { ...said, id, heardAt: this.#options.clock.now() };
    this.#beats.set(id, beat);
    for (const listen of this.#listeners) listen(beat);
  }

  #makeRoom(): void {
    const now = this.#options.clock.now();
    for (const { id, heardAt, intervalMs } of this.#beats.values()) {
      if (now - heardAt <= FORGOTTEN_INTERVALS * intervalMs) return;
      this.#beats.delete(id);
    }
  }
}

/** Not later than what the same process has said: bytes of a link that was given up may come behind those of a new one. */
function isOld(said: Heartbeat, known: Beat | undefined): boolean {
  if (known?.number === undefined || said.number === undefined) return false;
  return said.incarnation === known.incarnation && said.number <= known.number;
}
