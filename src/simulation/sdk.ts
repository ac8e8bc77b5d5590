/**
 * `joinFleet` and `connectFleet` on a simulated world, for a user's own tests: the same options, the same `Agent` and
 * `Fleet`, no NATS and no real time. Virtual time passes while a call of theirs is awaited, and at no other time but by
 * `pass`. Same seed and same calls, same story.
 *
 * Handlers must wait for nothing real: while one waits for a file, virtual hours may pass. `sleep` waits in virtual time.
 */
import { DEFAULT_FLEET } from '../sdk/defaults.ts';
import type { HistoryReport } from '../domain/history.ts';
import type { AgentId } from '../domain/ids.ts';
import { settingsFrom } from '../domain/settings.ts';
import { silentLog } from '../runtime/log.ts';
import { startAgent, type Agent } from '../sdk/agent.ts';
import { Fleet } from '../sdk/fleet.ts';
import {
  checkConnect,
  checkJoin,
  fleetOptionsOf,
  profileFrom,
  type ConnectOptions,
  type JoinOptions,
} from '../sdk/options.ts';
import type { Wait } from '../sdk/wait.ts';
import { subjectsOf } from '../wire/subjects.ts';
import { Chronicle } from './chronicle.ts';
import type { SimulatedHost } from './host.ts';
import { Machines } from './machines.ts';
import type { StrikeKind } from './nemesis.ts';
import { trackedHandlers, trackedVote } from './tracked.ts';
import { trouble, type TroubleOptions } from './trouble.ts';
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
  /** The agent that last joined under this id: after a crash another one than `joinFleet` gave. */
  readonly agentOf: (id: string) => Agent;
  /** Lets virtual time pass. */
  readonly pass: (ms: number) => Promise<void>;
  /** Resolves so much virtual time later: for handlers, which have no part in making it pass. */
  readonly sleep: (ms: number) => Promise<void>;
  /** Lets virtual time pass until the promise settles. For promises that are no calls, like `agent.ended`. */
  readonly settled: Wait;
  /**
   * Lets virtual time pass under a nemesis: it crashes, freezes and cuts off machines, restarts the broker, loses, delays and
   * doubles messages and appends. Then everything is healed, and agents whose machines crashed run again: as they joined,
   * in fresh processes. Returns how often each kind of fault struck.
   */
  readonly trouble: (options: TroubleOptions) => Promise<Partial<Record<StrikeKind, number>>>;
  /**
   * What is wrong with the fleet's ledger so far, and what it holds: one leader per term, a whole chain, every change along the
   * charts, one outcome per task. As `verifyLedger` does it on NATS, but from the first entry, whatever was purged.
   */
  readonly report: (fleet?: string) => HistoryReport;
}

const PATIENCE_MS = 600_000;

/** A world of its own, with nobody in it. */
export function simulateFleet({ patienceMs = PATIENCE_MS, ...options }: SimulationOptions): Simulation {
  const world = new SimulatedWorld(options);
  const wait: Wait = (promise) => world.settle(promise, { withinMs: patienceMs });
  const machines = new Machines(world);
  const chronicles = new Map<string, Chronicle>();
  const chronicleOf = (fleet: string): Chronicle => {
    const chronicle = chronicles.get(fleet) ?? new Chronicle(world.ledger(fleet));
    chronicles.set(fleet, chronicle);
    return chronicle;
  };
  const join = (joining: JoinOptions, waiting: Wait): Promise<Agent> => {
    chronicleOf(joining.fleet ?? DEFAULT_FLEET);
    return joinOn({ world, machines, wait: waiting }, joining);
  };
  let clients = 0;
  return {
    world,
    joinFleet: (joining) => join(joining, wait),
    connectFleet: (connecting = {}) => {
      clients += 1;
      return connectOn(world.host(`client-${clients}`), connecting, wait);
    },
    hostOf: (id) => machines.of(id),
    agentOf: (id) => machines.agentOf(id),
    pass: (ms) => world.advance(ms),
    sleep: (ms) =>
      new Promise((resolve) => {
        world.after(ms, resolve);
      }),
    settled: wait,
    trouble: (troubling) => trouble({ world, machines, wait, join }, troubling),
    report: (fleet = DEFAULT_FLEET) => chronicleOf(fleet).report,
  };
}

async function connectOn(host: SimulatedHost, options: ConnectOptions, wait: Wait): Promise<Fleet> {
  checkConnect(options);
  settingsFrom({ ...options.settings });
  const { fleet = DEFAULT_FLEET, inboxPrefix, log = silentLog } = options;
  // As on NATS, what is wrong with the options rejects the promise.
  await wait(Promise.resolve());
  return new Fleet(host.ports(fleet, inboxPrefix), fleet, { ...fleetOptionsOf(options), log, wait });
}

interface Site {
  readonly world: SimulatedWorld;
  readonly machines: Machines;
  readonly wait: Wait;
}

async function joinOn({ world, machines, wait }: Site, options: JoinOptions): Promise<Agent> {
  checkJoin(options);
  const profile = profileFrom(options);
  const settings = settingsFrom({ ...options.settings });
  const { id, fleet = DEFAULT_FLEET, log = silentLog } = options;
  const host = machines.next(options);
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
  const onMade = (agent: Agent): void => machines.made(host, agent);
  return startAgent(tracked, { ports, profile, settings, log, wait, release, onMade });
}
