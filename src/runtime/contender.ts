/**
 * The part of an electable agent that may lead: it follows the ledger, watches the leader, stands for election and takes
 * the chair, or sleeps while others stand by. Interprets the `election` chart; what it means is said there.
 */
import { createActor, type ActorRefFrom } from 'xstate';
import type { coordinatorMachine } from '../../actors/coordinator.ts';
import type { electionMachine } from '../../actors/election.ts';
import type { memberMachine } from '../../actors/member.ts';
import type { Candidate, ElectionCause, HandoverReason } from '../domain/events.ts';
import type { AgentId } from '../domain/ids.ts';
import type { Subscription } from '../ports.ts';
import type { OrdersMessage } from '../wire/messages.ts';
import { Candidacy, type CandidacyOptions } from './candidacy.ts';
import { Chair, type ChairParts } from './chair.ts';
import { Dormancy } from './dormancy.ts';
import { Following } from './following.ts';
import { Hustings } from './hustings.ts';
import { Keeper } from './keeper.ts';
import { causeOf, LeaderWatch } from './leader-watch.ts';
import type { LedgerTime } from './ledger-time.ts';
import type { Office } from './office.ts';
import type { OrderWatch } from './order-watch.ts';
import type { Replica } from './replica.ts';
import { nameOf } from './inspector.ts';
import { serveVacancy } from './vacancy-desk.ts';

export interface Machines {
  readonly election: typeof electionMachine;
  readonly coordinator: typeof coordinatorMachine;
  readonly member: typeof memberMachine;
}

export interface ContenderOptions extends ChairParts {
  readonly machines: Machines;
  readonly rank?: CandidacyOptions['rank'];
  readonly orderWatch: OrderWatch;
  /** A member, as far as this process knows. */
  readonly hasJoined: () => boolean;
  readonly onTerm: (term: number) => void;
  /** It could lead from now on, or could no more: others should know before they need it. */
  readonly onStandby: () => void;
  /** From now on others may ask whether it is there. */
  readonly onLeading: () => void;
}

export class Contender {
  readonly #options: ContenderOptions;
  readonly #following: Following;
  readonly #election: ActorRefFrom<typeof electionMachine>;
  readonly #chair: Chair;
  readonly #hustings: Hustings;
  readonly #watch: LeaderWatch;
  readonly #keeper: Keeper;
  readonly #candidacy: Candidacy;
  readonly #dormancy: Dormancy;
  #vacancyDesk: Subscription | null = null;
  #resignReason: HandoverReason = 'leave';
  #isWithdrawn = false;

  constructor(options: ContenderOptions) {
    this.#options = options;
    const { ports, settings, log, subjects, roster } = options;
    this.#following = new Following({
      ...options,
      measure: (done) => {
        this.#chair.measure(done);
      },
      onMeasured: () => {
        this.#watch.look();
      },
      onCaughtUp: options.onStandby,
      onTermStarted: (term, isOwn) => {
        this.#termStarted(term, isOwn);
      },
      onProgress: () => {
        this.#watch.entered();
      },
      onHandover: (reason) => {
        this.#vacancy(causeOf(reason));
      },
    });
    this.#candidacy = new Candidacy({
      ...options,
      clock: ports.clock,
      state: () => this.replica.state,
      ledgerTime: this.ledgerTime,
      orders: () => options.orderWatch.last,
    });
    this.#dormancy = new Dormancy({
      ...ports,
      subjects,
      orders: options.orderWatch,
      onDoubt: () => {
        this.#election.send({ type: 'called' });
      },
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
      rejections: options.rejections,
      state: () => this.replica.state,
      lastEntryAt: () => this.replica.lastEntryAt,
      isWatching: () => this.#chair.office === null && !this.#isWithdrawn && !this.#dormancy.isAsleep,
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
    this.#keeper = new Keeper({
      ...ports,
      settings,
      replica: this.replica,
      roster,
      id: options.id,
      log,
      isLeader: () => this.#chair.office !== null,
      isFollowing: () => !this.#dormancy.isAsleep,
      isSettled: () => this.#isSettled(),
      settle: (run) => {
        if (this.#chair.office === null) run();
        else this.#chair.office.reception.settle(run);
      },
      isVacant: () => this.#isVacant(),
    });
    options.inspector.show('election', this.#election);
  }

  get replica(): Replica {
    return this.#following.replica;
  }

  get ledgerTime(): LedgerTime {
    return this.#following.ledgerTime;
  }

  start(): void {
    this.#election.start();
    this.#chair.start();
    this.#follow();
    this.#keeper.start();
  }

  /** What the leader orders: to stand by, or to let others. */
  obey(orders: OrdersMessage, from: AgentId): void {
    const { id, hasJoined } = this.#options;
    const { term, leader } = this.replica.state;
    const isWanted = orders.hasRoom || orders.standbys.includes(id);
    if (this.#dormancy.isAsleep && isWanted) this.#election.send({ type: 'called' });
    else if (this.#dormancy.isAsleep) this.#dormancy.ordered();
    // Only the leader that the ledger names can send somebody to sleep.
    else if (!isWanted && hasJoined() && orders.term === term && from === leader?.id)
      this.#election.send({ type: 'dismissed' });
  }

  /** Leads, as far as it knows, and is not cut off from the ledger for long. */
  get isLeading(): boolean {
    return this.#chair.isLeading;
  }

  /** Follows the ledger, and could lead. */
  get isStandby(): boolean {
    return this.#following.isCaughtUp && !this.#dormancy.isAsleep;
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
    this.#vacancyDesk?.close();
    this.#dormancy.end();
    this.#chair.close();
    this.#election.stop();
    this.replica.pause();
  }

  /** What the replica holds is in the ledger, and it has caught up with it. */
  #isSettled(): boolean {
    if (!this.isStandby || this.replica.isBroken || this.#chair.isClaiming) return false;
    return this.#chair.office === null || this.#chair.office.committer.isSettled;
  }

  #electionLogic() {
    const { settings, machines } = this.#options;
    return machines.election.provide({
      guards: {
        canLead: () => this.#couldLead(),
        isKnownBest: () => this.#candidacy.isKnownBest(),
      },
      actions: {
        announceCandidacy: () => {
          this.#hustings.announce(this.replica.state.term);
        },
        answer: ({ event }) => {
          if (event.type === 'candidacy') this.#hustings.answer(event.from, this.replica.state.term);
        },
        claim: (_, { cause, since }) => {
          this.#candidacy.backOff(cause);
          this.#chair.claim({ cause, since, candidates: this.#candidacy.candidates() });
        },
        announceVictory: () => {
          this.#hustings.claimVictory(this.replica.state);
        },
        resign: () => {
          this.#chair.resign(this.#resignReason);
        },
        sleep: () => {
          this.#sleep();
        },
        wake: () => {
          this.#wake();
        },
      },
      delays: {
        candidacyDelay: () => this.#candidacy.delayMs(),
        answerWindow: settings.answerWindowMs,
        claimWindow: settings.claimWindowMs,
      },
    });
  }

  #sleep(): void {
    this.#dormancy.begin();
    this.replica.pause();
    this.#watch.pause();
    this.#vacancyDesk?.close();
    this.#vacancyDesk = null;
    this.#options.roster.rest();
    this.#chair.rest();
    this.#options.onStandby();
  }

  #wake(): void {
    this.#dormancy.end();
    this.#options.roster.listen();
    this.#chair.wake();
    // Whoever led when it fell asleep gets a full timeout.
    this.#watch.reset();
    this.#follow();
  }

  /** Follows the ledger, and whoever leads. */
  #follow(): void {
    const { ports, subjects, roster, rejections } = this.#options;
    this.#following.begin();
    this.#watch.start();
    this.#vacancyDesk = serveVacancy({
      ...ports,
      subjects,
      replica: this.replica,
      roster,
      rejections,
      // Who has not read the ledger to its end knows of no leader, and of no fleet either.
      isVacant: () => this.isStandby && this.#isVacant(),
      canStand: () => this.#couldLead(),
      stand: () => {
        this.#vacancy('trigger');
      },
    });
  }

  #isVacant(): boolean {
    return this.#chair.office === null && !this.#watch.isLeaderAlive;
  }

  #vacancy(cause: ElectionCause): void {
    this.#following.noteRemoval();
    this.#election.send({ type: 'vacancy', cause, now: this.#options.ports.clock.now() });
  }

  #candidacyHeard(from: Candidate): void {
    const { clock } = this.#options.ports;
    // Whether the leader is gone is for each to find out; a candidacy is only a reason to look now.
    this.#watch.look(true);
    this.#election.send({
      type: 'candidacy',
      from: from.id,
      isBetter: this.#candidacy.yieldsTo(from),
      now: clock.now(),
    });
  }

  #victoryHeard(term: number): void {
    if (term <= this.replica.state.term) return;
    this.#chair.office?.verify();
    this.#watch.expectTerm();
  }

  #couldLead(): boolean {
    if (this.#isWithdrawn || this.replica.isBroken || !this.isStandby || !this.#chair.isConnected)
      return false;
    return this.#candidacy.mayStand(this.#watch.isLeaderAlive);
  }

  #resign(reason: HandoverReason): void {
    this.#resignReason = reason;
    this.#election.send({ type: 'resign' });
  }

  #termOver(isSettled: boolean): void {
    this.#watch.reset();
    // Until its replica is where the stream is now, it may not stand.
    if (!isSettled) this.#following.beginAgain();
    this.#election.send({ type: 'term.over' });
    const { handover } = this.replica.state;
    if (!isSettled || handover === null || this.#isWithdrawn) return;
    this.#vacancy(causeOf(handover));
  }

  #termStarted(term: number, isOwn: boolean): void {
    this.#watch.reset();
    this.#options.onTerm(term);
    if (!isOwn) this.#election.send({ type: 'term.started' });
  }
}
