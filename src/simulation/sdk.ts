/**
 * `joinFleet` and `connectFleet` on a simulated world, for a user's own tests: the same options, the same `Agent` and
 * `Fleet`, no NATS and no real time. Virtual time passes while a call of theirs is awaited, and at no other time but by
 * `pass`. Same seed and same calls, same story.
 *
 * Handlers must wait for nothing real: while one waits for a file, virtual hours may pass. `sleep` waits in virtual time.
 */
import type { AgentId } from '../domain/ids.ts';
import { settingsFrom } from '../domain/settings.ts';
import { silentLog } from '../runtime/log.ts';
import { startAgent, type Agent } from '../sdk/agent.ts';
import { Fleet } from '../sdk/fleet.ts';
import {
  checkConnect,
  fleetOptionsOf,
  profileFrom,
  type ConnectOptions,
  type JoinOptions,
} from '../sdk/options.ts';
import type { Wait } from '../sdk/wait.ts';
import { subjectsOf } from '../wire/subjects.ts';
import type { SimulatedHost } from './host.ts';
import { trackedHandlers, trackedVote } from './tracked.ts';
import { SimulatedWorld, type WorldOptions } from './world.ts';

export interface SimulationOptions extends WorldOptions {
  /** A call that is not answered after so much virtual time fails. Default ten minutes. */
  readonly patienceMs?: number;
}

/** Where NATS is, and how to log in there, means nothing here and is not looked at. */
export interface Simulation {
  readonly world: SimulatedWorld;
  /** As on NATS. Signals to the real process are not heard. */
  readonly joinFleet: (options: JoinOptions) => Promise<Agent>;
  readonly connectFleet: (options?: ConnectOptions) => Promise<Fleet>;
  /** The machine of the agent that last joined under this id: to crash, pause or cut off. */
  readonly hostOf: (id: string) => SimulatedHost;
  /** Lets virtual time pass. */
  readonly pass: (ms: number) => Promise<void>;
  /** Resolves so much virtual time later: for handlers, which have no part in making it pass. */
  readonly sleep: (ms: number) => Promise<void>;
  /** Lets virtual time pass until the promise settles. For promises that are no calls, like `agent.ended`. */
  readonly settled: Wait;
}

const PATIENCE_MS = 600_000;

/** A world of its own, with nobody in it. */
export function simulateFleet({ patienceMs = PATIENCE_MS, ...options }: SimulationOptions): Simulation {
  const world = new SimulatedWorld(options);
  const wait: Wait = (promise) => world.settle(promise, { withinMs: patienceMs });
  const machines = new Machines(world);
  let clients = 0;
  return {
    world,
    joinFleet: (joining) => joinOn({ world, machines, wait }, joining),
    connectFleet: (connecting = {}) => {
      clients += 1;
      return connectOn(world.host(`client-${clients}`), connecting, wait);
    },
    hostOf: (id) => machines.of(id),
    pass: (ms) => world.advance(ms),
    sleep: (ms) =>
      new Promise((resolve) => {
        world.after(ms, resolve);
      }),
    settled: wait,
  };
}

async function connectOn(host: SimulatedHost, options: ConnectOptions, wait: Wait): Promise<Fleet> {
  checkConnect(options);
  settingsFrom({ ...options.settings });
  const { fleet = 'default', inboxPrefix } = options;
  // As on NATS, what is wrong with the options rejects the promise.
  await wait(Promise.resolve());
  return new Fleet(host.ports(fleet, inboxPrefix), fleet, { ...fleetOptionsOf(options), wait });
}

interface Site {
  readonly world: SimulatedWorld;
  readonly machines: Machines;
  readonly wait: Wait;
}

async function joinOn({ world, machines, wait }: Site, options: JoinOptions): Promise<Agent> {
  checkConnect(options);
  const profile = profileFrom(options);
  const settings = settingsFrom({ ...options.settings });
  const { id, fleet = 'default', log = silentLog } = options;
  const host = machines.next(id);
  const ports = host.ports(fleet, subjectsOf(fleet).replies(id as AgentId));
  const release = (): Promise<void> => {
    machines.free(host);
    return Promise.resolve();
  };
  const { tasks = {}, vote } = options;
  const tracked = {
    ...options,
    tasks: trackedHandlers(world, tasks),
    ...(vote === undefined ? {} : { vote: trackedVote(world, vote) }),
  };
  return startAgent(tracked, { ports, profile, settings, log, wait, release });
}

/** Each agent runs on a machine of its own; two that claim one id, on two. */
class Machines {
  readonly #world: SimulatedWorld;
  readonly #latest = new Map<string, SimulatedHost>();
  readonly #used = new Set<SimulatedHost>();

  constructor(world: SimulatedWorld) {
    this.#world = world;
  }

  /** One with a process on which nothing runs yet. */
  next(id: string): SimulatedHost {
    for (let number = 1; ; number += 1) {
      const host = this.#world.host(number === 1 ? id : `${id}-${number}`);
      if (this.#used.has(host) && host.isAlive) continue;
      if (this.#used.has(host) || !host.isAlive) host.restart();
      this.#used.add(host);
      this.#latest.set(id, host);
      return host;
    }
  }

  /** Its agent has ended in order. */
  free(host: SimulatedHost): void {
    host.close();
    host.crash();
  }

  of(id: string): SimulatedHost {
    const host = this.#latest.get(id);
    if (host === undefined) throw new Error(`no agent ${id} has joined`);
    return host;
  }
}
