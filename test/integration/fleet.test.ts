/** A fleet of agents in one process, on a real nats-server, through the public API. */
import { afterEach, expect, test } from 'vitest';
import { connectFleet, joinFleet, type Agent, type Fleet, type JoinOptions } from '../../src/index.ts';
import { withServer } from '../support/nats-server.ts';

const server = withServer();
const agents: Agent[] = [];
const fleets: Fleet[] = [];
let count = 0;

async function join(options: Omit<JoinOptions, 'servers'>): Promise<Agent> {
  const agent = await joinFleet({ servers: server().url, handleSignals: false, ...options });
  agents.push(agent);
  return agent;
}

async function client(fleet: string): Promise<Fleet> {
  const made = await connectFleet({ servers: server().url, fleet });
  fleets.push(made);
  return made;
}

function freshName(): string {
  count += 1;
  return `fleet_${count}`;
}

afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.leave()));
  await Promise.all(fleets.splice(0).map((fleet) => fleet.close()));
});

test('the first agent leads, and its fleet completes a task and decides a proposal', async () => {
  const fleet = freshName();
  const agent = await join({ fleet, id: 'ada', tasks: { double: (task) => Number(task.payload) * 2 }, vote: () => 'approve' });
  expect(agent.isLeader).toBe(true);
  const caller = await client(fleet);
  const task = await caller.submit({ type: 'double', payload: 21 });
  expect(await task.assigned()).toEqual({ agent: 'ada', attempt: 1 });
  expect(await task.result()).toBe(42);
  const decision = await caller.propose({ type: 'policy_change', data: { newThreshold: 0.95 } });
  expect(decision).toMatchObject({ approved: true, approve: 1000, reject: 0, abstain: 0 });
});
