/**
 * Everything that a coordinator is asked for, once: agents, an election, a task, a vote, a leader that leaves, figures.
 * Needs a nats-server with JetStream at NATS_URL, or on this machine.
 */
import { connectFleet, joinFleet } from 'conclave';

const servers = process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222';
const join = (id: string, priority: number) =>
  joinFleet({
    servers,
    fleet: 'default',
    id,
    capabilities: ['threat_detection'],
    priority,
    slots: 4,
    tasks: { scan: async (task) => ({ target: task.target, findings: [] }) },
    vote: (proposal) => (proposal.data.newThreshold > 0.9 ? 'approve' : 'reject'),
    settings: { heartbeatIntervalMs: 500, maxRetries: 3 },
  });

// The first one founds the fleet and leads it; a better one does not depose it, but wins the next election.
const agents = [await join('agent_002', 5), await join('agent_001', 10), await join('agent_003', 1)];
const fleet = await connectFleet({ servers });

await fleet.elect();
const { leader, term, elections, leaderChanges } = await fleet.election();
console.log('election', { leader, term, elections, leaderChanges });
console.log(
  'leaders ',
  agents.filter((agent) => agent.isLeader).map(({ id }) => id),
);

const task = await fleet.submit({
  type: 'scan',
  target: '192.168.1.100',
  requiredCapabilities: ['threat_detection'],
  priority: 9,
});
const { agent: who, attempt } = await task.assigned();
const outcome = await task.result();
console.log('task    ', await task.status(), { who, attempt, outcome });

const impossible = await fleet.submit({ type: 'scan', requiredCapabilities: ['time_travel'] });
console.log('cancel  ', await impossible.cancel());

const { approved, approve, reject, abstain } = await fleet.propose({
  type: 'policy_change',
  description: 'Increase detection threshold',
  data: { newThreshold: 0.95 },
  quorum: 1,
});
console.log('vote    ', { approved, approve, reject, abstain });

// The leader goes; another one takes over, and nothing that was acknowledged is lost.
await agents[1]?.leave();
await (await fleet.submit({ type: 'scan' })).result();

const metrics = await fleet.metrics();
console.log('agents  ', { total: metrics.agents.total, alive: metrics.agents.alive });
console.log('leader  ', metrics.leadership);
console.log('tasks   ', { total: metrics.tasks.total, completed: metrics.tasks.byStatus.completed });
console.log('votes   ', { total: metrics.consensus.total, approved: metrics.consensus.approved });
console.log('recovery', metrics.recovery);
console.log(String(fleet));

await Promise.all(agents.map((agent) => agent.leave()));
await fleet.close();
