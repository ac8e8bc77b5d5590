/**
 * Fleets of a test's own process, on a real nats-server: agents, clients, and strangers who know nothing of us but
 * NATS. All of them end with the test that made them.
 */
import { connect, type NatsConnection } from 'nats';
import { afterEach } from 'vitest';
import {
  connectFleet,
  joinFleet,
  type Agent,
  type ConnectOptions,
  type Fleet,
  type JoinOptions,
} from '../../src/index.ts';

export interface Fleets {
  readonly join: (options: JoinOptions) => Promise<Agent>;
  readonly client: (fleet: string, more?: Partial<ConnectOptions>) => Promise<Fleet>;
  readonly stranger: () => Promise<NatsConnection>;
  /** Of a fleet that no other test of this file has. */
  readonly freshName: () => string;
}

export function withFleets(server: () => { readonly url: string }): Fleets {
  const agents: Agent[] = [];
  const clients: Fleet[] = [];
  const strangers: NatsConnection[] = [];
  let count = 0;
  afterEach(async () => {
    await Promise.all(agents.splice(0).map((agent) => agent.leave().catch(() => undefined)));
    await Promise.all(clients.splice(0).map((client) => client.close()));
    await Promise.all(strangers.splice(0).map((stranger) => stranger.close()));
  });
  return {
    join: async (options) => {
      const agent = await joinFleet({ servers: server().url, handleSignals: false, ...options });
      agents.push(agent);
      return agent;
    },
    client: async (fleet, more = {}) => {
      const client = await connectFleet({ servers: server().url, fleet, ...more });
      clients.push(client);
      return client;
    },
    stranger: async () => {
      const stranger = await connect({ servers: server().url });
      strangers.push(stranger);
      return stranger;
    },
    freshName: () => {
      count += 1;
      return `fleet_${count}`;
    },
  };
}
