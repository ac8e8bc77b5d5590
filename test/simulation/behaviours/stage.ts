/**
 * Where whole-fleet behaviours are played: a simulated world, a fleet in it, a client, and the witness. A behaviour
 * is a plain function of the charts that the nodes run, so that it can also be played with an edge taken out.
 */
import { charts as wholeCharts } from '../../../actors/table.ts';
import type { Settings } from '../../../src/domain/settings.ts';
import type { AgentId, TaskId } from '../../../src/domain/ids.ts';
import type { FleetState, Task } from '../../../src/domain/state.ts';
import type { Handler } from '../../../src/runtime/attempts.ts';
import type { FleetNode, NodeCharts } from '../../../src/runtime/node.ts';
import type { Fleet } from '../../../src/sdk/fleet.ts';
import {
  SimulatedFleet,
  SimulatedWorld,
  type SimulatedAgentOptions,
  type SimulatedFleetOptions,
} from '../../../src/simulation/index.ts';
import { Witness, type EntrySink } from '../witness.ts';

export type Behaviour = (charts: NodeCharts, seed: number) => Promise<void>;
/** By name: a sentence about the fleet. */
export type Behaviours = Readonly<Record<string, Behaviour>>;

/** What the handler of `work` does with a task. */
export interface Script {
  /** How long it takes. */
  readonly ms?: number;
  /** So many attempts fail first. */
  readonly failures?: number;
  /** Goes on although it is told to stop. */
  readonly isDeaf?: boolean;
}

export interface StageOptions {
  readonly settings?: Partial<Settings>;
  readonly rank?: SimulatedFleetOptions['rank'];
  /** Constants of the world, like the size of its ledgers. */
  readonly world?: Omit<ConstructorParameters<typeof SimulatedWorld>[0], 'seed'>;
  readonly log?: SimulatedFleetOptions['log'];
  readonly onEntry?: EntrySink;
}

const TICK_MS = 5;

export class Stage {
  readonly world: SimulatedWorld;
  readonly fleet: SimulatedFleet;
  readonly witness: Witness;
  readonly client: Fleet;
  /** Attempts that were started, and those that were told to stop, as `host task/attempt`. */
  readonly started: string[] = [];
  readonly aborted: string[] = [];

  constructor(charts: NodeCharts, seed: number, options: StageOptions = {}) {
    const { settings = {}, rank, world = {}, log, onEntry } = options;
    this.world = new SimulatedWorld({ ...world, seed });
    this.fleet = new SimulatedFleet(this.world, {
      charts,
      settings,
      ...(rank === undefined ? {} : { rank }),
      ...(log === undefined ? {} : { log }),
    });
    this.witness = new Witness(this.fleet, wholeCharts, onEntry);
    this.client = this.fleet.client();
  }

  /** The fleet as the ledger has it. */
  get ledger(): FleetState {
    return this.witness.state;
  }

  /** Agents that have a handler for `work`, unless they bring others. */
  join(agents: Readonly<Record<string, SimulatedAgentOptions>>): void {
    for (const [id, options] of Object.entries(agents)) {
      const handlers = { work: this.#worker(options.host ?? id) };
      this.fleet.join(id, { handlers, ...options });
    }
  }

  node(host: string): FleetNode {
    const node = this.fleet.nodes.get(host);
    if (node === undefined) throw new Error(`nothing runs on ${host}`);
    return node;
  }

  async run(ms: number): Promise<void> {
    await this.world.advance(ms);
    this.witness.inspect();
  }

  /** Lets time pass until it holds. */
  async until(what: string, holds: () => boolean, withinMs = 10_000): Promise<void> {
    const untilMs = this.world.now + withinMs;
    while (!holds()) {
      if (this.world.now >= untilMs) throw new Error(`not within ${withinMs} ms: ${what}`);
      await this.world.advance(TICK_MS);
    }
    this.witness.inspect();
  }

  ask<T>(promise: Promise<T>, withinMs = 20_000): Promise<T> {
    return this.world.settle(promise, { withinMs });
  }

  /** The refusal's code. */
  async refusalOf(promise: Promise<unknown>): Promise<string> {
    const outcome = this.ask(
      promise.then(
        () => 'no refusal',
        (error: unknown) => (error as { code?: string }).code ?? String(error),
      ),
    );
    return outcome;
  }

  /** Until this agent leads, alone, and everybody who follows the ledger knows. */
  led(by: string, withinMs?: number): Promise<void> {
    const holds = (): boolean => {
      const leaders = this.fleet.leaders();
      return leaders.length === 1 && leaders[0]?.id === by && this.ledger.leader?.id === by;
    };
    return this.until(`${by} leads`, holds, withinMs);
  }

  /** Until the ledger's members stand so. */
  stand(states: Readonly<Record<string, string>>, withinMs?: number): Promise<void> {
    const holds = (): boolean => Object.entries(states).every(([id, state]) => this.member(id) === state);
    return this.until(`members are ${JSON.stringify(states)}`, holds, withinMs);
  }

  member(id: string): string {
    return this.ledger.members.get(id as AgentId)?.status ?? 'unknown';
  }

  task(id: string): Task {
    const task = this.ledger.tasks.get(id as TaskId);
    if (task === undefined) throw new Error(`the ledger has no task ${id}`);
    return task;
  }

  /** As the leader sees it: also suspicion. */
  async seen(id: string): Promise<{ state: string; activity: string | null }> {
    const agents = await this.ask(this.client.agents());
    const { state = 'unknown', activity = null } = agents.find((agent) => agent.id === id) ?? {};
    return { state, activity };
  }

  async submit(script: Script, more: object = {}): Promise<string> {
    return (await this.ask(this.client.submit({ type: 'work', payload: script, ...more }))).id;
  }

  becomes(id: string, status: string, withinMs?: number): Promise<void> {
    return this.until(`task ${id} is ${status}`, () => this.task(id).status === status, withinMs);
  }

  /** Until what ran on the host has ended by itself, with this code; null: as it was told to. */
  async ends(host: string, code: string | null, withinMs?: number): Promise<void> {
    await this.until(`${host} ends`, () => this.fleet.ended.has(host), withinMs);
    const why = this.fleet.ended.get(host);
    if (why !== code) throw new Error(`${host} ended with ${String(why)} and not ${String(code)}`);
    this.fleet.ended.delete(host);
  }

  /** Nothing went wrong on the way, and nobody ended who should not have. */
  over(): void {
    for (const [host, code] of this.fleet.ended) this.witness.note(`${host} ended: ${String(code)}`);
    if (this.witness.problems.length > 0) throw new Error(this.witness.problems.join('\n'));
  }

  #worker(host: string): Handler {
    return (task, { signal }) => {
      const { ms = 0, failures = 0, isDeaf = false } = task.payload as Script;
      const { clock } = this.world.host(host).ports(this.fleet.name);
      this.started.push(`${host} ${task.id}/${task.attempt}`);
      return new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => {
          this.aborted.push(`${host} ${task.id}/${task.attempt}`);
          if (!isDeaf) reject(new Error('told to stop'));
        });
        clock.setTimeout(() => {
          if (task.attempt <= failures) reject(new Error(`attempt ${task.attempt} fails`));
          else resolve(`done by ${host}`);
        }, ms);
      });
    };
  }
}

/** A behaviour on a stage of its own. */
export function play(options: StageOptions, run: (stage: Stage) => Promise<void>): Behaviour {
  return async (charts, seed) => {
    const stage = new Stage(charts, seed, options);
    await run(stage);
    stage.over();
  };
}

export function expectThat(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
