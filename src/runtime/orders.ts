/**
 * What a leader orders of all agents: how often they beat, and which of them stand by (DESIGN §3, soft state). Nothing
 * of it is in the ledger. It is derived from the members and their beats, and said again and again: who missed it
 * hears it the next time, and who hears it no more knows that nobody leads.
 */
import type { AgentId, Incarnation } from '../domain/ids.ts';
import { intervalFor } from '../domain/pace.ts';
import { looked, type Reign } from '../domain/preemption.ts';
import { scoreOf } from '../domain/score.ts';
import type { Settings } from '../domain/settings.ts';
import { chooseStandbys, type Eligible } from '../domain/standbys.ts';
import { isPresent, type FleetState, type Member } from '../domain/state.ts';
import type { Bus, Clock, TimerHandle } from '../ports.ts';
import { contentTypes, encode } from '../wire/codec.ts';
import type { OrdersMessage } from '../wire/messages.ts';
import type { Subjects } from '../wire/subjects.ts';
import type { Beat, Roster } from './roster.ts';

export interface OrdersOptions {
  readonly clock: Clock;
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly settings: Settings;
  readonly state: FleetState;
  readonly roster: Pick<Roster, 'get'>;
  readonly author: { readonly term: number; readonly id: AgentId; readonly incarnation: Incarnation };
  /** The interval that was ordered before. */
  readonly presentMs: number;
  /** This leader's own score. */
  readonly score: () => number;
  /** As the leader sees the member: alive, suspect, draining. */
  readonly memberState: (id: AgentId) => string;
  /** A better one could lead, and it is time to let it. */
  readonly onOutscored: () => void;
}

/** Looks at who should stand by, per repetition. */
const LOOKS = 4;
const headers = { 'Content-Type': contentTypes.json };

export class Orders {
  readonly #options: OrdersOptions;
  #intervalMs: number;
  /** Best first; null: not chosen yet in this term. */
  #standbys: readonly Eligible[] | null = null;
  #reign: Reign;
  #looks = 0;
  #timer: TimerHandle | null = null;

  constructor(options: OrdersOptions) {
    this.#options = options;
    this.#intervalMs = options.presentMs;
    this.#reign = { since: options.clock.now(), outscored: 0 };
  }

  /** How often agents are to beat. */
  get heartbeatIntervalMs(): number {
    return this.#intervalMs;
  }

  start(): void {
    const { clock, settings } = this.#options;
    this.#timer = clock.setTimeout(() => {
      this.start();
    }, settings.heartbeatIntervalMs / LOOKS);
    this.#look();
  }

  close(): void {
    if (this.#timer !== null) this.#options.clock.clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Said at once when somebody has to begin or may stop; else only when it is time again. */
  #look(): void {
    const before = this.#standbys;
    const standbys = this.#choose();
    this.#standbys = standbys;
    const isRepetition = this.#looks % LOOKS === 0;
    this.#looks += 1;
    const isNews = before === null || !isSame(before, standbys);
    if (isRepetition) this.#pace();
    if (isNews || isRepetition) this.#say(standbys);
    if (isRepetition) this.#yield(standbys);
  }

  #choose(): Eligible[] {
    const { state, settings } = this.#options;
    const present = this.#standbys === null ? null : new Set(this.#standbys.map(({ id }) => id));
    const eligible = [...state.members.values()].flatMap((member) => this.#eligible(member, present) ?? []);
    return chooseStandbys(eligible, settings.standbysMax);
  }

  /** `present`: who stands by so far; null: what their beats say, as the leader before ordered it. */
  #eligible(member: Member, present: ReadonlySet<AgentId> | null): Eligible | null {
    const { author, memberState } = this.#options;
    const { id, profile } = member;
    if (!profile.electable || !isPresent(member) || id === author.id) return null;
    const seen = memberState(id);
    if (seen === 'suspect') return null;
    const beat = this.#beatOf(member);
    return {
      id,
      priority: profile.priority,
      score: scoreOf(beat ?? { priority: profile.priority, health: 1, load: 0 }),
      isDraining: seen === 'draining',
      isStandby: present === null ? beat?.isStandby === true : present.has(id),
    };
  }

  #beatOf({ id, incarnation }: Member): Beat | undefined {
    const beat = this.#options.roster.get(id);
    return beat?.incarnation === incarnation ? beat : undefined;
  }

  #pace(): void {
    const { state, settings } = this.#options;
    let agents = 0;
    for (const member of state.members.values()) if (isPresent(member)) agents += 1;
    this.#intervalMs = intervalFor({ agents, presentMs: this.#intervalMs }, settings);
  }

  #say(standbys: readonly Eligible[]): void {
    const { bus, subjects, settings, author } = this.#options;
    const orders: OrdersMessage = {
      incarnation: author.incarnation,
      term: author.term,
      heartbeatIntervalMs: this.#intervalMs,
      repeatMs: settings.heartbeatIntervalMs,
      standbys: standbys.map(({ id }) => id),
      hasRoom: standbys.length < Math.floor(settings.standbysMax),
    };
    bus.publish({ subject: subjects.agent('orders', author.id), data: encode(orders, 'json'), headers });
  }

  /** E6: only to one that says that it could lead at once. */
  #yield(standbys: readonly Eligible[]): void {
    const { clock, settings, score, state, onOutscored } = this.#options;
    const ready = standbys.filter(({ id, isDraining }) => {
      const member = state.members.get(id);
      return !isDraining && member !== undefined && this.#beatOf(member)?.isStandby === true;
    });
    const best = ready.length === 0 ? null : Math.max(...ready.map((each) => each.score));
    const { reign, givesWay } = looked(this.#reign, { now: clock.now(), own: score(), best }, settings);
    this.#reign = reign;
    if (givesWay) onOutscored();
  }
}

function isSame(a: readonly Eligible[], b: readonly Eligible[]): boolean {
  return a.length === b.length && a.every(({ id }) => b.some((each) => each.id === id));
}
