/** Whole fleets in a simulated world: nodes on hosts, clients, and what everybody can see of them. */
import type { Profile } from '../domain/events.ts';
import type { AgentId } from '../domain/ids.ts';
import { settingsFrom, type Settings } from '../domain/settings.ts';
import type { Handler } from '../runtime/attempts.ts';
import { silentLog, type Log } from '../runtime/log.ts';
import { FleetNode, type NodeCharts, type NodeOptions } from '../runtime/node.ts';
import type { VoteHandler } from '../runtime/worker.ts';
import { Fleet } from '../sdk/fleet.ts';
import { subjectsOf } from '../wire/subjects.ts';
import type { SimulatedWorld } from './world.ts';

export interface SimulatedAgentOptions {
  readonly capabilities?: readonly string[];
  readonly priority?: number;
  readonly slots?: number;
  readonly electable?: boolean;
  readonly handlers?: Readonly<Record<string, Handler>>;
  readonly vote?: VoteHandler;
}

export interface SimulatedFleetOptions {
  readonly fleet?: string;
  readonly settings?: Partial<Settings>;
  readonly charts?: NodeCharts;
  readonly log?: (id: string) => Log;
  readonly rank?: NodeOptions['rank'];
}

export class SimulatedFleet {
  readonly world: SimulatedWorld;
  readonly name: string;
  readonly nodes = new Map<string, FleetNode>();
  /** Agents that have ended by themselves, and why. */
  readonly ended = new Map<string, string | null>();
  readonly #options: SimulatedFleetOptions;
  readonly #settings: Settings;
  readonly #known = new Map<string, SimulatedAgentOptions>();

  constructor(world: SimulatedWorld, options: SimulatedFleetOptions = {}) {
    this.world = world;
    this.name = options.fleet ?? 'default';
    this.#options = options;
    this.#settings = settingsFrom({ ...options.settings });
  }

  get settings(): Settings {
    return this.#settings;
  }

  /** Starts an agent on the host of the same name. */
  join(id: string, options: SimulatedAgentOptions = {}): FleetNode {
    this.#known.set(id, options);
    const host = this.world.host(id);
    if (!host.isAlive) host.restart();
    const profile: Profile = {
      capabilities: [...(options.capabilities ?? [])].sort(),
      priority: options.priority ?? 0,
      slots: options.slots ?? 1,
      electable: options.electable ?? true,
      labels: {},
      handles: Object.keys(options.handlers ?? {}).sort(),
    };
    const { charts, rank } = this.#options;
    const node = new FleetNode({
      ports: host.ports(this.name),
      subjects: subjectsOf(this.name),
      settings: this.#settings,
      id: id as AgentId,
      profile,
      handlers: this.#tracked(options.handlers ?? {}),
      vote: options.vote ?? null,
      version: '0.0.0',
      log: this.#options.log?.(id) ?? silentLog,
      ...(charts === undefined ? {} : { charts }),
      ...(rank === undefined ? {} : { rank }),
      onEnded: (problem) => {
        this.ended.set(id, problem?.code ?? null);
        this.nodes.delete(id);
      },
    });
    this.nodes.set(id, node);
    this.ended.delete(id);
    node.start();
    return node;
  }

  /** SIGKILL. */
  kill(id: string): void {
    this.nodes.delete(id);
    this.world.host(id).crash();
  }

  /** A fresh process of an agent that was killed, as it was. */
  revive(id: string): FleetNode {
    return this.join(id, this.#known.get(id) ?? {});
  }

  /** A client on a host of its own. */
  client(id = 'client', timeoutMs = 30_000): Fleet {
    return new Fleet(this.world.host(id).ports(this.name), this.name, { timeoutMs });
  }

  /** Nodes that say that they lead. More than one only while a deposed one does not know it yet. */
  leaders(): FleetNode[] {
    return [...this.nodes.values()].filter((node) => node.isLeader);
  }

  /** The leader with the highest term. */
  leader(): FleetNode | undefined {
    return this.leaders().sort((a, b) => termOf(b) - termOf(a))[0];
  }

  /** Promises of handlers run only if the world knows of them. */
  #tracked(handlers: Readonly<Record<string, Handler>>): Record<string, Handler> {
    return Object.fromEntries(
      Object.entries(handlers).map(([type, handler]) => [
        type,
        (task, context) => {
          const result = handler(task, context);
          if (result instanceof Promise) this.world.track(result);
          return result;
        },
      ]),
    );
  }
}

function termOf(node: FleetNode): number {
  return node.contender?.replica.state.term ?? 0;
}
