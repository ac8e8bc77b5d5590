/**
 * Thousands of requests, made from the server's own OpenAPI document, at a real server over a real fleet: every answer
 * is one that the document names, whatever was sent. `FUZZ_SEED` and `FUZZ_REQUESTS` choose others.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  DoNotRetry,
  joinFleet,
  startHttpServer,
  verifyLedger,
  type Agent,
  type HttpServer,
  type JoinOptions,
} from '../../src/index.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { withServer } from '../support/nats-server.ts';
import { readDocument } from './fuzz-document.ts';
import { fuzz } from './fuzz-run.ts';
import { commonNames } from './fuzz-values.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? 20_260_101);
const REQUESTS = Number(process.env['FUZZ_REQUESTS'] ?? 10_000);
/** Five copies of the fleet's state are in this process, with everything that was ever submitted. */
const HEAP_BYTES_PER_REQUEST = 50_000;
const HEAP_BYTES_BASE = 100_000_000;
/** The server's patience and the seconds of a slow machine. */
const TEST_MS = 60_000 + REQUESTS * 30;

const fleet = 'fuzzed';
const ids = ['ada', 'bob', 'constructor', '__proto__'];
const nats = withServer();
const agents = new Map<string, Agent>();
let isOver = false;
let http: HttpServer;

/** Some handlers end at once, some fail with hostile words, some wait to be told to stop. */
const work: NonNullable<JoinOptions['tasks']> = {
  '*': async ({ type, payload }, { signal }) => {
    if (type === 'failing') throw new DoNotRetry('<script>alert(1)</script>\r\nSet-Cookie: a=b\u0000');
    if (type === 'w' || type === 'grace') await stopped(signal, 2_000);
    return type === 'scan' ? { html: '</script><b>', nothing: undefined, at: NaN } : payload;
  },
};

/** Some proposals stay open for outside voters. */
const vote: NonNullable<JoinOptions['vote']> = ({ description }) =>
  description.length % 2 === 0 ? 'abstain' : 'approve';

/** Some requests remove agents: another process of the same id takes each one's place. */
async function join(id: string): Promise<void> {
  const here = { slots: 50, capabilities: commonNames, tasks: work, vote };
  const options = { servers: nats().url, fleet, id, handleSignals: false, log: silentLog };
  const settings = { leaveGraceMs: 200, retryBackoffMs: 10 };
  const agent = await joinFleet({ ...options, settings, ...here });
  agents.set(id, agent);
  agent.ended.catch(() => (isOver ? undefined : join(id)));
}

beforeAll(async () => {
  for (const id of ids) await join(id);
  // The rate has a test of its own.
  http = await startHttpServer({
    servers: nats().url,
    fleet,
    port: 0,
    log: silentLog,
    requestsPerSecond: 1e6,
  });
});

afterAll(async () => {
  isOver = true;
  await http.close();
  await Promise.all([...agents.values()].map((each) => each.leave().catch(() => undefined)));
});

test(
  `every answer to ${REQUESTS} requests is one that the OpenAPI document names (FUZZ_SEED=${SEED})`,
  { timeout: TEST_MS },
  async () => {
    const document = await readDocument(http.url);
    const before = heapUsed();
    const judge = await fuzz({ url: http.url, document, seed: SEED, requests: REQUESTS, agents: ids });
    process.stderr.write(`FUZZ_SEED=${SEED}\n${judge.table()}\n503 around elections: ${judge.unsettled}\n`);
    expect(judge.faults.join('\n')).toBe('');
    expect(heapUsed() - before).toBeLessThan(HEAP_BYTES_BASE + REQUESTS * HEAP_BYTES_PER_REQUEST);
    await settle();
    const { ok, problems } = await verifyLedger({ servers: nats().url, fleet, log: silentLog });
    expect({ ok, problems }).toEqual({ ok: true, problems: [] });
  },
);

/** Everybody works again, what nobody can do is cancelled, and the fleet says that it is well. */
async function settle(): Promise<void> {
  for (const id of ids) await call(`agents/${id}/resume`, 'POST');
  await vi.waitFor(
    async () => {
      const { items } = (await call('tasks?status=pending&limit=500')) as {
        items: readonly { task_id: string }[];
      };
      for (const { task_id: id } of items) await call(`tasks/${id}`, 'DELETE');
      expect(await call('status')).toMatchObject({ health: 'healthy', reasons: [], has_leader: true });
      expect(await call('agents?state=alive')).toMatchObject({ total: ids.length });
    },
    { timeout: 60_000, interval: 100 },
  );
}

async function call(path: string, method = 'GET'): Promise<unknown> {
  return (await fetch(`${http.url}/coordination/${path}`, { method })).json();
}

function stopped(signal: AbortSignal, patienceMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, patienceMs);
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
}

function heapUsed(): number {
  setFlagsFromString('--expose_gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}
