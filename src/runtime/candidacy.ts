/**
 * How a process stands in an election: who its rivals are, with scores, whether it comes first, and how long it lets
 * the better ones go before it. Nothing here is binding; whoever claims still has to win the ledger.
 */
import type { Candidate, ElectionCause } from '../domain/events.ts';
import type { AgentId, Incarnation } from '../domain/ids.ts';
import { outranks, ranked } from '../domain/score.ts';
import type { Settings } from '../domain/settings.ts';
import { presentMember, type FleetState } from '../domain/state.ts';
import type { Clock } from '../ports.ts';
import type { OrdersMessage } from '../wire/messages.ts';
import type { LedgerTime } from './ledger-time.ts';
import type { Roster } from './roster.ts';

export interface CandidacyOptions {
  readonly clock: Clock;
  readonly settings: Settings;
  readonly id: AgentId;
  readonly incarnation: Incarnation;
  readonly roster: Roster;
  readonly ledgerTime: LedgerTime;
  readonly state: () => FleetState;
  /** This agent's own score now. */
  readonly score: () => number;
  /** What a leader ordered last. */
  readonly orders: () => OrdersMessage | null;
  /** Order in which candidates stand; the tests shuffle it. */
  readonly rank?: ((candidates: readonly Candidate[]) => readonly Candidate[]) | undefined;
}

export class Candidacy {
  readonly #options: CandidacyOptions;
  /** Own claims out of suspicion keep a growing distance. */
  #nextClaimAt = 0;
  #backoffMs: number;

  constructor(options: CandidacyOptions) {
    this.#options = options;
    this.#backoffMs = options.settings.campaignBackoffMs;
  }

  /** Now; a process that has caught up and can append. */
  mayStand(isLeaderAlive: boolean): boolean {
    const { clock, id, incarnation, state } = this.#options;
    if (clock.now() < this.#nextClaimAt || !this.#knowsTheTime()) return false;
    if (state().removed.has(incarnation)) return false;
    // Not (yet) a member, or draining: only while nobody leads (rule 1).
    return !isLeaderAlive || (this.#isMember() && state().members.get(id)?.status === 'alive');
  }

  /** Everybody who may stand, with scores: the living that were heard lately, and ourselves. */
  candidates(): Candidate[] {
    const { id, score, roster, state } = this.#options;
    const { leader, handover } = state();
    const others = roster
      .candidates()
      .filter((each) => each.id !== id && (handover === 'trigger' || each.id !== leader?.id));
    return ranked([...others, { id, score: score() }]);
  }

  delayMs(): number {
    const { settings } = this.#options;
    const patience = this.#isReluctant() ? settings.handoverPatienceMs : 0;
    return patience + this.#rank() * settings.candidacyDelayMs;
  }

  /** Whether it lets this one go first. */
  yieldsTo(from: Candidate): boolean {
    const { id, score } = this.#options;
    return this.#isReluctant() || outranks(from, { id, score: score() });
  }

  /** Knows the score of everybody who may stand, and comes first. */
  isKnownBest(): boolean {
    const { roster } = this.#options;
    if (roster.listeningMs < 2 * roster.intervalMs) return false;
    const heard = new Set(this.candidates().map((each) => each.id));
    for (const rival of this.#rivals()) if (!heard.has(rival)) return false;
    return this.#isMember() && this.#rank() === 0;
  }

  /** Before a claim. */
  backOff(cause: ElectionCause): void {
    if (cause !== 'leader.gone' && cause !== 'leader.silent') return;
    const { settings, clock } = this.#options;
    const now = clock.now();
    const isQuiet = now - this.#nextClaimAt > settings.campaignBackoffMsMax;
    this.#backoffMs = isQuiet
      ? settings.campaignBackoffMs
      : Math.min(settings.campaignBackoffMsMax, this.#backoffMs * 2);
    this.#nextClaimAt = now + this.#backoffMs;
  }

  /** The living that may stand as far as the ledger knows, without those whom the last leader let sleep. */
  *#rivals(): Iterable<AgentId> {
    const { state, orders } = this.#options;
    const { members, leader, term } = state();
    const ordered = orders();
    const named = ordered?.term === term && !ordered.hasRoom ? new Set(ordered.standbys) : null;
    for (const member of members.values()) {
      const isNamed = named?.has(member.id) ?? true;
      if (isNamed && member.profile.electable && member.status === 'alive' && member.id !== leader?.id)
        yield member.id;
    }
  }

  #isMember(): boolean {
    return presentMember(this.#options.state(), this.#options) !== undefined;
  }

  /** Has it from the ledger or from the others; or nobody is there to ask, and the wall clock has to do. */
  #knowsTheTime(): boolean {
    const { roster, ledgerTime, state } = this.#options;
    const isFirst = state().sequence === 0;
    return ledgerTime.isAnchored || isFirst || roster.listeningMs > 1.5 * roster.intervalMs;
  }

  /** Draining, or handed over because it should not lead: whatever its score, the others go first (rule 10). */
  #isReluctant(): boolean {
    const { id, state } = this.#options;
    const { leader, handover, members } = state();
    const shouldNot = leader?.id === id && handover !== null && handover !== 'trigger';
    return shouldNot || members.get(id)?.status === 'draining';
  }

  #rank(): number {
    const { id, rank } = this.#options;
    const candidates = this.candidates();
    const order = rank?.(candidates) ?? candidates;
    return order.findIndex((each) => each.id === id);
  }
}
