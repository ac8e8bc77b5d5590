/**
 * Tasks per second from submit to recorded completion: one nats-server with fsync on every append, four agent
 * processes, eight loops that submit 100 tasks at a time and wait for their outcomes. `SECONDS=n`, default 10.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { connectFleet, startPrivateServer, verifyLedger } from 'conclave';

const AGENTS = 4;
const LOOPS = 8;
const BATCH = 100;
const seconds = Number(process.env['SECONDS'] ?? 10);

interface Usage {
  readonly id: string;
  readonly isLeader: boolean;
  readonly cpuMs: number;
}

async function usageOf(child: ChildProcess): Promise<Usage> {
  const answered = once(child, 'message');
  child.send('usage');
  const [usage] = (await answered) as [Usage];
  return usage;
}

const server = await startPrivateServer({ binary: process.env['CONCLAVE_NATS_SERVER'] });
const fleetName = 'bench';
const program = fileURLToPath(new URL('./agent.js', import.meta.url));
const children: ChildProcess[] = [];
try {
  for (let i = 0; i < AGENTS; i++) {
    const child = fork(program, [server.url, fleetName, `agent_${i}`, String(AGENTS - i)]);
    children.push(child);
    await once(child, 'message');
  }
  const fleet = await connectFleet({ servers: server.url, fleet: fleetName });
  const before = await Promise.all(children.map(usageOf));
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
  const after = await Promise.all(children.map(usageOf));
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
  for (const child of children) {
    const ended = once(child, 'exit');
    child.disconnect();
    await ended;
  }
  await server.stop();
}
