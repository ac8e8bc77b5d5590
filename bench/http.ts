/**
 * How long a read over HTTP takes with few tasks and with many: one nats-server, one agent, one HTTP server, all tasks
 * pending. Medians of single requests on one kept connection, microseconds; both columns are of one run.
 */
import { connectFleet, joinFleet, startHttpServer, startPrivateServer } from 'conclave';

const FEW = 100;
const MANY = 100_000;
const BATCH = 1_000;
const REQUESTS = 400;
const paths = [
  '/coordination/tasks?limit=50',
  `/coordination/tasks?limit=50&status=pending&skip=${FEW - 50}`,
  '/coordination/tasks?limit=50&order=newest',
  '/coordination/status',
];
const deep = `/coordination/tasks?limit=50&status=pending&skip=${MANY - 50}`;

const server = await startPrivateServer({ binary: process.env['CONCLAVE_NATS_SERVER'] });
const servers = server.url;
const agent = await joinFleet({ servers, id: 'agent_1', handleSignals: false });
const fleet = await connectFleet({ servers });
const http = await startHttpServer({ servers, port: 0, requestsPerSecond: 1_000_000 });

async function submit(count: number): Promise<void> {
  for (let left = count; left > 0; left -= BATCH) {
    const size = Math.min(BATCH, left);
    await fleet.submitMany(Array.from({ length: size }, (_, i) => ({ type: 'scan', target: `host ${i}` })));
  }
}

async function medianOf(path: string): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < REQUESTS; i++) {
    const startedAt = performance.now();
    const answer = await fetch(`${http.url}${path}`);
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`);
    await answer.arrayBuffer();
    times.push(performance.now() - startedAt);
  }
  return Math.round((times.sort((a, b) => a - b)[REQUESTS / 2] ?? 0) * 1_000);
}

async function all(): Promise<number[]> {
  const found: number[] = [];
  for (const path of paths) found.push(await medianOf(path));
  return found;
}

await submit(FEW);
await all();
const few = await all();
await submit(MANY - FEW);
const many = await all();
paths.forEach((path, i) => {
  const [before, after] = [few[i] ?? 0, many[i] ?? 0];
  console.log(
    `${path.padEnd(60)} ${FEW}: ${before} µs   ${MANY}: ${after} µs   ratio ${(after / before).toFixed(2)}`,
  );
});
console.log(`${deep.padEnd(60)} ${MANY}: ${await medianOf(deep)} µs`);

await http.close();
await fleet.close();
await agent.leave();
await server.stop();
