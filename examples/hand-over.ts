/**
 * Leadership changes hands: because the leader leaves, and because somebody asks. And how a handler protects something
 * outside the fleet from a leader of the past: with the fencing token, which grows with every term.
 * Needs a nats-server with JetStream at NATS_URL, or on this machine.
 */
import { connectFleet, DoNotRetry, joinFleet } from 'conclave';

const servers = process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222';
const fleetName = 'hand_over';

/** The outside resource: it takes a write only under a token that is not lower than any it has seen. */
const firewall = {
  highestToken: 0,
  rules: [] as string[],
  write(rule: string, token: number): void {
    if (token < this.highestToken) throw new DoNotRetry(`token ${token} is of the past`);
    this.highestToken = token;
    this.rules.push(rule);
  },
};

const join = (id: string, priority: number) =>
  joinFleet({
    servers,
    fleet: fleetName,
    id,
    priority,
    tasks: {
      add_rule: (task) => {
        // `task.fencingToken` is that of the term in which the task was assigned.
        firewall.write(String(task.payload), task.fencingToken);
        return task.fencingToken;
      },
    },
  });
const ada = await join('ada', 3);
const bob = await join('bob', 2);
const eve = await join('eve', 1);
const fleet = await connectFleet({ servers, fleet: fleetName });
const addRule = async (rule: string) =>
  Number(await (await fleet.submit({ type: 'add_rule', payload: rule })).result());

const tokens = [await addRule('drop 10.0.0.7')];
console.log(`${(await fleet.election()).leader ?? 'nobody'} leads`);

// The leader leaves: its last entry hands over, and the best of the others claims at once.
await ada.leave();
tokens.push(await addRule('drop 10.0.0.8'));
const { leader, cause } = await fleet.election();
console.log(`${leader ?? 'nobody'} leads after a ${cause ?? ''}`);

// Somebody asks for an election: the term grows even if the same agent wins.
const { term } = await fleet.election();
const next = await fleet.elect();
tokens.push(await addRule('drop 10.0.0.9'));
console.log(`${next.leader ?? 'nobody'} leads, ${next.term - term} term later; bob: ${String(bob.isLeader)}`);

console.log(
  'tokens grow:',
  tokens.every((token, i) => i === 0 || token > (tokens[i - 1] ?? 0)),
);
console.log('rules:', firewall.rules.length);
try {
  firewall.write('accept all', tokens[0] ?? 0);
} catch (error) {
  console.log('a leader of the past is refused:', error instanceof DoNotRetry);
}

await fleet.close();
await Promise.all([bob.leave(), eve.leave()]);
