/**
 * A task that nobody runs until the fleet has approved it: it waits in `awaiting_approval` while the agents vote.
 * Needs a nats-server with JetStream at NATS_URL, or on this machine.
 */
import { connectFleet, joinFleet } from 'conclave';

const servers = process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222';
const fleetName = 'approval_gated';
const join = (id: string) =>
  joinFleet({
    servers,
    fleet: fleetName,
    id,
    tasks: { isolate_host: (task) => `${String(task.target)} is isolated` },
    // What is voted on is the task: its type, its target, its payload.
    vote: ({ data }) => (data.payload.confidence >= 0.9 ? 'approve' : 'reject'),
  });
const agents = await Promise.all(['ada', 'bob', 'eve'].map(join));
const fleet = await connectFleet({ servers, fleet: fleetName });

const isolate = (target: string, confidence: number) =>
  fleet.submit({ type: 'isolate_host', target, payload: { confidence }, approval: { quorum: 1 } });

const sure = await isolate('10.0.0.7', 0.97);
console.log(await sure.result());

const unsure = await isolate('10.0.0.8', 0.4);
const { status, error, attempt } = await unsure.outcome();
console.log(`10.0.0.8 is left alone: ${status}, ${error?.code ?? ''}, after ${attempt} attempts`);

// Who voted what stays with the proposal.
const { proposal } = await fleet.task(unsure.id);
const { ballots } = await fleet.proposal(proposal ?? '');
console.log(
  ballots
    .map(({ voter, decision }) => `${voter} ${decision}`)
    .sort()
    .join(', '),
);

await fleet.close();
await Promise.all(agents.map((agent) => agent.leave()));
