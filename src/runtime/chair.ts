/**
 * The leader's chair: interprets the `coordinator` chart. It reads what is missing, appends the term-start, opens
 * the office when the slot is known to be ours, and empties it when the term is over.
 */
import { createActor, type ActorRefFrom } from 'xstate';
import type { Claim, coordinatorMachine } from '../../actors/coordinator.ts';
import type { memberMachine } from '../../actors/member.ts';
import type { Entry, HandoverReason } from '../domain/events.ts';
import type { AgentId, Incarnation } from '../domain/ids.ts';
import type { Settings } from '../domain/settings.ts';
import type { Charts } from '../domain/transitions.ts';
import type { BoundsOutcome, Ports, Subscription } from '../ports.ts';
import { encodeEntry } from '../wire/entry.ts';
import type { Subjects } from '../wire/subjects.ts';
import { endpointsFor } from './api.ts';
import { openDesk } from './desk.ts';
import { causeOf } from './leader-watch.ts';
import type { LedgerTime } from './ledger-time.ts';
import type { Log } from './log.ts';
import { Office } from './office.ts';
import { Provenance } from './provenance.ts';
import type { Rejections } from './rejections.ts';
import type { Replica } from './replica.ts';
import type { Roster } from './roster.ts';
import { SlotWriter, type WriteOutcome } from './slot-writer.ts';
import { nameOf, type Inspector } from './inspector.ts';

/** What whoever may lead brings along: the process, its fleet, and what it knows of the others. */
export interface ChairParts {
  readonly ports: Ports;
  readonly subjects: Subjects;
  readonly settings: Settings;
  readonly charts: Charts;
  readonly machines: {
    readonly coordinator: typeof coordinatorMachine;
    readonly member: typeof memberMachine;
  };
  readonly roster: Roster;
  readonly rejections: Rejections;
  readonly inspector: Inspector;
  readonly id: AgentId;
  readonly incarnation: Incarnation;
  readonly version: string;
  /** This agent's own score now. */
  readonly score: () => number;
  /** How often agents beat, by what was last ordered. */
  readonly toldIntervalMs: () => number;
  readonly log: Log;
  /** The ledger says that this process was removed. */
  readonly onRemoved: () => void;
  /** The ledger cannot be used until somebody changes something. */
  readonly onBroken: (error: Error) => void;
}

export interface ChairOptions extends ChairParts {
  readonly replica: Replica;
  readonly ledgerTime: LedgerTime;
  /** The ledger is nearly full. */
  readonly onFull: () => void;
  readonly onClaimWon: () => void;
  readonly onClaimLost: () => void;
  /** `isSettled`: everything that was applied is in the ledger. */
  readonly onTermOver: (isSettled: boolean) => void;
  /** The office itself thinks that another should lead. */
  readonly onResign: (reason: HandoverReason) => void;
}

/** Slots that a claim reads itself; further behind than that, it is not caught up. */
const CATCH_UP_MAX = 1_000;
/** Without a connection to append on for this long, a leader says that it does not lead. */
const UNFIT_MS = 1_000;

export class Chair {
  readonly #options: ChairOptions;
  readonly #writer: SlotWriter;
  readonly #provenance: Provenance;
  readonly #actor: ActorRefFrom<typeof coordinatorMachine>;
  #office: Office | null = null;
  #rooms: Subscription[] = [];
  /** Our latest claim. */
  #termStart: { readonly entry: Entry; readonly slot: number } | null = null;

  constructor(options: ChairOptions) {
    this.#options = options;
    const { ports, settings, log, onBroken } = options;
    this.#writer = new SlotWriter({ ...ports, settings, log, onBroken });
    this.#provenance = new Provenance({
      ...options,
      clock: ports.clock,
      patienceMs: settings.appendResignReplicatedMs,
    });
    this.#actor = createActor(this.#logic(), { clock: ports.clock });
    options.inspector.show('coordinator', this.#actor);
  }

  start(): void {
    this.#actor.start();
  }

  /** Whoever sits on it now; null: this process does not lead. */
  get office(): Office | null {
    return this.#office;
  }

  /** State of the chart, for people. */
  get state(): string {
    return nameOf(this.#actor.getSnapshot().value);
  }

  /** Leads, and can prove it by appending; or nobody could, as while the servers that hold the copies elect. */
  get isLeading(): boolean {
    if (this.#office !== null && this.#writer.mayFailOver) return !this.#office.isResigning;
    return this.#office !== null && !this.#office.isResigning && this.#writer.disconnectedMs() < UNFIT_MS;
  }

  get isConnected(): boolean {
    return this.#writer.disconnectedMs() === 0;
  }

  /** A term-start is under way: nothing may be applied past its slot. */
  get isClaiming(): boolean {
    return this.#actor.getSnapshot().matches('claiming');
  }

  claim(claim: Claim): void {
    this.#actor.send({ type: 'claim', claim });
  }

  resign(reason: HandoverReason): void {
    this.#actor.send({ type: 'resign', reason });
  }

  /** Calls back when nobody sits on it any more. */
  onceEmpty(done: () => void): void {
    if (this.#office === null) {
      done();
      return;
    }
    const subscription = this.#actor.subscribe((snapshot) => {
      if (!snapshot.matches('standby')) return;
      subscription.unsubscribe();
      done();
    });
  }

  /** Asks the stream's leader for its last sequence, again until it is told, and no snapshot speaks against it. */
  measure(done: (last: number) => void): void {
    const { ports, settings } = this.#options;
    const again = (): void => {
      ports.clock.setTimeout(() => {
        this.measure(done);
      }, settings.probeIntervalMs);
    };
    this.#writer.withConnection((connection) => {
      this.#provenance.look(connection, (isClear) => {
        if (!isClear) {
          again();
          return;
        }
        const { committedSequence } = this.#options.replica;
        connection.readBounds((bounds) => {
          this.#foundEnd(bounds, committedSequence);
          if (bounds.kind === 'bounds') done(bounds.last);
          else again();
        });
      });
    });
  }

  /** Holds no connection until `wake`; nobody may sit on it, or claim it. */
  rest(): void {
    this.#writer.rest();
  }

  wake(): void {
    this.#writer.wake();
  }

  close(): void {
    this.#leaveOffice();
    this.#actor.stop();
    this.#writer.close();
  }

  #logic() {
    return this.#options.machines.coordinator.provide({
      actions: {
        catchUp: () => {
          this.#catchUp();
        },
        appendTermStart: (_, { claim }) => {
          if (claim !== null) this.#appendTermStart(claim);
        },
        claimLost: () => {
          this.#options.replica.follow();
          this.#options.onClaimLost();
        },
        takeOffice: () => {
          this.#takeOffice();
        },
        appendHandover: (_, { reason }) => {
          this.#office?.handOver(reason, () => {
            this.#actor.send({ type: 'append.committed' });
          });
        },
        leaveOffice: () => {
          this.#leaveOffice();
        },
      },
    });
  }

  /** Rule 1: what the stream has and we have not, read from its leader. */
  #catchUp(): void {
    const { term } = this.#options.replica.state;
    const fail = (): void => {
      this.#actor.send({ type: 'catchUp.failed' });
    };
    this.#writer.withConnection((connection) => {
      const readOn = (last: number): void => {
        const { state } = this.#options.replica;
        if (state.term !== term || this.#options.replica.isBroken) fail();
        else if (state.sequence >= last) this.#actor.send({ type: 'caughtUp' });
        else {
          const next = state.sequence + 1;
          connection.readSlot(next, (slot) => {
            if (slot.kind !== 'entry') {
              fail();
              return;
            }
            this.#options.replica.receive(next, slot.data);
            readOn(last);
          });
        }
      };
      const { committedSequence } = this.#options.replica;
      connection.readBounds((bounds) => {
        const { state } = this.#options.replica;
        this.#foundEnd(bounds, committedSequence);
        if (bounds.kind === 'bounds' && bounds.last < committedSequence) fail();
        else if (bounds.kind === 'unavailable' || bounds.last - state.sequence > CATCH_UP_MAX) fail();
        else readOn(bounds.last);
      });
    });
  }

  #foundEnd(bounds: BoundsOutcome, committed: number): void {
    if (bounds.kind === 'bounds') this.#options.replica.foundEnd(bounds.last, committed);
    else if (bounds.isMissing === true) this.#options.replica.foundEnd(0, committed);
  }

  #appendTermStart(claim: Claim): void {
    const { ports, id, incarnation } = this.#options;
    const { state } = this.#options.replica;
    // What we learn about this slot must come from the writer, not from reading our own id in the ledger.
    this.#options.replica.pause();
    const slot = state.sequence + 1;
    const entry: Entry = {
      v: 1,
      genesis: state.genesis === '' ? ports.random.id() : state.genesis,
      term: state.term + 1,
      leader: id,
      incarnation,
      at: Math.max(state.at, this.#options.ledgerTime.now()),
      previous: this.#options.replica.lastHash,
      events: [
        {
          type: 'term.started',
          // Word that the leader is gone may have come before its handover: the ledger knows better why.
          cause: state.handover === null ? claim.cause : causeOf(state.handover),
          candidates: claim.candidates,
          durationMs: Math.round(ports.clock.now() - claim.since),
        },
      ],
    };
    this.#termStart = { entry, slot };
    const data = encodeEntry(entry);
    this.#writer.write(data, slot, (outcome: WriteOutcome) => {
      if (outcome === 'committed') this.#options.replica.receive(slot, data);
      // Ours is in the ledger, and so may be what follows it: then that term is over already.
      const isOver = outcome === 'committed' && this.#options.replica.state.sequence !== slot;
      this.#actor.send({ type: `append.${isOver ? 'foreign' : outcome}` });
    });
  }

  #takeOffice(): void {
    const { ports, subjects, settings, charts, machines, roster, rejections, inspector } = this.#options;
    const { id, incarnation, version, score, toldIntervalMs, log } = this.#options;
    const { state } = this.#options.replica;
    this.#options.ledgerTime.take();
    const office = new Office({
      ...ports,
      subjects,
      settings,
      charts,
      memberMachine: machines.member,
      replica: this.#options.replica,
      writer: this.#writer,
      roster,
      rejections,
      inspector,
      author: { term: state.term, id, incarnation, genesis: state.genesis },
      score,
      toldIntervalMs: toldIntervalMs(),
      ledgerNow: () => this.#options.ledgerTime.now(),
      log,
      onFull: this.#options.onFull,
      onRemoved: this.#options.onRemoved,
      onOver: (outcome) => {
        this.#actor.send({ type: `append.${outcome}` });
      },
      onResign: (reason) => {
        this.#options.onResign(reason);
      },
    });
    this.#office = office;
    this.#rooms = [
      openDesk(office),
      ports.bus.serve({
        name: 'conclave',
        version,
        description: `coordinator of fleet ${subjects.fleet}: agent ${id}, term ${state.term}`,
        metadata: { fleet: subjects.fleet, agent: id, term: String(state.term) },
        queue: incarnation,
        endpoints: endpointsFor(office),
        stats: () => ({
          role: 'leader',
          term: state.term,
          tasks: office.state.counts.tasks,
          messagesRefused: rejections.total,
        }),
      }),
    ];
    log.info({ term: state.term, fencingToken: state.fencingToken }, 'leading');
    this.#options.onClaimWon();
    if (this.#termStart !== null) office.begin(this.#termStart.entry, this.#termStart.slot);
  }

  #leaveOffice(): void {
    const office = this.#office;
    if (office === null) return;
    this.#office = null;
    for (const room of this.#rooms) room.close();
    this.#rooms = [];
    const { isSettled } = office.committer;
    office.close();
    this.#options.log.info({ term: office.options.author.term, isSettled }, 'leading no more');
    if (isSettled) this.#options.replica.follow();
    else this.#options.replica.restart();
    this.#options.onTermOver(isSettled);
  }
}
