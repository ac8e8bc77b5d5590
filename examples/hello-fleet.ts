/** Two agents, one task, one vote. Needs a nats-server with JetStream at NATS_URL, or on this machine. */
import { joinFleet } from 'conclave';

const servers = process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222';
const join = (id: string) =>
  joinFleet({
    servers,
    id,
    capabilities: ['greeting'],
    tasks: { greet: (task) => `hello ${String(task.payload)}, says ${id}` },
    vote: (proposal) => (proposal.type === 'be_kind' ? 'approve' : 'abstain'),
  });
const [ada, bob] = await Promise.all([join('ada'), join('bob')]);
const { fleet } = ada;

const task = await fleet.submit({ type: 'greet', payload: 'world', requiredCapabilities: ['greeting'] });
console.log(await task.result());
const { approved } = await fleet.propose({ type: 'be_kind' });
console.log(approved ? 'the fleet agrees' : 'the fleet does not agree');
await Promise.all([ada.leave(), bob.leave()]);
