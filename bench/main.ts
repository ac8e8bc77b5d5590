/**
 * Tasks per second from submit to recorded completion: one nats-server with fsync on every append, four agent
 * processes, eight loops that submit 100 tasks at a time and wait for their outcomes. `SECONDS=n`, default 10.
 */
import { connectFleet, startPrivateServer, verifyLedger } from 'conclave';
import { startCrew } from './crew.ts';

const AGENTS = 4;
const LOOPS = 8;
const BATCH = 100;
const seconds = Number(process.env['SECONDS'] ?? 10);

const server = await startPrivateServer({ binary: process.env['CONCLAVE_NATS_SERVER'] });
const fleetName = 'bench';
const crew = await startCrew({ servers: server.url, fleet: fleetName, agents: AGENTS }).catch(
  async (error: unknown) => {
    await server.stop();
    throw error;
  },
);
try {
  const fleet = await connectFleet({ servers: server.url, fleet: fleetName });
  const before = await crew.usages();
  const own = process.cpuUsage();
  const started = performance.now();
  let tasks = 0;
  const latencies: number[] = [];
  const loop = async (): Promise<void> => {
    while (performance.now() - started < seconds * 1_000) {
      const at = performance.now();
      const handles = await fleet.submitMany(
        Array.from({ length: BATCH }, (_, i) => ({ type: 'echo', payload: i })),
      );
      await Promise.all(handles.map((handle) => handle.outcome()));
      latencies.push(performance.now() - at);
      tasks += handles.length;
    }
  };
  await Promise.all(Array.from({ length: LOOPS }, loop));
  const elapsed = (performance.now() - started) / 1_000;
  const after = await crew.usages();
  const { user, system } = process.cpuUsage(own);
  await fleet.close();
  const report = await verifyLedger({ servers: server.url, fleet: fleetName });
  latencies.sort((a, b) => a - b);
  const cpu = after.map((usage, i) => ({ ...usage, cpuMs: usage.cpuMs - (before[i]?.cpuMs ?? 0) }));
  const perTask = (ms: number): number => Math.round((ms * 1_000 * 10) / tasks) / 10;
  console.log(
    JSON.stringify({
      tasks,
      seconds: Math.round(elapsed * 100) / 100,
      tasksPerSecond: Math.round(tasks / elapsed),
      batchMsMedian: Math.round(latencies[Math.floor(latencies.length / 2)] ?? 0),
      batchMs99: Math.round(latencies[Math.floor(latencies.length * 0.99)] ?? 0),
      entries: report.entries,
      eventsPerEntry: Math.round(report.events / report.entries),
      leaderCpuMicrosPerTask: perTask(cpu.find(({ isLeader }) => isLeader)?.cpuMs ?? 0),
      otherAgentsCpuMicrosPerTask: perTask(
        cpu.filter(({ isLeader }) => !isLeader).reduce((sum, each) => sum + each.cpuMs, 0),
      ),
      clientCpuMicrosPerTask: perTask((user + system) / 1_000),
      ok: report.ok,
    }),
  );
} finally {
  await crew.end();
  await server.stop();
}
