/** One agent of the benchmark, in a process of its own: echoes. Tells what processor time it used. */
import { joinFleet } from 'conclave';

const [servers = '', fleet = '', id = '', priority = '0'] = process.argv.slice(2);
const agent = await joinFleet({
  servers,
  fleet,
  id,
  priority: Number(priority),
  slots: 200,
  tasks: { echo: (task) => task.payload },
});
process.send?.('joined');
process.on('message', (message) => {
  if (message === 'usage') {
    const { user, system } = process.cpuUsage();
    process.send?.({ id, isLeader: agent.isLeader, cpuMs: (user + system) / 1_000 });
  }
});
process.on('disconnect', () => process.exit(0));
