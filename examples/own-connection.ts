/**
 * Agents in a program that talks over NATS already: they use its connection. The ledger has one of its own that must
 * never reconnect by itself; `connect` opens it, with the program's credentials.
 * Needs a nats-server with JetStream at NATS_URL, or on this machine.
 */
import { connect, StringCodec, type ConnectionOptions } from 'nats';
import { connectFleet, joinFleet } from 'conclave';

/** How this program logs in, whatever that takes. */
const mine: ConnectionOptions = {
  servers: process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222',
  name: 'my-program',
  maxReconnectAttempts: -1,
  pingInterval: 1_000,
};
const connection = await connect(mine);

const fleetName = 'own_connection';
const agent = await joinFleet({
  connection,
  connect: (needed) => connect({ ...mine, ...needed }),
  fleet: fleetName,
  id: 'ada',
  tasks: { shout: (task) => String(task.payload).toUpperCase() },
});
// A client needs no ledger, so the connection alone will do.
const fleet = await connectFleet({ connection, fleet: fleetName });

const task = await fleet.submit({ type: 'shout', payload: 'over my own connection' });
console.log(await task.result());

await fleet.close();
await agent.leave();

// It is the program's, so it is still open.
const text = StringCodec();
const heard = connection.subscribe('my.subject', { max: 1 });
connection.publish('my.subject', text.encode('still open'));
for await (const message of heard) console.log(text.decode(message.data));
await connection.close();
