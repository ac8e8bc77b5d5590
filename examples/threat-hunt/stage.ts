/**
 * Everything that the demo sets up and must take down again: scratch folder, nats-server, agents, assassin, client.
 * Whatever has been opened is closed in reverse order, once, however the demo ends.
 */
import { closeSync, openSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { connectFleet, startPrivateServer, type Fleet, type PrivateServer } from 'conclave';
import { Children } from './children.ts';
import type { AgentOrders, AssassinOrders, Kill, Told } from './orders.ts';
import { plant, type Planted } from './planted.ts';

const fleetName = 'threat_hunt';
const logLinesShown = 20;

/** Any one of them may die: somebody else can do what it could. */
const cast: readonly Pick<AgentOrders, 'id' | 'capabilities' | 'priority' | 'slots'>[] = [
  { id: 'hunter_1', capabilities: ['hashing', 'signature_matching'], priority: 50, slots: 3 },
  { id: 'hunter_2', capabilities: ['hashing', 'quarantine'], priority: 40, slots: 2 },
  { id: 'hunter_3', capabilities: ['hashing', 'signature_matching', 'quarantine'], priority: 30, slots: 4 },
  { id: 'hunter_4', capabilities: ['signature_matching', 'quarantine'], priority: 20, slots: 3 },
  { id: 'hunter_5', capabilities: ['hashing', 'signature_matching'], priority: 10, slots: 4 },
];

type Closer = () => Promise<void> | void;

export class Stage {
  readonly planted: Planted;
  readonly server: PrivateServer;
  readonly fleet: Fleet;
  readonly #children: Children;
  readonly #closers: Closer[];
  #kill: Kill | null = null;

  private constructor(parts: {
    planted: Planted;
    server: PrivateServer;
    fleet: Fleet;
    children: Children;
    closers: Closer[];
  }) {
    this.planted = parts.planted;
    this.server = parts.server;
    this.fleet = parts.fleet;
    this.#children = parts.children;
    this.#closers = parts.closers;
  }

  /** Where the fleet is. */
  get address(): { readonly servers: string; readonly fleet: string } {
    return { servers: this.server.url, fleet: fleetName };
  }

  /** What the assassin told; null: it has not struck. */
  get kill(): Kill | null {
    return this.#kill;
  }

  /** Resolves when all agents are in the fleet. Closes what it has opened when it fails. */
  static async open(options: {
    readonly natsServer: string | undefined;
    readonly indicatorsFile: string;
    readonly keep: boolean;
    readonly signal: AbortSignal;
  }): Promise<Stage> {
    const closers: Closer[] = [];
    try {
      const planted = await plant();
      if (!options.keep) closers.push(() => rm(planted.folder, { recursive: true, force: true }));
      const server = await startPrivateServer({ binary: options.natsServer });
      closers.push(() => server.stop());
      const log = openSync(logIn(planted), 'a');
      closers.push(() => {
        closeSync(log);
      });
      const children = new Children(log);
      closers.push(() => children.close());
      const where = { servers: server.url, fleet: fleetName };
      const { indicatorsFile } = options;
      const scratch = planted.folder;
      await Promise.all(
        cast.map((role) => children.start('agent', { ...where, ...role, scratch, indicatorsFile }, options)),
      );
      const fleet = await connectFleet(where);
      closers.push(() => fleet.close());
      return new Stage({ planted, server, fleet, children, closers });
    } catch (error) {
      await closeAll(closers);
      throw error;
    }
  }

  /** Resolves when it lies in wait. */
  async sendAssassin(afterCompleted: number, signal: AbortSignal): Promise<void> {
    const orders: AssassinOrders = { ...this.address, afterCompleted };
    const onTold = (told: Told): void => {
      if (told.kind === 'killed') this.#kill = told.kill;
    };
    await this.#children.start('assassin', orders, { signal, onTold });
  }

  /** Ends the agents: each leaves the fleet. The ledger rests then. */
  async dismiss(): Promise<void> {
    await this.#children.dismiss();
  }

  /** The end of what the agents logged, for whoever must find out what went wrong. */
  async lastWords(): Promise<string> {
    const text = (await readFile(logIn(this.planted), 'utf8')).trimEnd();
    const lines = text.split('\n').slice(-logLinesShown);
    return text === '' ? '' : `The agents' last words:\n${lines.join('\n')}\n`;
  }

  async close(): Promise<void> {
    await closeAll(this.#closers);
  }
}

function logIn(planted: Planted): string {
  return join(planted.folder, 'agents.log');
}

/** Goes on when one fails, and throws then. */
async function closeAll(closers: Closer[]): Promise<void> {
  const problems: unknown[] = [];
  for (const closer of closers.splice(0).reverse()) {
    try {
      await closer();
    } catch (error) {
      problems.push(error);
    }
  }
  if (problems.length > 0) throw new AggregateError(problems, 'could not clean up');
}
