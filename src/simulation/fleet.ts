/** Whole fleets in a simulated world: nodes on hosts, clients, and what everybody can see of them. */
import { DEFAULT_FLEET } from '../sdk/defaults.ts';
import type { Profile } from '../domain/events.ts';
import type { AgentId } from '../domain/ids.ts';
import { settingsFrom, type Settings } from '../domain/settings.ts';
import type { Handler } from '../runtime/attempts.ts';
import { silentLog, type Log } from '../runtime/log.ts';
import { FleetNode, type NodeCharts, type NodeOptions } from '../runtime/node.ts';
import type { VoteHandler } from '../runtime/ballots.ts';
import { Fleet } from '../sdk/fleet.ts';
import { subjectsOf } from '../wire/subjects.ts';
import type { Victims } from './nemesis.ts';
import { trackedHandlers, trackedVote } from './tracked.ts';
import type { SimulatedWorld } from './world.ts';

export interface SimulatedAgentOptions {
  readonly capabilities?: readonly string[];
  readonly priority?: number;
  readonly slots?: number;
  readonly electable?: boolean;
  readonly handlers?: Readonly<Record<string, Handler>>;
  readonly vote?: VoteHandler;
  /** Where it runs; by default on the host of its own name. Two processes of one id need two hosts. */
  readonly host?: string;
  readonly joinTimeoutMs?: number;
}

export interface SimulatedFleetOptions {
  readonly fleet?: string;
  readonly settings?: Partial<Settings>;
  readonly charts?: NodeCharts;
  readonly log?: (id: string) => Log;
  readonly rank?: NodeOptions['rank'];
}

export class SimulatedFleet implements Victims {
  readonly world: SimulatedWorld;
  readonly name: string;
  /** What runs now, by host. */
  readonly nodes = new Map<string, FleetNode>();
  /** By host: agents that have ended by themselves, and why; null: they left as they were told to. */
  readonly ended = new Map<string, string | null>();
  readonly #options: SimulatedFleetOptions;
  readonly #settings: Settings;
  /** Hosts whose process has ended in order. */
  readonly #gone = new Set<string>();
  readonly #known = new Map<string, { readonly id: string; readonly options: SimulatedAgentOptions }>();

  constructor(world: SimulatedWorld, options: SimulatedFleetOptions = {}) {
    this.world = world;
    this.name = options.fleet ?? DEFAULT_FLEET;
    this.#options = options;
    this.#settings = settingsFrom({ ...options.settings });
  }

  get settings(): Settings {
    return this.#settings;
  }

  /** Starts an agent in a process of its own. */
  join(id: string, options: SimulatedAgentOptions = {}): FleetNode {
    const hostId = options.host ?? id;
    this.#known.set(hostId, { id, options });
    const host = this.world.host(hostId);
    if (!host.isAlive || this.#gone.delete(hostId)) host.restart();
    const profile: Profile = {
      capabilities: [...(options.capabilities ?? [])].sort(),
      priority: options.priority ?? 0,
      slots: options.slots ?? 1,
      electable: options.electable ?? true,
      labels: {},
      handles: Object.keys(options.handlers ?? {}).sort(),
    };
    const { charts, rank } = this.#options;
    const subjects = subjectsOf(this.name);
    const node = new FleetNode({
      ports: host.ports(this.name, subjects.replies(id as AgentId)),
      subjects,
      settings: this.#settings,
      id: id as AgentId,
      profile,
      handlers: trackedHandlers(this.world, options.handlers ?? {}),
      vote: options.vote === undefined ? null : trackedVote(this.world, options.vote),
      version: '0.0.0',
      ...(options.joinTimeoutMs === undefined ? {} : { joinTimeoutMs: options.joinTimeoutMs }),
      log: this.#options.log?.(id) ?? silentLog,
      ...(charts === undefined ? {} : { charts }),
      ...(rank === undefined ? {} : { rank }),
      onEnded: (problem) => {
        this.ended.set(hostId, problem?.code ?? null);
        this.nodes.delete(hostId);
        this.#gone.add(hostId);
        host.close();
      },
    });
    this.nodes.set(hostId, node);
    this.ended.delete(hostId);
    node.start();
    return node;
  }

  /** SIGKILL to what runs on the host. */
  kill(hostId: string): void {
    this.nodes.delete(hostId);
    this.world.host(hostId).crash();
  }

  /** A fresh process of the agent that ran on the host, as it was. */
  revive(hostId: string): FleetNode {
    this.kill(hostId);
    const { id, options } = this.#known.get(hostId) ?? { id: hostId, options: {} };
    return this.join(id, options);
  }

  /** Tells the agent on the host to leave. */
  leave(hostId: string): void {
    this.nodes.get(hostId)?.leave();
  }

  isRunning(hostId: string): boolean {
    return this.nodes.has(hostId);
  }

  /** Where somebody runs who says that it leads. */
  leaderHost(): string | null {
    for (const [hostId, node] of this.nodes) if (node.isLeader) return hostId;
    return null;
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
}

function termOf(node: FleetNode): number {
  return node.contender?.replica.state.term ?? 0;
}
