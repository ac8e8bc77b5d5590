/**
 * An agent as its author holds it: a member of a fleet, with everything a client can do. Runs on ports, so also
 * simulated; `joinFleet` puts it on NATS.
 */
import { DEFAULT_FLEET } from './defaults.ts';
import { ConclaveError, errorOf, type Problem } from '../domain/errors.ts';
import type { Profile } from '../domain/events.ts';
import type { AgentId } from '../domain/ids.ts';
import type { Settings } from '../domain/settings.ts';
import { shareOf } from '../domain/share.ts';
import type { Ports } from '../ports.ts';
import type { Log } from '../runtime/log.ts';
import { FleetNode } from '../runtime/node.ts';
import { subjectsOf } from '../wire/subjects.ts';
import { Fleet } from './fleet.ts';
import { fleetOptionsOf, profileFrom, type JoinOptions } from './options.ts';
import { VERSION } from './version.ts';
import { simplyWait, type Wait } from './wait.ts';

export class Agent {
  readonly id: string;
  /** Everything a client can do, on this agent's connection. */
  readonly fleet: Fleet;
  /** Settles when the agent has ended: left, or (rejected) replaced, removed, or cut from its ledger for good. */
  readonly ended: Promise<void>;
  readonly #node: FleetNode;
  readonly #log: Log;
  readonly #wait: Wait;

  constructor(parts: { node: FleetNode; fleet: Fleet; ended: Promise<void>; log: Log; wait: Wait }) {
    this.id = parts.node.id;
    this.fleet = parts.fleet;
    this.ended = parts.ended;
    this.#node = parts.node;
    this.#log = parts.log;
    this.#wait = parts.wait;
  }

  /**
   * This process leads, as far as it knows, and is not cut off from the ledger for long. A newer leader may be there
   * already: what this one appends is refused then, which is the only proof.
   */
  get isLeader(): boolean {
    return this.#node.isLeader;
  }

  /** The latest that it has heard of; 0: none yet. */
  get term(): number {
    return this.#node.term;
  }

  /** State of its statechart. */
  get state(): string {
    return this.#node.worker.state;
  }

  /**
   * How well it is, 0–1: counts in elections, in votes weighted by health, and in the fleet's health. The fleet hears of a
   * change within a quarter of an interval.
   */
  set health(value: number) {
    this.#node.condition.health = this.#shareFor('health', value);
    this.#node.worker.pulse.soon();
  }

  get health(): number {
    return this.#node.condition.health;
  }

  /** How loaded it is, 0–1. Null: by its used slots. */
  set load(value: number | null) {
    this.#node.condition.load = value === null ? null : this.#shareFor('load', value);
    this.#node.worker.pulse.soon();
  }

  get load(): number {
    return this.#node.worker.load;
  }

  /** Changes what it says of itself, while it runs. */
  update(changes: Partial<Pick<Profile, 'capabilities' | 'priority' | 'slots' | 'labels'>>): void {
    profileFrom({ id: this.id, ...this.#node.profile, ...changes });
    this.#node.update(changes);
  }

  /** Takes no new task, finishes what it runs within the grace period, hands back the rest, resigns, goes. */
  async leave(): Promise<void> {
    this.#node.leave();
    await this.#wait(this.ended);
  }

  #shareFor(what: string, value: number): number {
    const used = shareOf(value);
    if (used !== value) this.#log.warn({ [what]: value, used }, `${what} must be between 0 and 1`);
    return used;
  }
}

export interface AgentParts {
  readonly ports: Ports;
  /** Checked before. */
  readonly profile: Profile;
  readonly settings: Settings;
  readonly log: Log;
  readonly wait?: Wait;
  /** It is there, and about to join. */
  readonly onMade?: (agent: Agent) => void;
  /** Gives back what the agent ran on; called once, when it has ended. */
  readonly release: () => Promise<void>;
}

/** Starts an agent; resolves when the fleet has committed the membership. Throws what `joinFleet` throws for that. */
export async function startAgent(options: JoinOptions, parts: AgentParts): Promise<Agent> {
  const { ports, profile, settings, log, wait = simplyWait } = parts;
  const { arePrefixesPinned = false, tasks = {}, vote = null, joinTimeoutMs } = options;
  const subjects = subjectsOf(options.fleet ?? DEFAULT_FLEET, { arePrefixesPinned });
  const joined = deferred();
  const ended = deferred();
  const node = new FleetNode({
    ports,
    subjects,
    settings,
    id: options.id as AgentId,
    profile,
    handlers: tasks,
    vote,
    version: VERSION,
    ...(joinTimeoutMs === undefined ? {} : { joinTimeoutMs }),
    log,
    onJoined: joined.resolve,
    onEnded: (problem) => {
      void end({ fleet, release: parts.release, problem, ended, joined });
    },
  });
  const fleet = new Fleet(ports, subjects.fleet, { ...fleetOptionsOf(options), log, wait });
  const agent = new Agent({ node, fleet, ended: ended.promise, log, wait });
  parts.onMade?.(agent);
  node.start();
  await wait(joined.promise);
  return agent;
}

interface Deferred {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

function deferred(): Deferred {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Whoever does not wait for it must not be killed by it.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

async function end(parts: {
  readonly fleet: Fleet;
  readonly release: () => Promise<void>;
  readonly problem: Problem | null;
  readonly ended: Deferred;
  readonly joined: Deferred;
}): Promise<void> {
  const error = parts.problem === null ? null : errorOf(parts.problem);
  parts.joined.reject(error ?? new ConclaveError('CLOSED', 'left before it had joined'));
  await parts.fleet.close();
  await parts.release();
  if (error === null) parts.ended.resolve();
  else parts.ended.reject(error);
}
