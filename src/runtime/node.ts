/** One process in a fleet: an agent, and if it is electable a contender. The one place where their parts are wired. */
import { agentMachine } from '../../actors/agent.ts';
import { coordinatorMachine } from '../../actors/coordinator.ts';
import { electionMachine } from '../../actors/election.ts';
import { memberMachine } from '../../actors/member.ts';
import { charts as compiledCharts } from '../../actors/table.ts';
import { removalOf } from '../domain/decide-members.ts';
import { problem as problemWith, problemOf, type Problem } from '../domain/errors.ts';
import type { Candidate, Profile } from '../domain/events.ts';
import type { AgentId, Incarnation } from '../domain/ids.ts';
import { scoreOf } from '../domain/score.ts';
import type { Settings } from '../domain/settings.ts';
import type { Charts } from '../domain/transitions.ts';
import type { Ports, Subscription } from '../ports.ts';
import type { Subjects } from '../wire/subjects.ts';
import type { Handler } from './attempts.ts';
import { Contender, type Machines } from './contender.ts';
import { Inspector } from './inspector.ts';
import type { Log } from './log.ts';
import { OrderWatch } from './order-watch.ts';
import { Rejections } from './rejections.ts';
import { Roster } from './roster.ts';
import type { VoteHandler } from './ballots.ts';
import { Worker, type Condition } from './worker.ts';

/** Every chart that a node runs; a test may take an edge out of one. */
export interface NodeCharts extends Machines {
  readonly agent: typeof agentMachine;
  readonly tables: Charts;
}

export const defaultCharts: NodeCharts = {
  agent: agentMachine,
  election: electionMachine,
  coordinator: coordinatorMachine,
  member: memberMachine,
  tables: compiledCharts,
};

export interface NodeOptions {
  readonly ports: Ports;
  readonly subjects: Subjects;
  readonly settings: Settings;
  readonly id: AgentId;
  readonly profile: Profile;
  readonly handlers: Readonly<Record<string, Handler>>;
  readonly vote: VoteHandler | null;
  readonly version: string;
  /** How long it waits to be let in. Default: for as long as it takes. */
  readonly joinTimeoutMs?: number;
  readonly log: Log;
  readonly charts?: NodeCharts;
  readonly rank?: (candidates: readonly Candidate[]) => readonly Candidate[];
  readonly onJoined?: () => void;
  /** It left, was refused, replaced, removed, or cannot go on; null: it left as it was told to. */
  readonly onEnded?: (problem: Problem | null) => void;
}

export class FleetNode {
  readonly id: AgentId;
  readonly incarnation: Incarnation;
  readonly worker: Worker;
  readonly contender: Contender | null;
  readonly condition: Condition = { health: 1, load: null };
  readonly #options: NodeOptions;
  readonly #roster: Roster | null;
  readonly #orderWatch: OrderWatch;
  readonly #inspector: Inspector;
  readonly #bus: Subscription;
  #profile: Profile;
  #term = 0;
  #hasJoined = false;
  #isEnded = false;

  constructor(options: NodeOptions) {
    this.#options = options;
    const { ports, subjects, settings, log } = options;
    const charts = options.charts ?? defaultCharts;
    this.id = options.id;
    this.incarnation = ports.random.id() as Incarnation;
    this.#profile = options.profile;
    const rejections = new Rejections(ports.clock, log);
    const { id, incarnation } = this;
    const inspector = new Inspector({ ...ports, subjects, id, incarnation, rejections, log });
    this.#inspector = inspector;
    const heardOf = (term: number): void => {
      this.#term = Math.max(this.#term, term);
    };
    const toldIntervalMs = (): number => this.worker.pulse.toldMs;
    this.#orderWatch = new OrderWatch({
      ...ports,
      subjects,
      settings,
      rejections,
      term: () => this.#term,
      // Their term is not taken for known: anybody who may lead can say any, and what came of it would last.
      onOrders: (orders, from) => {
        this.worker.pulse.tell(orders.heartbeatIntervalMs);
        this.contender?.obey(orders, from);
      },
    });
    this.#roster = options.profile.electable
      ? new Roster({ ...ports, subjects, rejections, presumedMs: toldIntervalMs })
      : null;
    this.contender =
      this.#roster === null
        ? null
        : new Contender({
            ...options,
            charts: charts.tables,
            machines: charts,
            roster: this.#roster,
            rejections,
            inspector,
            incarnation,
            score: () => this.score,
            toldIntervalMs,
            orderWatch: this.#orderWatch,
            hasJoined: () => this.worker.isActive,
            onBroken: (error) => {
              // Who waits for it to join is told by `onEnded`.
              if (this.#hasJoined) log.error({ err: error }, 'the ledger cannot be used');
              this.#end(problemOf(error));
            },
            onTerm: heardOf,
            onStandby: () => {
              this.worker.pulse.now();
            },
            onLeading: () => {
              this.worker.led();
            },
            onRemoved: () => {
              this.worker.expel(problemWith('REMOVED', removalOf(this.id)));
            },
          });
    this.worker = new Worker({
      ports,
      subjects,
      settings,
      machine: charts.agent,
      id,
      incarnation,
      profile: () => this.#profile,
      condition: this.condition,
      handlers: options.handlers,
      vote: options.vote,
      rejections,
      inspector,
      log,
      standing: () => ({
        isLeading: this.contender?.isLeading ?? false,
        isStandby: this.contender?.isStandby ?? false,
        sequence: this.contender?.replica.state.sequence ?? 0,
        ledgerAt: this.contender?.ledgerTime.isAnchored === true ? this.contender.ledgerTime.now() : null,
      }),
      appends: () => this.contender?.office?.committer.appendTimes.figures() ?? null,
      deaf: (max) => this.contender?.office?.liveness.deaf(max) ?? [],
      term: () => this.#term,
      onTerm: heardOf,
      joinTimeoutMs: options.joinTimeoutMs ?? null,
      onWelcome: ({ term, ledgerAt, heartbeatIntervalMs }) => {
        this.worker.pulse.tell(heartbeatIntervalMs);
        heardOf(term);
        this.contender?.ledgerTime.learn(ledgerAt);
      },
      onJoined: () => {
        this.#hasJoined = true;
        options.onJoined?.();
      },
      onLeft: (problem) => {
        this.#resignAndEnd(problem);
      },
    });
    this.#bus = ports.bus.onStatus((status) => {
      if (status === 'lameDuck') this.contender?.lameDuck();
      // Not by us, who close it last of all.
      if (status === 'closed') this.#lose();
    });
  }

  get score(): number {
    return scoreOf({
      priority: this.#profile.priority,
      health: this.condition.health,
      load: this.worker.load,
    });
  }

  get profile(): Profile {
    return this.#profile;
  }

  /** To be shown: the latest that it has heard of, also from orders, which prove nothing; 0: none. */
  get term(): number {
    return Math.max(this.#term, this.#orderWatch.last?.term ?? 0);
  }

  get isLeader(): boolean {
    return this.contender?.isLeading ?? false;
  }

  start(): void {
    this.contender?.start();
    this.worker.start();
  }

  update(changes: Partial<Profile>): void {
    this.#profile = { ...this.#profile, ...changes };
    this.worker.update();
  }

  /** Finishes or hands back its work, resigns if it leads, and goes. `onEnded` tells when. */
  leave(): void {
    this.worker.leave();
  }

  /** Stops without a word, as a killed process would. */
  close(): void {
    this.#isEnded = true;
    this.worker.close();
    this.contender?.close();
    this.#roster?.close();
    this.#orderWatch.close();
    this.#inspector.close();
    this.#bus.close();
  }

  #resignAndEnd(problem: Problem | null): void {
    if (this.contender === null) this.#end(problem);
    else {
      this.contender.withdraw(() => {
        this.#end(problem);
      });
    }
  }

  /** The bus is gone for good. */
  #lose(): void {
    const lost = problemWith('NO_NATS', 'the connection to NATS was closed');
    this.worker.attempts.abortAll(lost.message);
    this.#end(lost);
  }

  #end(problem: Problem | null): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    // The chart that said so is in the middle of its step.
    this.#options.ports.clock.setTimeout(() => {
      this.close();
      this.#options.onEnded?.(problem);
    }, 0);
  }
}
