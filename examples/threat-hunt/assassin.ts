/**
 * Kills the leader with SIGKILL once enough tasks are completed, and tells nobody until it is done. A client of the
 * fleet like any other: it counts outcomes, asks who leads, and finds the leader's process in the agent's labels.
 */
import { connectFleet, type Fleet } from 'conclave';
import { machineNow } from './machine-clock.ts';
import { dieWithParent, readOrders, tell, type Kill } from './orders.ts';

const orders = readOrders('assassin');
dieWithParent();

const fleet = await connectFleet({ servers: orders.servers, fleet: orders.fleet });
const completed = enoughCompleted(fleet, orders.afterCompleted);
// Once this is answered, the broker knows the subscription too.
await fleet.status();
tell({ kind: 'ready' });
await completed;
const kill = await strike(fleet);
tell({ kind: 'killed', kill });
await fleet.close();
process.exit(0);

/** Resolves as soon as that many tasks were seen to complete. */
function enoughCompleted(seenBy: Fleet, wanted: number): Promise<void> {
  const seen = new Set<unknown>();
  return new Promise((resolve) => {
    const subscription = seenBy.onEvent('task.completed', ({ id }) => {
      seen.add(id);
      if (seen.size < wanted) return;
      subscription.close();
      resolve();
    });
  });
}

async function strike(seenBy: Fleet): Promise<Kill> {
  for (;;) {
    const agents = await seenBy.agents();
    const { leader, term, tasks } = await seenBy.status();
    const pid = Number(agents.find(({ id }) => id === leader)?.labels['pid']);
    if (leader === null || !(pid > 1)) continue;
    const at = machineNow();
    process.kill(pid, 'SIGKILL');
    return { agent: leader, pid, term, completed: tasks.byStatus.completed, at };
  }
}
