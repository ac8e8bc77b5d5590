/** The machines on which a user's simulated agents run: one each; two that claim one id, on two. */
import { DEFAULT_FLEET } from '../sdk/defaults.ts';
import type { Agent } from '../sdk/agent.ts';
import type { JoinOptions } from '../sdk/options.ts';
import type { SimulatedHost } from './host.ts';
import type { SimulatedWorld } from './world.ts';

interface Machine {
  readonly host: SimulatedHost;
  /** What runs there, or ran there last. */
  readonly options: JoinOptions;
  /** Null: about to be made. */
  agent: Agent | null;
}

export class Machines {
  readonly #world: SimulatedWorld;
  readonly #byHost = new Map<string, Machine>();
  /** By the agent's id, the one on which it joined last. */
  readonly #latest = new Map<string, SimulatedHost>();

  constructor(world: SimulatedWorld) {
    this.#world = world;
  }

  /** One with a process on which nothing runs yet. */
  next(options: JoinOptions): SimulatedHost {
    const { id } = options;
    for (let number = 1; ; number += 1) {
      const host = this.#world.host(number === 1 ? id : `${id}-${number}`);
      const isUsed = this.#byHost.has(host.id);
      if (isUsed && host.isAlive) continue;
      if (isUsed || !host.isAlive) host.restart();
      this.#byHost.set(host.id, { host, options, agent: null });
      this.#latest.set(id, host);
      return host;
    }
  }

  made(host: SimulatedHost, agent: Agent): void {
    const machine = this.#byHost.get(host.id);
    if (machine !== undefined) machine.agent = agent;
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

  /** As it runs now, or ran last, under this id. */
  agentOf(id: string): Agent {
    const { agent } = this.at(this.of(id).id);
    if (agent === null) throw new Error(`agent ${id} is about to join`);
    return agent;
  }

  at(hostId: string): Machine {
    const machine = this.#byHost.get(hostId);
    if (machine === undefined) throw new Error(`no agent has joined on ${hostId}`);
    return machine;
  }

  /** Those of one fleet. */
  inFleet(fleet: string): Machine[] {
    return [...this.#byHost.values()].filter(({ options }) => (options.fleet ?? DEFAULT_FLEET) === fleet);
  }
}
