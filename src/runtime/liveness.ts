/**
 * Which members are there, as the leader sees it: one live `member` actor each, moved by beats, probes and the
 * clock (DESIGN §6). Suspicion stays here; only a death is decided, through `onDead`.
 */
import { createActor, type ActorRefFrom } from 'xstate';
import type { memberMachine } from '../../actors/member.ts';
import type { MemberEvent } from '../domain/apply-member.ts';
import { isDeaf, judge, type Hearing, type Reach } from '../domain/failure-detector.ts';
import type { AgentId } from '../domain/ids.ts';
import type { Settings } from '../domain/settings.ts';
import { isPresent, type FleetState, type Member } from '../domain/state.ts';
import type { Clock, Subscription, TimerHandle } from '../ports.ts';
import type { Suspicion } from '../wire/views.ts';
import type { Inspector } from './inspector.ts';
import type { Beat } from './roster.ts';

export interface LivenessOptions {
  readonly clock: Clock;
  readonly state: FleetState;
  readonly settings: Settings;
  /** How often agents are to beat now. */
  readonly intervalMs: () => number;
  /** What the member's last beat announced; null: none of this incarnation was heard. */
  readonly announced: (member: Member) => number | null;
  readonly self: AgentId;
  readonly machine: typeof memberMachine;
  readonly inspector: Inspector;
  /** The previous term ended because too many were silent at once: those still silent now are dead. */
  readonly isAfterCutOff: boolean;
  /** Before each look: whether we could hear anybody now. */
  readonly canHear: () => boolean;
  readonly probe: (id: AgentId) => void;
  readonly onDead: (member: Member, reason: string) => void;
  /** It beats, and has not answered its inbox for too long: what it was not given yet is for others. */
  readonly onDeaf: (member: Member) => void;
  /** Its eligibility for work may have changed. */
  readonly onChanged: (id: AgentId) => void;
  /** Over half of the members would be lost at once: it is probably us who are cut off. */
  readonly onCutOff: () => void;
}

interface Watched extends Hearing, Reach {
  readonly actor: ActorRefFrom<typeof memberMachine>;
  readonly shown: Subscription;
  lastHeardAt: number;
  intervalMs: number;
  unreachableSince: number | null;
  unansweredSince: number | null;
  /** When its inbox answered last; null: not in this term. */
  answeredAt: number | null;
  /** Heard since this term started. */
  isHeard: boolean;
}

/** Looks per heartbeat interval. */
const LOOKS = 4;

export class Liveness {
  readonly #options: LivenessOptions;
  readonly #watched = new Map<AgentId, Watched>();
  readonly #deaths: number[] = [];
  #timer: TimerHandle | null = null;
  #lastLookAt: number;
  #isCutOff = false;

  constructor(options: LivenessOptions) {
    this.#options = options;
    this.#lastLookAt = options.clock.now();
    for (const member of options.state.members.values()) this.#watch(member);
    this.#arm();
  }

  /** A member's ledger event was applied. */
  observe(event: MemberEvent): void {
    const watched = this.#watched.get(event.id);
    if (event.type === 'member.joined' && watched === undefined) {
      const member = this.#options.state.members.get(event.id);
      if (member !== undefined) this.#watch(member);
      return;
    }
    if (watched === undefined) return;
    if (event.type === 'member.joined') {
      this.#rejoined(watched, event.id);
      watched.unansweredSince = null;
    }
    watched.actor.send(event);
    if (event.type !== 'member.forgotten' && event.type !== 'member.removed') return;
    this.#drop(watched);
    this.#watched.delete(event.id);
  }

  heard(beat: Beat): void {
    const watched = this.#watched.get(beat.id);
    const member = this.#options.state.members.get(beat.id);
    if (watched === undefined || member?.incarnation !== beat.incarnation) return;
    watched.intervalMs = beat.intervalMs;
    this.#hear(watched);
    // It lives, but whether work reaches it only its inbox can tell.
    if (watched.unansweredSince === null) this.#send(beat.id, watched, 'answered');
  }

  /** A sign of life on the path that assignments take. */
  answered(id: AgentId): void {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    this.#hear(watched);
    watched.unansweredSince = null;
    watched.answeredAt = watched.lastHeardAt;
    this.#send(id, watched, 'answered');
  }

  /** What was sent to its inbox then was not answered; if something that was sent later was, it says nothing. */
  unanswered(id: AgentId, sentAt: number): void {
    const watched = this.#watched.get(id);
    if (watched === undefined || (watched.answeredAt !== null && watched.answeredAt > sentAt)) return;
    watched.unansweredSince ??= this.#options.clock.now();
  }

  /** Why it is suspect: its beats are late, or it beats and its inbox is silent. Null: it is not. */
  suspicionOf(id: AgentId): Suspicion | null {
    const watched = this.#watched.get(id);
    if (watched === undefined || this.stateOf(id) !== 'suspect') return null;
    return this.#beatsOn(watched) ? 'inbox' : 'beats';
  }

  /** Members that beat and do not answer their inbox, so many at the most. */
  deaf(max: number): AgentId[] {
    const found: AgentId[] = [];
    for (const id of this.#watched.keys()) {
      if (found.length >= max) break;
      if (this.suspicionOf(id) === 'inbox') found.push(id);
    }
    return found;
  }

  /** The broker says that nobody is there. */
  unreachable(id: AgentId): void {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    this.unanswered(id, this.#options.clock.now());
    if (this.#beatsOn(watched)) {
      if (this.stateOf(id) === 'alive') this.#send(id, watched, 'missed');
      return;
    }
    // Said again, the next look probes again: a probe of its own for each answer would breed probes without end.
    const isNews = watched.unreachableSince === null;
    watched.unreachableSince ??= this.#options.clock.now();
    if (isNews) this.#send(id, watched, 'missed');
  }

  /** Everybody gets a full timeout: after a reconnect or a gap of our own, silence says nothing about them. */
  graceForAll(): void {
    for (const watched of this.#watched.values()) this.#grace(watched);
  }

  stateOf(id: AgentId): string {
    const watched = this.#watched.get(id);
    if (watched === undefined) return 'unknown';
    const { value } = watched.actor.getSnapshot();
    return typeof value === 'string' ? value : (Object.values(value)[0] as string);
  }

  stop(): void {
    if (this.#timer !== null) this.#options.clock.clearTimeout(this.#timer);
    for (const watched of this.#watched.values()) this.#drop(watched);
    this.#watched.clear();
  }

  #watch(member: Member): void {
    const { clock, machine, probe, inspector } = this.#options;
    const actor = createActor(
      machine.provide({
        actions: {
          probe: () => {
            probe(member.id);
          },
          declareDead: () => {
            this.#declareDead(member.id);
          },
        },
      }),
      { clock },
    );
    actor.start();
    actor.send({
      type: 'member.joined',
      id: member.id,
      incarnation: member.incarnation,
      profile: member.profile,
    });
    if (member.status === 'draining') actor.send({ type: 'member.draining', id: member.id });
    if (member.status === 'left') actor.send({ type: 'member.left', id: member.id });
    if (member.status === 'dead') actor.send({ type: 'member.died', id: member.id, reason: '' });
    const now = clock.now();
    this.#watched.set(member.id, {
      actor,
      shown: inspector.show('member', actor, member.id),
      lastHeardAt: now,
      intervalMs: this.#intervalOf(member),
      unreachableSince: null,
      unansweredSince: null,
      answeredAt: null,
      isHeard: false,
    });
  }

  /** Perhaps another process, which has announced nothing yet. */
  #rejoined(watched: Watched, id: AgentId): void {
    const member = this.#options.state.members.get(id);
    if (member !== undefined) watched.intervalMs = this.#intervalOf(member);
    this.#grace(watched);
  }

  #intervalOf(member: Member): number {
    return this.#options.announced(member) ?? this.#options.intervalMs();
  }

  #drop({ actor, shown }: Watched): void {
    shown.close();
    actor.stop();
  }

  /** It was heard since its inbox fell silent, so it lives: from then on only silence means death. */
  #beatsOn({ lastHeardAt, unansweredSince }: Watched): boolean {
    return unansweredSince !== null && lastHeardAt > unansweredSince;
  }

  #hear(watched: Watched): void {
    watched.lastHeardAt = this.#options.clock.now();
    watched.unreachableSince = null;
    watched.isHeard = true;
  }

  #grace(watched: Watched): void {
    const now = this.#options.clock.now();
    watched.lastHeardAt = now;
    watched.unreachableSince = null;
    if (watched.unansweredSince !== null) watched.unansweredSince = now;
  }

  #arm(): void {
    const { clock, settings } = this.#options;
    this.#timer = clock.setTimeout(() => {
      this.#arm();
      this.#look();
    }, settings.heartbeatIntervalMs / LOOKS);
  }

  #look(): void {
    const { clock, settings, state, canHear } = this.#options;
    const now = clock.now();
    const gap = now - this.#lastLookAt;
    this.#lastLookAt = now;
    if (gap > settings.heartbeatIntervalMs || !canHear()) this.graceForAll();
    for (const [id, watched] of this.#watched) {
      const member = state.members.get(id);
      if (member === undefined || !isPresent(member)) continue;
      if (this.#isDeaf(watched) && this.stateOf(id) !== 'alive') this.#options.onDeaf(member);
      const verdict = judge(watched, now, settings);
      if (verdict === 'late' || this.#isToBeAsked(id, watched)) this.#send(id, watched, 'missed');
      if (verdict === 'silent') {
        this.#send(id, watched, 'missed');
        this.#send(id, watched, 'silent');
      }
    }
  }

  /** A suspect whose inbox is silent is asked until it answers: its beats do not clear it. */
  #isToBeAsked(id: AgentId, watched: Watched): boolean {
    const isSuspect = this.stateOf(id) === 'suspect';
    return isSuspect ? watched.unansweredSince !== null : this.#isDeaf(watched);
  }

  #isDeaf(watched: Watched): boolean {
    const { clock, settings } = this.#options;
    return this.#beatsOn(watched) && isDeaf(watched, clock.now(), settings);
  }

  #send(id: AgentId, watched: Watched, type: 'missed' | 'answered' | 'silent'): void {
    // What was found out about one member may have ended the office, and the look at all of them goes on.
    if (watched.actor.getSnapshot().status !== 'active') return;
    const before = this.stateOf(id);
    watched.actor.send({ type });
    const after = this.stateOf(id);
    if (before === after) return;
    this.#options.onChanged(id);
  }

  #declareDead(id: AgentId): void {
    const { clock, state, settings, intervalMs, onDead, onCutOff, self } = this.#options;
    const member = state.members.get(id);
    const watched = this.#watched.get(id);
    if (member === undefined || watched === undefined || !isPresent(member) || id === self || this.#isCutOff)
      return;
    const now = clock.now();
    const timeoutMs = settings.deadAfterIntervals * intervalMs();
    if (watched.isHeard || !this.#options.isAfterCutOff) {
      while ((this.#deaths[0] ?? now) < now - timeoutMs) this.#deaths.shift();
      if (this.#isMassDeath(now)) {
        this.#isCutOff = true;
        onCutOff();
        return;
      }
      this.#deaths.push(now);
    }
    const reason = watched.unreachableSince === null ? 'was silent until the timeout' : 'is not connected';
    onDead(member, reason);
  }

  /** Would this death, with those of the last timeout and those that are about to follow, take over half? */
  #isMassDeath(now: number): boolean {
    const { state, settings, self } = this.#options;
    let others = 0;
    let silent = 0;
    for (const [id, watched] of this.#watched) {
      const member = state.members.get(id);
      if (member === undefined || !isPresent(member) || id === self) continue;
      others += 1;
      // Beats are not in step: who fell silent at the same moment is found so within one interval.
      if (judge(watched, now + watched.intervalMs, settings) === 'silent') silent += 1;
    }
    const lost = silent + this.#deaths.length;
    return lost >= 2 && lost > (others + this.#deaths.length) / 2;
  }
}
