/**
 * Which members are there, as the leader sees it: one live `member` actor each, moved by beats, probes and the
 * clock (DESIGN §6). Suspicion stays here; only a death is decided, through `onDead`.
 */
import { createActor, type ActorRefFrom } from 'xstate';
import type { memberMachine } from '../../actors/member.ts';
import type { MemberEvent } from '../domain/apply-member.ts';
import { judge, type Hearing } from '../domain/failure-detector.ts';
import type { AgentId } from '../domain/ids.ts';
import type { Settings } from '../domain/settings.ts';
import { isPresent, type FleetState, type Member } from '../domain/state.ts';
import type { Clock, Subscription, TimerHandle } from '../ports.ts';
import type { Inspector } from './inspector.ts';
import type { Beat } from './roster.ts';

export interface LivenessOptions {
  readonly clock: Clock;
  readonly state: FleetState;
  readonly settings: Settings;
  readonly self: AgentId;
  readonly machine: typeof memberMachine;
  readonly inspector: Inspector;
  /** The previous term ended because too many were silent at once: those still silent now are dead. */
  readonly isAfterCutOff: boolean;
  /** Before each look: whether we could hear anybody now. */
  readonly canHear: () => boolean;
  readonly probe: (id: AgentId) => void;
  readonly onDead: (member: Member, reason: string) => void;
  /** Its eligibility for work may have changed. */
  readonly onChanged: (id: AgentId) => void;
  /** Over half of the members would be lost at once: it is probably us who are cut off. */
  readonly onCutOff: () => void;
}

interface Watched extends Hearing {
  readonly actor: ActorRefFrom<typeof memberMachine>;
  readonly shown: Subscription;
  lastHeardAt: number;
  intervalMs: number;
  unreachableSince: number | null;
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
    if (event.type === 'member.joined') this.#grace(watched);
    watched.actor.send(event);
    if (event.type !== 'member.forgotten') return;
    this.#drop(watched);
    this.#watched.delete(event.id);
  }

  heard(beat: Beat): void {
    const watched = this.#watched.get(beat.id);
    const member = this.#options.state.members.get(beat.id);
    if (watched === undefined || member?.incarnation !== beat.incarnation) return;
    watched.intervalMs = beat.intervalMs;
    this.answered(beat.id);
  }

  /** A sign of life on the path that assignments take. */
  answered(id: AgentId): void {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    watched.lastHeardAt = this.#options.clock.now();
    watched.unreachableSince = null;
    watched.isHeard = true;
    this.#send(id, watched, 'answered');
  }

  /** The broker says that nobody is there. */
  unreachable(id: AgentId): void {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
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
    const { clock, settings, machine, probe, inspector } = this.#options;
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
    const { heartbeatIntervalMs: intervalMs } = settings;
    const now = clock.now();
    this.#watched.set(member.id, {
      actor,
      shown: inspector.show('member', actor, member.id),
      lastHeardAt: now,
      intervalMs,
      unreachableSince: null,
      isHeard: false,
    });
  }

  #drop({ actor, shown }: Watched): void {
    shown.close();
    actor.stop();
  }

  #grace(watched: Watched): void {
    watched.lastHeardAt = this.#options.clock.now();
    watched.unreachableSince = null;
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
      const verdict = judge(watched, now, settings);
      if (verdict === 'late') this.#send(id, watched, 'missed');
      if (verdict === 'silent') {
        this.#send(id, watched, 'missed');
        this.#send(id, watched, 'silent');
      }
    }
  }

  #send(id: AgentId, watched: Watched, type: 'missed' | 'answered' | 'silent'): void {
    const before = this.stateOf(id);
    watched.actor.send({ type });
    const after = this.stateOf(id);
    if (before === after) return;
    this.#options.onChanged(id);
  }

  #declareDead(id: AgentId): void {
    const { clock, state, settings, onDead, onCutOff, self } = this.#options;
    const member = state.members.get(id);
    const watched = this.#watched.get(id);
    if (member === undefined || watched === undefined || !isPresent(member) || id === self || this.#isCutOff)
      return;
    const now = clock.now();
    const timeoutMs = settings.deadAfterIntervals * settings.heartbeatIntervalMs;
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
      if (judge(watched, now + settings.heartbeatIntervalMs, settings) === 'silent') silent += 1;
    }
    const lost = silent + this.#deaths.length;
    return lost >= 2 && lost > (others + this.#deaths.length) / 2;
  }
}
