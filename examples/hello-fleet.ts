/** Twenty lines: two agents, one task, one vote. Needs a nats-server with JetStream (`conclave up` starts one). */
import { joinFleet } from 'conclave';

const servers = process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222';
const join = (id: string, priority: number) =>
  joinFleet({
    servers,
    id,
    priority,
    capabilities: ['greeting'],
    tasks: { greet: (task) => `hello ${String(task.payload)}, says ${id}` },
    vote: (proposal) => (proposal.type === 'be_kind' ? 'approve' : 'abstain'),
  });
const agents = await Promise.all([join('ada', 1), join('bob', 2)]);
const { fleet } = agents[0];

const task = await fleet.submit({ type: 'greet', payload: 'world', requiredCapabilities: ['greeting'] });
console.log(await task.result());
const { approved } = await fleet.propose({ type: 'be_kind' });
console.log(approved ? 'the fleet agrees' : 'the fleet does not agree');
await Promise.all(agents.map((agent) => agent.leave()));
