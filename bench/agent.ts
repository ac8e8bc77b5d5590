/** One agent of a benchmark, in a process of its own: echoes. Tells what processor time and memory it uses. */
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
    globalThis.gc?.();
    const { rss: residentBytes, heapUsed: heapBytes } = process.memoryUsage();
    const cpuMs = (user + system) / 1_000;
    process.send?.({ id, isLeader: agent.isLeader, cpuMs, residentBytes, heapBytes });
  }
});
process.on('disconnect', () => process.exit(0));
