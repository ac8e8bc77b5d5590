/**
 * A pool of worker processes, a batch of work, and one worker killed in the middle of it. Every result arrives: what
 * the dead one held is given to the others. Needs a nats-server with JetStream at NATS_URL, or on this machine.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { connectFleet, joinFleet } from 'conclave';

const servers = process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222';
const fleetName = 'worker_pool';

// The same file is the worker: started with an id, it joins and works until it is told to leave.
const [, , id] = process.argv;
if (id === undefined) await main();
else await work(id);

async function work(worker: string): Promise<void> {
  const agent = await joinFleet({
    servers,
    fleet: fleetName,
    id: worker,
    slots: 4,
    tasks: {
      square: async (task) => {
        await new Promise((resolve) => setTimeout(resolve, 200));
        return Number(task.payload) ** 2;
      },
    },
  });
  process.once('disconnect', () => process.exit(1));
  process.send?.('ready');
  await agent.ended;
  process.exit(0);
}

async function main(): Promise<void> {
  const pool = await Promise.all(['worker_1', 'worker_2', 'worker_3', 'worker_4'].map(start));
  const fleet = await connectFleet({ servers, fleet: fleetName });
  const numbers = Array.from({ length: 160 }, (_, n) => n);
  const batch = await fleet.submitMany(numbers.map((payload) => ({ type: 'square', payload })));

  // One of its tasks is under way when the worker dies: no word of farewell, no clean-up.
  const { agent: victim } = (await batch[40]?.assigned()) ?? { agent: '' };
  pool.find((worker) => worker.spawnargs.includes(victim))?.kill('SIGKILL');

  const results = await Promise.all(batch.map((task) => task.result()));
  const sum = results.reduce<number>((total, square) => total + Number(square), 0);
  console.log(`${results.length} results, sum of squares ${sum}`);

  const { recovery } = await fleet.metrics();
  console.log(
    `${recovery.deaths} worker died, ${recovery.reassigned > 0 ? 'its tasks went to others' : 'idle'}`,
  );
  await fleet.close();
  await Promise.all(pool.map(stop));
}

async function start(worker: string): Promise<ReturnType<typeof fork>> {
  const child = fork(fileURLToPath(import.meta.url), [worker]);
  await once(child, 'message');
  return child;
}

async function stop(child: ReturnType<typeof fork>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}
