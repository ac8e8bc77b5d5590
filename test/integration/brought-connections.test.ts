/** Fleets over connections that the caller brings or opens, on a real nats-server. */
import { connect, type ConnectionOptions, type NatsConnection, type Subscription } from 'nats';
import { afterEach, expect, test } from 'vitest';
import { connectFleet, joinFleet, type JoinOptions } from '../../src/index.ts';
import { withServer } from '../support/nats-server.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const server = withServer();
const brought: NatsConnection[] = [];
const proxies: TcpProxy[] = [];
let count = 0;

async function bring(options: ConnectionOptions = {}): Promise<NatsConnection> {
  const nc = await connect({
    servers: server().url,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
    ...options,
  });
  brought.push(nc);
  return nc;
}

/** Every subscription that is made on the connection from now on. */
function subscriptionsOn(nc: NatsConnection): Subscription[] {
  const made: Subscription[] = [];
  const subscribe = nc.subscribe.bind(nc);
  nc.subscribe = (...args) => {
    const subscription = subscribe(...args);
    made.push(subscription);
    return subscription;
  };
  return made;
}

function echoing(options: Omit<JoinOptions, 'id' | 'fleet'>): JoinOptions {
  count += 1;
  const tasks = { echo: (task: { payload: unknown }) => task.payload };
  return { id: 'ada', fleet: `brought_${count}`, handleSignals: false, tasks, ...options };
}

afterEach(async () => {
  await Promise.all(brought.splice(0).map((nc) => nc.close()));
  await Promise.all(proxies.splice(0).map((proxy) => proxy.stop()));
});

test('an agent and a client share a connection that was brought, and leave it as they found it', async () => {
  const connection = await bring();
  const made = subscriptionsOn(connection);
  const options = echoing({ connection, servers: server().url });
  const agent = await joinFleet(options);
  const fleet = await connectFleet({ connection, fleet: options.fleet ?? '' });
  expect(await (await fleet.submit({ type: 'echo', payload: 1 })).result()).toBe(1);
  await fleet.close();
  await agent.leave();
  expect(connection.isClosed()).toBe(false);
  await connection.flush();
  expect(made.length).toBeGreaterThan(10);
  expect(made.filter((subscription) => !subscription.isClosed()).map((each) => each.getSubject())).toEqual(
    [],
  );
});

test('every connection is opened by the caller, as one that does not reconnect where it must not, and closed', async () => {
  const opened: { nc: NatsConnection; needed: ConnectionOptions }[] = [];
  const agent = await joinFleet(
    echoing({
      connect: async (needed) => {
        const nc = await bring({ ...needed, user: 'nobody in particular', pass: '' });
        opened.push({ nc, needed });
        return nc;
      },
    }),
  );
  expect(agent.isLeader).toBe(true);
  expect(opened.map(({ needed }) => needed.reconnect)).toContain(false);
  for (const { needed } of opened) {
    expect(needed.name).toBe('conclave/agent/ada');
    // Pings find a link that is silently dead: within seconds, not within the library's minutes.
    expect((needed.pingInterval ?? Infinity) * (needed.maxPingOut ?? Infinity)).toBeLessThanOrEqual(4_000);
  }
  await agent.leave();
  await Promise.all(opened.map(({ nc }) => nc.closed()));
});

test('a link that breaks is brought back by its owner; the ledger gets a fresh connection, and the fleet goes on', async () => {
  const proxy = await startTcpProxy(server());
  proxies.push(proxy);
  const connection = await bring({ servers: proxy.url });
  const ledgers: NatsConnection[] = [];
  const agent = await joinFleet(
    echoing({
      connection,
      // Against what it is told, it asks the library to reconnect: a link that is lost is closed even so.
      connect: async (needed) => {
        const nc = await bring({ ...needed, servers: proxy.url, reconnect: true });
        ledgers.push(nc);
        return nc;
      },
    }),
  );
  const before = ledgers.length;
  proxy.cut();
  await Promise.all(ledgers.slice(0, before).map((nc) => nc.closed()));
  proxy.heal();
  const task = await agent.fleet.submit({ type: 'echo', payload: 'still here' });
  expect(await task.result()).toBe('still here');
  expect(ledgers.length).toBeGreaterThan(before);
  await agent.leave();
});

test('an agent whose connection is closed by its owner stops its work and ends with NO_NATS', async () => {
  const connection = await bring();
  let begun: () => void = () => undefined;
  const running = new Promise<void>((resolve) => (begun = resolve));
  const stopped: unknown[] = [];
  const options = echoing({ connection, servers: server().url });
  const agent = await joinFleet({
    ...options,
    tasks: {
      wait: (_, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            stopped.push(signal.reason);
            resolve(null);
          });
          begun();
        }),
    },
  });
  await agent.fleet.submit({ type: 'wait' });
  await running;
  await connection.close();
  await expect(agent.ended).rejects.toMatchObject({ code: 'NO_NATS' });
  expect(stopped.map(String)).toEqual(['Error: the connection to NATS was closed']);
  expect(agent.isLeader).toBe(false);
});

test('a connection alone will do for a client and for an agent that never leads, and for nobody else', async () => {
  const connection = await bring();
  const alone = echoing({ connection });
  await expect(joinFleet(alone)).rejects.toMatchObject({ code: 'INVALID', fields: [{ field: 'connect' }] });
  const leader = await joinFleet({ ...alone, id: 'leader', servers: server().url });
  const agent = await joinFleet({ ...alone, electable: false });
  const fleet = await connectFleet({ connection, fleet: alone.fleet ?? '' });
  expect((await fleet.agents()).map(({ id }) => id)).toEqual(['ada', 'leader']);
  await agent.leave();
  await leader.leave();
  await connection.close();
  await expect(connectFleet({ connection })).rejects.toMatchObject({ code: 'NO_NATS' });
});
