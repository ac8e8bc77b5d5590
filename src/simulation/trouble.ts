/** A nemesis on a user's simulated fleet, and the world made whole behind it. */
import { DEFAULT_FLEET } from '../sdk/defaults.ts';
import type { Agent } from '../sdk/agent.ts';
import type { JoinOptions } from '../sdk/options.ts';
import { simplyWait, type Wait } from '../sdk/wait.ts';
import type { FaultRates } from './faults.ts';
import type { Machines } from './machines.ts';
import { unleash, type Pace, type StrikeKind, type Victims } from './nemesis.ts';
import type { SimulatedWorld } from './world.ts';

export interface TroubleOptions {
  /** How long it strikes. */
  readonly forMs: number;
  /** Whose agents, and whose ledger. Default: `default`. */
  readonly fleet?: string;
  /** Default: a strike every second or two. */
  readonly pace?: Pace;
  /** The worst chances per message, append or read. Default: `worstRates`. */
  readonly rates?: Partial<FaultRates>;
}

export interface Troubled {
  readonly world: SimulatedWorld;
  readonly machines: Machines;
  readonly wait: Wait;
  readonly join: (options: JoinOptions, wait: Wait) => Promise<Agent>;
}

/** Throws when nobody has joined that fleet, and what joining throws when an agent cannot come back. */
export async function trouble(
  { world, machines, wait, join }: Troubled,
  { forMs, fleet = DEFAULT_FLEET, pace, rates }: TroubleOptions,
): Promise<Partial<Record<StrikeKind, number>>> {
  const hosts = machines.inFleet(fleet).map(({ host }) => host.id);
  if (hosts.length === 0) throw new Error(`no agent has joined the fleet ${fleet}`);
  const strikes: Partial<Record<StrikeKind, number>> = {};
  const back = new Map<string, Promise<Agent>>();
  const victims: Victims = {
    world,
    name: fleet,
    leaderHost: () =>
      machines.inFleet(fleet).find(({ host, agent }) => host.isAlive && agent?.isLeader === true)?.host.id ??
      null,
    isRunning: (hostId) => machines.at(hostId).host.isAlive,
    kill: (hostId) => machines.at(hostId).host.crash(),
    revive: (hostId) => {
      const joining = join(machines.at(hostId).options, simplyWait);
      // It may be killed again before it has joined; the last one counts, below.
      joining.catch(() => undefined);
      back.set(hostId, joining);
    },
  };
  const onStrike = (kind: StrikeKind): void => {
    strikes[kind] = (strikes[kind] ?? 0) + 1;
  };
  unleash(victims, {
    random: world.random(`trouble/${world.now}`),
    untilMs: world.now + forMs,
    hosts,
    ...(pace === undefined ? {} : { pace }),
    ...(rates === undefined ? {} : { rates }),
    onStrike,
  });
  await world.advance(forMs);
  world.heal();
  for (const hostId of hosts) if (!victims.isRunning(hostId)) victims.revive(hostId);
  await wait(Promise.all(back.values()));
  return strikes;
}
