/**
 * The part of an electable agent that may lead: it follows the ledger, watches the leader, stands for election,
 * and takes the chair. Interprets the `election` chart; what it means is said there.
 */
import { createActor, type ActorRefFrom } from 'xstate';
import type { coordinatorMachine } from '../../actors/coordinator.ts';
import type { electionMachine } from '../../actors/election.ts';
import type { memberMachine } from '../../actors/member.ts';
import type { Candidate, ElectionCause, Entry, HandoverReason } from '../domain/events.ts';
import { outranks, ranked } from '../domain/score.ts';
import { isPresent } from '../domain/state.ts';
import type { Subscription } from '../ports.ts';
import { Chair, type ChairParts } from './chair.ts';
import { Hustings } from './hustings.ts';
import { Keeper } from './keeper.ts';
import { causeOf, LeaderWatch } from './leader-watch.ts';
import { LedgerTime } from './ledger-time.ts';
import type { Office } from './office.ts';
import { Replica } from './replica.ts';
import { nameOf } from './inspector.ts';
import { serveVacancy } from './vacancy-desk.ts';

export interface Machines {
  readonly election: typeof electionMachine;
  readonly coordinator: typeof coordinatorMachine;
  readonly member: typeof memberMachine;
}

export interface ContenderOptions extends ChairParts {
  readonly machines: Machines;
  /** This agent's own score now. */
  readonly score: () => number;
  /** Order in which candidates stand; the tests shuffle it. */
  readonly rank?: (candidates: readonly Candidate[]) => readonly Candidate[];
  readonly onTerm: (term: number) => void;
  /** It could lead from now on: others should know before they need it. */
  readonly onCaughtUp: () => void;
  /** From now on others may ask whether it is there. */
  readonly onLeading: () => void;
}

export class Contender {
  readonly replica: Replica;
  readonly ledgerTime: LedgerTime;
  readonly #options: ContenderOptions;
  readonly #election: ActorRefFrom<typeof electionMachine>;
  readonly #chair: Chair;
  readonly #hustings: Hustings;
  readonly #watch: LeaderWatch;
  readonly #vacancyDesk: Subscription;
  readonly #keeper: Keeper;
  #resignReason: HandoverReason = 'leave';
  #isWithdrawn = false;
  /** Last sequence when this process began to follow; null: not known yet. */
  #startedBehind: number | null = null;
  #wasCaughtUp = false;
  /** Own claims out of suspicion keep a growing distance. */
  #nextClaimAt = 0;
  #claimBackoffMs: number;

  constructor(options: ContenderOptions) {
    this.#options = options;
    const { ports, settings, charts, log, subjects, roster } = options;
    this.#claimBackoffMs = settings.campaignBackoffMs;
    this.ledgerTime = new LedgerTime(ports.clock);
    this.replica = new Replica({
      ...ports,
      charts,
      log,
      onEntry: (entry, sequence) => {
        this.#entered(entry, sequence);
      },
      onAdopted: () => {
        this.#adopted();
      },
      lossPatienceMs: settings.appendResignReplicatedMs,
      onBroken: options.onBroken,
    });
    this.#election = createActor(this.#electionLogic(), { clock: ports.clock });
    this.#chair = new Chair({
      ...options,
      replica: this.replica,
      ledgerTime: this.ledgerTime,
      onFull: () => {
        this.#keeper.urge();
      },
      onClaimWon: () => {
        options.onLeading();
        this.#election.send({ type: 'claim.won' });
      },
      onClaimLost: () => {
        this.#election.send({ type: 'claim.lost' });
      },
      onTermOver: (isSettled) => {
        this.#termOver(isSettled);
      },
      onResign: (reason) => {
        this.#resign(reason);
      },
    });
    roster.onBeat(({ ledgerAt }) => {
      if (ledgerAt !== null) this.ledgerTime.learn(ledgerAt);
    });
    this.#hustings = new Hustings({
      ...ports,
      subjects,
      id: options.id,
      incarnation: options.incarnation,
      rejections: options.rejections,
      score: options.score,
      onCandidacy: (from) => {
        this.#candidacyHeard(from);
      },
      onAnswer: (from) => {
        this.#election.send({ type: 'answer', from });
      },
      onVictory: (term) => {
        this.#victoryHeard(term);
      },
    });
    this.#watch = new LeaderWatch({
      ...ports,
      subjects,
      settings,
      state: () => this.replica.state,
      lastEntryAt: () => this.replica.lastEntryAt,
      isWatching: () => this.#chair.office === null && !this.#isWithdrawn,
      isSelf: (incarnation) => incarnation === options.incarnation,
      onVacancy: (cause) => {
        this.#vacancy(cause);
      },
      onAlive: () => {
        this.#election.send({ type: 'leader.alive' });
      },
      onBehind: () => {
        // While a claim is under way nothing may be applied past its slot.
        if (this.#chair.isClaiming || this.#chair.office !== null) return;
        this.replica.pause();
        this.replica.follow();
      },
    });
    this.#vacancyDesk = serveVacancy({
      ...ports,
      subjects,
      replica: this.replica,
      roster,
      rejections: options.rejections,
      isVacant: () => this.#chair.office === null && !this.#watch.isLeaderAlive,
      canStand: () => this.#couldLead(),
      stand: () => {
        this.#vacancy('trigger');
      },
    });
    this.#keeper = new Keeper({
      ...ports,
      settings,
      replica: this.replica,
      roster,
      id: options.id,
      log,
      isLeader: () => this.#chair.office !== null,
      isSettled: () => this.#isSettled(),
      settle: (run) => {
        if (this.#chair.office === null) run();
        else this.#chair.office.reception.settle(run);
      },
      isVacant: () => this.#chair.office === null && !this.#watch.isLeaderAlive,
    });
    options.inspector.show('election', this.#election);
  }

  start(): void {
    this.#election.start();
    this.#chair.start();
    this.replica.follow();
    this.#measureLag();
    this.#watch.start();
    this.#keeper.start();
  }

  /** Leads, and can prove it by appending. */
  get isLeading(): boolean {
    return this.#chair.isLeading;
  }

  get isCaughtUp(): boolean {
    return this.#startedBehind !== null && this.replica.state.sequence >= this.#startedBehind;
  }

  /** States of the two charts, for people. */
  get states(): { readonly election: string; readonly coordinator: string } {
    return { election: nameOf(this.#election.getSnapshot().value), coordinator: this.#chair.state };
  }

  get office(): Office | null {
    return this.#chair.office;
  }

  /** Stands no more; hands over if it leads. `done` when it leads no longer. */
  withdraw(done: () => void): void {
    this.#isWithdrawn = true;
    this.#chair.onceEmpty(done);
    if (this.#chair.office !== null) this.#resign('leave');
  }

  lameDuck(): void {
    if (this.#chair.office !== null) this.#resign('lameDuck');
  }

  close(): void {
    this.#watch.close();
    this.#keeper.close();
    this.#hustings.close();
    this.#vacancyDesk.close();
    this.#chair.close();
    this.#election.stop();
    this.replica.pause();
  }

  /** What the replica holds is in the ledger, and it has caught up with it. */
  #isSettled(): boolean {
    if (!this.isCaughtUp || this.replica.isBroken || this.#chair.isClaiming) return false;
    return this.#chair.office === null || this.#chair.office.committer.isSettled;
  }

  #electionLogic() {
    const { settings, machines } = this.#options;
    return machines.election.provide({
      guards: {
        canLead: () => this.#couldLead(),
        isKnownBest: () => this.#isKnownBest(),
      },
      actions: {
        announceCandidacy: () => {
          this.#hustings.announce(this.replica.state.term);
        },
        answer: ({ event }) => {
          if (event.type === 'candidacy') this.#hustings.answer(event.from, this.replica.state.term);
        },
        claim: (_, { cause, since }) => {
          this.#backOff(cause);
          this.#chair.claim({ cause, since, candidates: this.#candidates() });
        },
        announceVictory: () => {
          this.#hustings.claimVictory(this.replica.state);
        },
        resign: () => {
          this.#chair.resign(this.#resignReason);
        },
      },
      delays: {
        candidacyDelay: () => this.#candidacyDelay(),
        answerWindow: settings.answerWindowMs,
        claimWindow: settings.claimWindowMs,
      },
    });
  }

  #vacancy(cause: ElectionCause): void {
    this.#noteRemoval();
    this.#election.send({ type: 'vacancy', cause, now: this.#options.ports.clock.now() });
  }

  #candidacyHeard(from: Candidate): void {
    const { clock } = this.#options.ports;
    const self: Candidate = { id: this.#options.id, score: this.#options.score() };
    // Whether the leader is gone is for each to find out; a candidacy is only a reason to look now.
    this.#watch.look(true);
    this.#election.send({
      type: 'candidacy',
      from: from.id,
      isBetter: outranks(from, self),
      now: clock.now(),
    });
  }

  #victoryHeard(term: number): void {
    if (term <= this.replica.state.term) return;
    this.#chair.office?.verify();
    this.#watch.expectTerm();
  }

  #couldLead(): boolean {
    if (this.#isWithdrawn || this.replica.isBroken || !this.isCaughtUp || !this.#chair.isConnected)
      return false;
    if (this.#options.ports.clock.now() < this.#nextClaimAt || !this.#knowsTheTime()) return false;
    const { state } = this.replica;
    if (state.removed.has(this.#options.incarnation)) return false;
    const member = state.members.get(this.#options.id);
    const isMember =
      member !== undefined && isPresent(member) && member.incarnation === this.#options.incarnation;
    // Not (yet) a member, or draining: only while nobody leads (rule 1).
    return (isMember && member.status === 'alive') || !this.#watch.isLeaderAlive;
  }

  /** Has it from the ledger or from the others; or nobody is there to ask, and the wall clock has to do. */
  #knowsTheTime(): boolean {
    const { roster, settings } = this.#options;
    const isFirst = this.replica.state.sequence === 0;
    return this.ledgerTime.isAnchored || isFirst || roster.listeningMs > 1.5 * settings.heartbeatIntervalMs;
  }

  /** Everybody who may stand, with scores: the living that were heard lately, and ourselves. */
  #candidates(): Candidate[] {
    const { id, score, roster, settings } = this.#options;
    const { leader, handover } = this.replica.state;
    const heard = roster.candidates(2 * settings.heartbeatIntervalMs);
    const others = heard.filter(
      (each) => each.id !== id && (handover === 'trigger' || each.id !== leader?.id),
    );
    return ranked([...others, { id, score: score() }]);
  }

  #rank(): number {
    const candidates = this.#candidates();
    const order = this.#options.rank?.(candidates) ?? candidates;
    return order.findIndex((each) => each.id === this.#options.id);
  }

  #candidacyDelay(): number {
    const { settings, id } = this.#options;
    const { leader, handover, members } = this.replica.state;
    // Who is draining, or handed over because it should not lead, lets the others go first (rule 10).
    const isReluctant = leader?.id === id && handover !== null && handover !== 'trigger';
    const isDraining = members.get(id)?.status === 'draining';
    const patience = isReluctant || isDraining ? settings.handoverPatienceMs : 0;
    return patience + this.#rank() * settings.candidacyDelayMs;
  }

  /** Knows the score of everybody who may stand, and comes first. */
  #isKnownBest(): boolean {
    const { roster, settings, id } = this.#options;
    const { members, leader } = this.replica.state;
    if (roster.listeningMs < 2 * settings.heartbeatIntervalMs) return false;
    const heard = new Set(this.#candidates().map((each) => each.id));
    for (const member of members.values()) {
      const mayStand = member.profile.electable && member.status === 'alive' && member.id !== leader?.id;
      if (mayStand && !heard.has(member.id)) return false;
    }
    return members.get(id)?.incarnation === this.#options.incarnation && this.#rank() === 0;
  }

  #backOff(cause: ElectionCause): void {
    if (cause !== 'leader.gone' && cause !== 'leader.silent') return;
    const { settings, ports } = this.#options;
    const now = ports.clock.now();
    const isQuiet = now - this.#nextClaimAt > settings.campaignBackoffMsMax;
    this.#claimBackoffMs = isQuiet
      ? settings.campaignBackoffMs
      : Math.min(settings.campaignBackoffMsMax, this.#claimBackoffMs * 2);
    this.#nextClaimAt = now + this.#claimBackoffMs;
  }

  #resign(reason: HandoverReason): void {
    this.#resignReason = reason;
    this.#election.send({ type: 'resign' });
  }

  #termOver(isSettled: boolean): void {
    this.#watch.reset();
    // The replica replays from nothing: until it is where the stream is now, it knows no leader and may not stand.
    if (!isSettled) this.#measureLag();
    this.#election.send({ type: 'term.over' });
    const { handover } = this.replica.state;
    if (!isSettled || handover === null || this.#isWithdrawn) return;
    this.#vacancy(causeOf(handover));
  }

  /** How far the stream was when we came: until then we replay, from then on we hear entries arrive. */
  #measureLag(): void {
    this.#startedBehind = null;
    this.#wasCaughtUp = false;
    this.#chair.measure((last) => {
      this.#startedBehind = last;
      this.#noteCaughtUp();
      this.#watch.look();
    });
  }

  #noteCaughtUp(): void {
    if (!this.isCaughtUp || this.#wasCaughtUp) return;
    this.#wasCaughtUp = true;
    this.#options.onCaughtUp();
  }

  /** The entries between were not seen: whoever leads now was elected in one of them. */
  #adopted(): void {
    const { state } = this.replica;
    this.ledgerTime.hear(state.at, false);
    this.#noteCaughtUp();
    this.#noteRemoval();
    this.#watch.reset();
    this.#options.onTerm(state.term);
    if (state.leader?.incarnation !== this.#options.incarnation)
      this.#election.send({ type: 'term.started' });
  }

  #noteRemoval(): void {
    const { incarnation, onRemoved } = this.#options;
    if (this.replica.state.removed.has(incarnation)) onRemoved();
  }

  #entered(entry: Entry, sequence: number): void {
    this.#noteCaughtUp();
    this.#noteRemoval();
    const isLive = this.#startedBehind !== null && sequence > this.#startedBehind;
    this.ledgerTime.hear(entry.at, isLive);
    const [first] = entry.events;
    if (first?.type === 'term.started') {
      this.#watch.reset();
      this.#options.onTerm(entry.term);
      if (entry.incarnation !== this.#options.incarnation) this.#election.send({ type: 'term.started' });
      return;
    }
    this.#watch.entered();
    const last = entry.events.at(-1);
    if (last?.type === 'term.handedOver' && isLive) this.#vacancy(causeOf(last.reason));
  }
}
