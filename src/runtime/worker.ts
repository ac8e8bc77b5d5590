/**
 * The part of a process that is an agent: it joins, beats, takes work from its inbox, votes, reports, and leaves.
 * Interprets the `agent` chart. What it says to its leader about its membership is in `member-requests.ts`.
 */
import { createActor, type ActorRefFrom } from 'xstate';
import type { agentMachine } from '../../actors/agent.ts';
import { problem as problemWith, type Problem } from '../domain/errors.ts';
import type { Profile } from '../domain/events.ts';
import type { AgentId, Incarnation, TaskId } from '../domain/ids.ts';
import { attemptKey } from '../domain/state.ts';
import type { Settings } from '../domain/settings.ts';
import type { Ports, Subscription } from '../ports.ts';
import type { JoinReply } from '../wire/answers.ts';
import { contentTypes, encode } from '../wire/codec.ts';
import type { Heartbeat, WorkMessage } from '../wire/messages.ts';
import type { Subjects } from '../wire/subjects.ts';
import { Admission } from './admission.ts';
import type { AppendFigures } from './append-times.ts';
import { Attempts, type Handler } from './attempts.ts';
import { Ballots, type VoteHandler } from './ballots.ts';
import { Courier } from './courier.ts';
import { Inbox } from './inbox.ts';
import type { Log } from './log.ts';
import { MemberRequests, type Verdict } from './member-requests.ts';
import { Pulse } from './pulse.ts';
import type { Rejections } from './rejections.ts';
import { nameOf, type Inspector } from './inspector.ts';

/** What the agent says of itself beyond its profile. */
export interface Condition {
  health: number;
  /** Set by the author; null: used slots / slots. */
  load: number | null;
}

export interface Standing {
  readonly isLeading: boolean;
  readonly isStandby: boolean;
  /** Last entry that its replica has applied; 0: it has none. */
  readonly sequence: number;
  readonly ledgerAt: number | null;
}

export interface WorkerOptions {
  readonly ports: Ports;
  readonly subjects: Subjects;
  readonly settings: Settings;
  readonly machine: typeof agentMachine;
  readonly id: AgentId;
  readonly incarnation: Incarnation;
  readonly profile: () => Profile;
  readonly condition: Condition;
  readonly handlers: Readonly<Record<string, Handler>>;
  readonly vote: VoteHandler | null;
  readonly rejections: Rejections;
  readonly inspector: Inspector;
  readonly log: Log;
  /** What this process is beside an agent: asked by probes. */
  readonly standing: () => Standing;
  /** How its appends went, while it leads; null: it does not. */
  readonly appends: () => AppendFigures | null;
  /** While it leads: members that beat and do not answer their inbox, so many at the most. */
  readonly deaf: (max: number) => readonly AgentId[];
  readonly term: () => number;
  readonly onTerm: (term: number) => void;
  /** How long it waits to be let in; null: for as long as it takes. */
  readonly joinTimeoutMs: number | null;
  /** The leader answered a join, a drain or a leave. */
  readonly onWelcome: (reply: JoinReply) => void;
  readonly onJoined: () => void;
  /** It is over: left, refused, replaced, or removed. */
  readonly onLeft: (problem: Problem | null) => void;
}

/** Names in a beat. */
const DEAF_TOLD_MAX = 256;
const json = { 'Content-Type': contentTypes.json };

export class Worker {
  readonly attempts: Attempts;
  readonly pulse: Pulse;
  readonly #options: WorkerOptions;
  readonly #actor: ActorRefFrom<typeof agentMachine>;
  readonly #courier: Courier;
  readonly #ballots: Ballots;
  readonly #requests: MemberRequests;
  readonly #inbox: Inbox;
  /** While it waits to be let in for the first time. */
  #admission: Admission | null = null;
  readonly #status: Subscription;
  #refusal: Problem | null = null;
  #isClosed = false;
  #hasJoined = false;
  #occupancy: 'idle' | 'busy' | 'full' = 'idle';
  /** Sent so far. */
  #beats = 0;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { ports, subjects, settings, id, incarnation } = options;
    this.#courier = new Courier({
      ...ports,
      subject: subjects.agent('report', id),
      incarnation,
      resendMs: settings.resendMs,
      log: options.log,
      rejections: options.rejections,
      onStale: (report) => {
        this.attempts.abort(report.id, report.attempt, 'not assigned to this agent any more');
      },
      onUnknown: () => {
        this.#actor.send({ type: 'membership.unknown' });
      },
      onTerm: options.onTerm,
      onStarted: ({ id, attempt }) => {
        this.attempts.recorded(id, attempt);
      },
      onAnswered: () => {
        this.#loadChanged();
      },
    });
    this.attempts = new Attempts({
      handlers: options.handlers,
      resultBytesMax: settings.payloadBytesMax,
      clock: ports.clock,
      log: options.log,
      report: (report) => {
        this.#courier.add(report);
      },
      onChanged: () => {
        this.#loadChanged();
      },
      onProgress: () => {
        this.pulse.soon();
      },
      // What a leader tells itself is lost with it, unless it is in the ledger.
      startDelayMs: () => (options.standing().isLeading ? settings.resendMs : 0),
    });
    this.pulse = new Pulse({
      clock: ports.clock,
      ownIntervalMs: settings.heartbeatIntervalMs,
      isLeading: () => options.standing().isLeading,
      beat: () => {
        this.#beat();
      },
    });
    this.#ballots = new Ballots({
      ...ports,
      subject: subjects.agent('ballot', id),
      resendMs: settings.resendMs,
      vote: options.vote,
      rejections: options.rejections,
      log: options.log,
    });
    this.#requests = new MemberRequests({
      ...ports,
      ...options,
      resendMs: settings.resendMs,
      isActive: () => this.isActive,
      onUpdate: () => {
        this.pulse.now();
      },
    });
    this.#inbox = new Inbox({
      ...ports,
      ...options,
      onNewLeader: () => {
        this.#courier.askAnew();
        this.#ballots.askAnew();
      },
      onWork: (work) => {
        this.#take(work);
      },
    });
    this.#actor = createActor(this.#logic(), { clock: ports.clock });
    options.inspector.show('agent', this.#actor);
    this.#status = ports.bus.onStatus((status) => {
      // It has left, and its connection goes after it.
      if (this.#actor.getSnapshot().status !== 'active') return;
      if (status === 'online') this.#actor.send({ type: 'connection.up' });
      if (status === 'offline') this.#actor.send({ type: 'connection.lost' });
    });
  }

  /** State of the chart, for people. */
  get state(): string {
    return nameOf(this.#actor.getSnapshot().value);
  }

  /** Works, or waits for work, as a member. */
  get isActive(): boolean {
    return this.#is('active');
  }

  get load(): number {
    return this.#options.condition.load ?? Math.min(1, this.attempts.count / this.#options.profile().slots);
  }

  start(): void {
    const { ports, subjects, log, profile, joinTimeoutMs } = this.#options;
    this.#admission = new Admission({
      clock: ports.clock,
      log,
      fleet: subjects.fleet,
      isElectable: () => profile().electable,
      timeoutMs: joinTimeoutMs,
      onGivenUp: (why) => {
        this.#giveUp(why);
      },
    });
    this.#actor.start();
    if (this.#options.ports.bus.isOnline) this.#actor.send({ type: 'connection.up' });
  }

  leave(): void {
    if (!this.#isClosed) this.#actor.send({ type: 'leave' });
  }

  /** It is no member any more: drops its work at once, and ends with this problem. */
  expel(problem: Problem): void {
    if (this.#isClosed) return;
    this.#refusal = problem;
    this.#actor.send({ type: 'expelled' });
  }

  /** Leads from now on: others probe it, also before it has joined, and judge it by its beats. */
  led(): void {
    this.#inbox.open();
    this.pulse.restart();
  }

  /** Tells the leader of a changed profile: now, or as soon as it is a member and connected. */
  update(): void {
    this.#requests.update();
  }

  /** Stops without a word, as a killed process would. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#status.close();
    this.#stopWorking();
    this.#ballots.stop();
    this.#requests.close();
    this.#actor.stop();
  }

  /** Connected, and in this part of its life. */
  #is(part: 'joining' | 'active' | 'draining' | 'leaving'): boolean {
    return this.#actor.getSnapshot().matches({ online: part });
  }

  #logic() {
    const { settings, machine } = this.#options;
    return machine.provide({
      actions: {
        requestJoin: () => {
          this.#requests.join((verdict) => {
            this.#joinAnswered(verdict);
          });
        },
        startWorking: () => {
          this.#startWorking();
        },
        stopWorking: () => {
          this.#stopWorking();
          this.#options.onLeft(this.#refusal);
        },
        announceDrain: () => {
          this.#requests.ask(
            'drain',
            () => this.#is('draining'),
            () => {
              this.#loadChanged(true);
            },
          );
        },
        handBack: () => {
          this.attempts.abortAll('the agent leaves');
        },
        requestLeave: () => {
          this.#requests.ask(
            'leave',
            () => this.#is('leaving'),
            () => {
              this.#actor.send({ type: 'leave.answered' });
            },
          );
        },
        abandonWork: () => {
          this.attempts.abortAll(this.#refusal?.message ?? 'this agent is no member any more');
        },
      },
      delays: {
        joinRetry: settings.resendMs / 2,
        leaveGrace: settings.leaveGraceMs,
        leavePatience: settings.resendMs * 4,
      },
    });
  }

  #joinAnswered(verdict: Verdict): void {
    switch (verdict.kind) {
      case 'accepted':
        this.#actor.send({ type: 'join.accepted' });
        this.#options.onJoined();
        break;
      case 'postponed':
        this.#admission?.postponed(verdict.by);
        this.#actor.send({ type: 'join.postponed' });
        break;
      case 'refused':
        this.#refused(verdict.problem);
        break;
    }
  }

  #refused(problem: Problem): void {
    if (!this.#hasJoined) {
      this.#refusal = problem;
      this.#actor.send({ type: 'join.refused' });
    } else {
      // A member already: removed by hand, or somebody else answers for the id, which was taken while we slept.
      this.expel(problem.code === 'REMOVED' ? problem : problemWith('REPLACED', problem.message));
    }
  }

  /** It has waited to be let in for as long as it was told to. */
  #giveUp(why: Problem): void {
    if (this.#isClosed) return;
    this.#refusal = why;
    // Who is not connected cannot be waiting for an answer: it goes as if it were told to.
    this.#actor.send({ type: this.#is('joining') ? 'join.refused' : 'leave' });
  }

  #startWorking(): void {
    this.#hasJoined = true;
    this.#admission?.end();
    this.#inbox.open();
    this.pulse.start();
    this.#requests.tellIfDue();
    this.#loadChanged(true);
  }

  #stopWorking(): void {
    this.#admission?.end();
    this.attempts.stop();
    this.#courier.stop();
    this.#inbox.close();
    this.pulse.stop();
  }

  /** The chart is told only of what it can see: idle, busy, full. */
  #loadChanged(isForced = false): void {
    if (this.#actor.getSnapshot().status !== 'active') return;
    const { slots } = this.#options.profile();
    // Who leaves is done when the leader has what came of its work, not when its handlers have returned.
    const isDraining = this.#is('draining');
    const running = this.attempts.count + (isDraining ? this.#courier.pending : 0);
    const occupancy = running === 0 ? 'idle' : running >= slots ? 'full' : 'busy';
    if (occupancy === this.#occupancy && !isForced && !isDraining) return;
    this.#occupancy = occupancy;
    this.#actor.send({ type: 'load.changed', running, slots });
  }

  #beat(): void {
    const { ports, subjects, id, incarnation, profile, condition, standing, term } = this.#options;
    const { electable, priority } = profile();
    const { isStandby, ledgerAt } = standing();
    const appends = this.#options.appends();
    const deaf = this.#options.deaf(DEAF_TOLD_MAX);
    this.#beats += 1;
    const beat: Heartbeat = {
      incarnation,
      number: this.#beats,
      health: condition.health,
      load: this.load,
      isLoadSet: condition.load !== null,
      intervalMs: this.pulse.intervalMs,
      lagMs: this.pulse.lagMs,
      state: this.state,
      electable,
      priority,
      isStandby,
      ledgerAt,
      term: term(),
      running: this.attempts.list(),
      reportsPending: this.#courier.pending,
      ...(deaf.length === 0 ? {} : { deaf: [...deaf] }),
      ...(appends === null ? {} : { appends: { ...appends, buckets: [...appends.buckets] } }),
    };
    ports.bus.publish({
      subject: subjects.agent('heartbeat', id),
      data: encode(beat, 'json'),
      headers: json,
    });
  }

  #take(work: WorkMessage): void {
    if (work.isUnknown) this.#actor.send({ type: 'membership.unknown' });
    for (const assignment of work.assign) this.attempts.start(assignment);
    for (const { id, attempt, reason } of work.abort) this.#stopAttempt(id as TaskId, attempt, reason);
    for (const request of work.vote) this.#ballots.ask(request);
  }

  /** What does not run any more is answered at once: somebody waits for it. */
  #stopAttempt(id: TaskId, attempt: number, reason: string): void {
    if (this.attempts.has(id, attempt)) this.attempts.abort(id, attempt, reason);
    else if (!this.#courier.carries(attemptKey(id, attempt)))
      this.#courier.add({ kind: 'returned', id, attempt });
  }
}
