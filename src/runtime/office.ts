/**
 * What a leading coordinator does between its term-start and its last entry: it answers requests, places tasks,
 * watches members, lets ledger time pass, and sends what the committed state asks for.
 *
 * I11  Nothing leaves this office before the entry that it rests on is acknowledged.
 * I12  A broken invariant ends the term: the speculative state is dropped and the node replays.
 */
import type { memberMachine } from '../../actors/member.ts';
import type { Author } from '../domain/apply.ts';
import type { MemberEvent } from '../domain/apply-member.ts';
import { decideDeath } from '../domain/decide-members.ts';
import { decideTimer } from '../domain/decide-time.ts';
import type { DecisionContext } from '../domain/decision.ts';
import type { Entry, HandoverReason, LedgerEvent } from '../domain/events.ts';
import type { AgentId } from '../domain/ids.ts';
import { Placement } from '../domain/placement.ts';
import type { Settings } from '../domain/settings.ts';
import { isPresent, type FleetState } from '../domain/state.ts';
import type { Charts } from '../domain/transitions.ts';
import type { Bus, Clock, Ledger, Random, Subscription } from '../ports.ts';
import type { Subjects } from '../wire/subjects.ts';
import { Alarm } from './alarm.ts';
import { Committer } from './committer.ts';
import { Dispatch } from './dispatch.ts';
import { Feed } from './feed.ts';
import type { Inspector } from './inspector.ts';
import { Fullness } from './fullness.ts';
import { Liveness } from './liveness.ts';
import type { Log } from './log.ts';
import { Orders } from './orders.ts';
import type { Rejections } from './rejections.ts';
import type { Replica } from './replica.ts';
import { Reader } from './reader.ts';
import { Reception } from './reception.ts';
import type { Beat, Roster } from './roster.ts';
import { reconcile, takeBackUndelivered } from './reconcile.ts';
import type { SlotWriter } from './slot-writer.ts';

export interface OfficeOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: Bus;
  readonly ledger: Pick<Ledger, 'broker'>;
  readonly subjects: Subjects;
  readonly settings: Settings;
  readonly charts: Charts;
  readonly memberMachine: typeof memberMachine;
  readonly replica: Replica;
  readonly writer: SlotWriter;
  readonly roster: Roster;
  readonly rejections: Rejections;
  readonly inspector: Inspector;
  readonly author: Author;
  /** This agent's own score now. */
  readonly score: () => number;
  /** How often agents beat when the term begins, by what was last ordered. */
  readonly toldIntervalMs: number;
  readonly ledgerNow: () => number;
  readonly log: Log;
  /** The term is over, or must end: what the ledger said, or what broke. */
  readonly onOver: (outcome: 'foreign' | 'unresolved') => void;
  /** The ledger is nearly full: somebody should shorten it. */
  readonly onFull: () => void;
  /** It is in the ledger that the leader itself was removed. */
  readonly onRemoved: () => void;
  /** The leader itself thinks that another should lead. */
  readonly onResign: (reason: HandoverReason) => void;
}

export class Office {
  readonly options: OfficeOptions;
  readonly committer: Committer;
  readonly dispatch: Dispatch;
  readonly liveness: Liveness;
  readonly orders: Orders;
  readonly placement: Placement;
  readonly reception: Reception;
  /** What is shown of the fleet, as it will be when the open entry is stored. */
  readonly reader: Reader;
  readonly #alarm: Alarm;
  readonly #fullness: Fullness;
  readonly #feed: Feed;
  readonly #beats: Subscription;
  readonly #online: Subscription;
  readonly #missed = new Map<string, number>();
  #isClosed = false;
  #isResigning = false;
  readonly #afterHandover: (() => void)[] = [];

  constructor(options: OfficeOptions) {
    this.options = options;
    const { clock, bus, subjects, settings, replica, roster, author } = options;
    const { state } = replica;
    this.committer = new Committer({
      ...options,
      onApplied: (event) => {
        this.#applied(event);
      },
      onSeal: () => {
        this.#guard('placing', () => {
          this.#place();
        });
      },
      onCommitted: (entry, sequence) => {
        this.#committed(entry, sequence);
      },
      onError: (error) => {
        options.log.error({ err: error, term: author.term }, 'an answer or an effect failed');
      },
      onOutcome: options.onOver,
    });
    this.reception = new Reception({
      committer: this.committer,
      context: () => this.context(),
      voice: () => ({ term: author.term, sequence: replica.committedSequence }),
      hours: () => (this.#isClosed ? 'closed' : this.#isResigning ? 'resigning' : 'open'),
      guard: (run) => {
        this.#guard('request', run);
      },
    });
    this.orders = new Orders({
      ...options,
      state,
      presentMs: options.toldIntervalMs,
      memberState: (id) => this.liveness.stateOf(id),
      onOutscored: () => {
        this.resign('preempt');
      },
    });
    this.liveness = new Liveness({
      clock,
      state,
      intervalMs: () => this.orders.heartbeatIntervalMs,
      announced: ({ id, incarnation }) => {
        const beat = roster.get(id);
        return beat?.incarnation === incarnation ? beat.intervalMs : null;
      },
      settings,
      self: author.id,
      machine: options.memberMachine,
      inspector: options.inspector,
      isAfterCutOff: state.previousHandover === 'cutOff',
      canHear: () => {
        this.#checkConnection();
        return bus.isOnline && options.writer.disconnectedMs() === 0;
      },
      probe: (id) => {
        this.#probe(id);
      },
      onDead: (member, reason) => {
        if (this.#isClosed || this.#isResigning) return;
        this.#guard('death', () => {
          decideDeath(this.context(), member, reason);
        });
      },
      onDeaf: (member) => {
        if (this.#isClosed || this.#isResigning) return;
        this.#guard('taking back', () => {
          takeBackUndelivered(this, member);
        });
      },
      onChanged: (id) => {
        this.placement.touch(id);
        this.committer.poke();
      },
      onCutOff: () => {
        this.resign('cutOff');
      },
    });
    this.placement = new Placement(state, {
      loadOf: (id) => roster.setLoadOf(id),
      isEligible: (id) => this.liveness.stateOf(id) === 'alive',
    });
    this.reader = new Reader({
      fleet: subjects.fleet,
      state: () => this.state,
      memberState: (id) => this.liveness.stateOf(id),
      suspicionOf: (id) => this.liveness.suspicionOf(id),
      roster,
      now: () => clock.now(),
      ledgerNow: options.ledgerNow,
      hasLeader: () => true,
      broker: () => options.ledger.broker,
    });
    this.#fullness = new Fullness(options);
    this.#alarm = new Alarm({
      ...options,
      state,
      openAt: () => this.committer.at,
      onRing: () => {
        this.#guard('timers', () => {
          this.#runTimers();
        });
      },
    });
    this.dispatch = new Dispatch({
      clock,
      bus,
      subjects,
      settings,
      state,
      term: author.term,
      rejections: options.rejections,
      onAnswered: (id) => {
        this.liveness.answered(id);
      },
      onUnreachable: (id) => {
        this.liveness.unreachable(id);
      },
      onUnanswered: (id, sentAt) => {
        this.liveness.unanswered(id, sentAt);
      },
      onHigherTerm: () => {
        this.verify();
      },
    });
    this.#feed = new Feed({ bus, subjects, state });
    this.#beats = roster.onBeat((beat) => {
      this.#heard(beat);
    });
    this.#online = bus.onStatus((status) => {
      if (status === 'online') this.liveness.graceForAll();
    });
    this.dispatch.flush();
    this.#alarm.set();
    this.committer.poke();
  }

  /** The term has begun: tells the world, and every member, which shows at once who is there. */
  begin(entry: Entry, sequence: number): void {
    this.#feed.publish(entry, sequence);
    for (const member of this.state.members.values()) if (isPresent(member)) this.#probe(member.id);
    this.orders.start();
  }

  get state(): FleetState {
    return this.options.replica.state;
  }

  get isResigning(): boolean {
    return this.#isResigning;
  }

  context(): DecisionContext {
    const { random, roster, settings } = this.options;
    return {
      state: this.state,
      settings,
      at: this.committer.at,
      chance: () => random.next(),
      healthOf: (id) => roster.healthOf(id),
      emit: (event) => {
        this.committer.emit(event);
      },
      refusalOfNew: () => this.#fullness.refusal,
      mayBreak: (bytes = 0) => {
        this.committer.admit(bytes);
      },
    };
  }

  /** Somebody may lead after us: an append will tell. */
  verify(): void {
    if (!this.#isClosed) this.committer.afterFreshCommit(() => undefined);
  }

  resign(reason: HandoverReason): void {
    if (!this.#isClosed && !this.#isResigning) this.options.onResign(reason);
  }

  /** Appends the handover as the last event of the term. */
  handOver(reason: HandoverReason, done: () => void): void {
    this.#isResigning = true;
    this.orders.close();
    this.#guard('handover', () => {
      this.committer.emit({ type: 'term.handedOver', reason });
      this.committer.finish();
      this.committer.afterCommit(() => {
        for (const run of this.#afterHandover) run();
        done();
      });
    });
  }

  /** Runs when the handover is in the ledger. */
  afterHandover(run: () => void): void {
    this.#afterHandover.push(run);
  }

  close(): void {
    this.#isClosed = true;
    this.committer.stop();
    this.dispatch.stop();
    this.liveness.stop();
    this.orders.close();
    this.#fullness.close();
    this.#beats.close();
    this.#online.close();
    this.#alarm.close();
  }

  #applied(event: LedgerEvent): void {
    this.placement.observe(event);
    this.#alarm.observe(event);
    this.reader.touch(event);
    if (event.type === 'task.assigned') this.dispatch.expect(event.id, event.attempt);
    if (event.type.startsWith('member.')) this.liveness.observe(event as MemberEvent);
    this.#alarm.set();
  }

  #committed(entry: Entry, sequence: number): void {
    for (const event of entry.events) {
      this.dispatch.observe(event);
      if (event.type === 'member.forgotten' || event.type === 'member.removed')
        this.options.roster.forget(event.id);
    }
    this.dispatch.flush();
    this.#feed.publish(entry, sequence);
    this.#alarm.set();
    if (this.state.removed.has(this.options.author.incarnation)) this.#leaveIfRemoved(entry);
  }

  /** The state may be ahead of the ledger: what counts is what this entry says. */
  #leaveIfRemoved({ events }: Entry): void {
    const { author, onRemoved } = this.options;
    const isRemoval = (event: LedgerEvent): boolean =>
      event.type === 'member.removed' && event.incarnation === author.incarnation;
    if (events.some(isRemoval)) onRemoved();
  }

  #place(): void {
    if (this.#isClosed || this.#isResigning || this.reception.isSettling) return;
    this.placement.place(this.committer.room, (placed) => {
      this.committer.emit({ type: 'task.assigned', ...placed });
    });
  }

  #heard(beat: Beat): void {
    if (this.#isClosed || this.#isResigning) return;
    // An old leader that has nothing to append would otherwise never learn that it is one.
    if (beat.term > this.options.author.term) this.verify();
    this.liveness.heard(beat);
    this.placement.touch(beat.id);
    this.#guard('reconcile', () => {
      reconcile(this, beat, this.#missed);
    });
    this.committer.poke();
  }

  /** Rule 8: who cannot append for too long leads no longer, also when there is nothing to append. */
  #checkConnection(): void {
    const { writer, onOver } = this.options;
    if (!this.#isClosed && writer.disconnectedMs() > writer.patienceMs) onOver('unresolved');
  }

  #probe(id: AgentId): void {
    const { settings, clock } = this.options;
    const sentAt = clock.now();
    this.dispatch.probe(id, settings.heartbeatIntervalMs, (outcome) => {
      if (outcome.kind === 'noResponders') {
        this.liveness.unreachable(id);
      } else if (outcome.kind === 'timeout') {
        this.liveness.unanswered(id, sentAt);
      } else if (outcome.kind === 'reply') {
        const { reply } = outcome;
        if (reply.incarnation === this.state.members.get(id)?.incarnation) this.liveness.answered(id);
        if (reply.term > this.options.author.term) this.verify();
      }
    });
  }

  #runTimers(): void {
    if (this.#isClosed || this.#isResigning) return;
    for (;;) {
      const timer = this.#alarm.takeDue();
      if (timer === null) break;
      this.committer.admit(0);
      decideTimer(this.context(), timer);
    }
    this.#alarm.set();
  }

  /** I12. */
  #guard(what: string, run: () => void): void {
    try {
      run();
    } catch (error) {
      const { log, author, onOver } = this.options;
      log.error(
        { err: error, term: author.term, sequence: this.state.sequence },
        `${what} broke an invariant`,
      );
      this.close();
      onOver('unresolved');
    }
  }
}
