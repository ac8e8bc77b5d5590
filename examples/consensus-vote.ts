/**
 * The fleet decides: votes of equal weight, votes weighed by priority, and a person who votes beside the agents.
 * Needs a nats-server with JetStream at NATS_URL, or on this machine.
 */
import { connectFleet, joinFleet, type Decision, type ProposalResult } from 'conclave';

const servers = process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222';
const fleetName = 'consensus_vote';
const voter = (id: string, priority: number, decision: Decision) =>
  joinFleet({ servers, fleet: fleetName, id, priority, vote: () => decision });

const agents = [
  await voter('senior', 5, 'approve'),
  await voter('junior_1', 1, 'reject'),
  await voter('junior_2', 1, 'reject'),
];
const fleet = await connectFleet({ servers, fleet: fleetName });
// Everybody must take part.
const question = { type: 'block_subnet', data: { subnet: '10.1.0.0/16' }, quorum: 1 };

// One vote each: two against one. Weights are thousandths of a vote.
show('equal   ', await fleet.propose({ ...question, weighting: 'equal' }));

// By priority: five against two.
show('priority', await fleet.propose({ ...question, weighting: 'priority' }));

// The vote is open until carol has voted too, or until the deadline. She may be anybody who can reach the fleet: this
// program, `conclave vote`, the HTTP API, or a plain `nats req`.
const id = await fleet.openProposal({ ...question, voters: ['carol', 'dave'], timeoutMs: 60_000 });
await fleet.vote({ proposal: id, voter: 'carol', decision: 'approve', reason: 'seen it in the logs' });
await fleet.vote({ proposal: id, voter: 'dave', decision: 'approve' });
const { proposal, ...outcome } = await fleet.decision(id);
show('outside ', { proposal, ...outcome });
console.log(
  'ballots ',
  proposal.ballots
    .map((ballot) => `${ballot.voter} ${ballot.decision}`)
    .sort()
    .join(', '),
);

// A vote is for ever: the same again changes nothing, another one is refused.
const second = fleet.vote({ proposal: id, voter: 'carol', decision: 'reject' });
await second.catch((error: unknown) => console.log('again   ', String(error)));

await fleet.close();
await Promise.all(agents.map((agent) => agent.leave()));

function show(what: string, { status, approve, reject, abstain }: ProposalResult): void {
  console.log(what, status, { approve, reject, abstain });
}
