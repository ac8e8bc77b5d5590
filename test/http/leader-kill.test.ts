/**
 * The day the leader dies at peak load, seen from HTTP: 200 tasks a second are posted, each with a key and with
 * retries, while the leader is killed with SIGKILL. Every 201 is in the list, once; reads go on; and how long
 * writes were answered with 503 is printed.
 */
import { afterEach, expect, test } from 'vitest';
import { startHttpServer, type HttpServer } from '../../src/index.ts';
import { endAgents, startAgent } from '../support/agent-process.ts';
import { withServer } from '../support/nats-server.ts';

const PER_SECOND = 200;
const SECONDS = 20;
const KILL_AFTER = 1_500;
/** Posts that wait for their answer at once: on a slow machine the client becomes slower, not its queue longer. */
const IN_FLIGHT_MAX = 40;
/** A client that is told 503 asks again; so often it gives up, and the test fails. */
const TRIES_MAX = 100;

/** Far less than the server's default, which rides over a fail-over: here the client sees it. */
const PATIENCE_MS = 200;

const server = withServer();
let http: HttpServer | undefined;

afterEach(async () => {
  await http?.close();
  await endAgents();
});

interface Posted {
  readonly id: string;
  readonly tries: number;
  readonly at: number;
}

interface Refused {
  readonly at: number;
  readonly status: number;
  readonly retryAfter: string | null;
}

test(
  'a leader killed under 200 posts a second: every 201 is listed once, and reads never fail',
  { timeout: 120_000 },
  async () => {
    const servers = server().url;
    const fleet = 'peak';
    const [leader] = await Promise.all(
      ['a', 'b', 'c'].map((id, i) => startAgent({ servers, fleet, id, priority: 9 - i, slots: 64 })),
    );
    http = await startHttpServer({ servers, fleet, port: 0, timeoutMs: PATIENCE_MS });
    const { url } = http;
    const refused: Refused[] = [];
    const reads: number[] = [];

    const post = async (i: number): Promise<Posted> => {
      const key = `key-${String(i)}`;
      for (let tries = 1; tries <= TRIES_MAX; tries++) {
        const answer = await fetch(`${url}/coordination/tasks`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
          body: JSON.stringify({ task_type: 'echo', payload: { i } }),
        });
        const body = (await answer.json()) as { task_id: string };
        if (answer.status === 201) return { id: body.task_id, tries, at: performance.now() };
        refused.push({
          at: performance.now(),
          status: answer.status,
          retryAfter: answer.headers.get('Retry-After'),
        });
        await pause(50);
      }
      throw new Error(`${key} was never taken`);
    };

    const over = new AbortController();
    const reading = (async () => {
      while (!over.signal.aborted) {
        const answer = await fetch(`${url}/coordination/tasks?limit=50`);
        const page = (await answer.json()) as { as_of?: unknown };
        reads.push(page.as_of === undefined ? 0 : answer.status);
        await pause(20);
      }
    })();

    const startedAt = performance.now();
    let killedAt = 0;
    let next = 0;
    const posted: Posted[] = [];
    const client = async (): Promise<void> => {
      while (next < PER_SECOND * SECONDS) {
        const i = next++;
        const dueAt = startedAt + (i * 1_000) / PER_SECOND;
        if (performance.now() < dueAt) await pause(dueAt - performance.now());
        if (i === KILL_AFTER) {
          killedAt = performance.now();
          leader?.signal('SIGKILL');
        }
        posted.push(await post(i));
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT_MAX }, client));
    over.abort();
    await reading;

    const listed = await everyTask(url);
    expect(new Set(listed).size).toBe(listed.length);
    expect(listed.toSorted()).toEqual(posted.map(({ id }) => id).toSorted());
    expect(reads.filter((status) => status !== 200)).toEqual([]);
    expect(reads.length).toBeGreaterThan(100);
    expect(refused.filter(({ status, retryAfter }) => status !== 503 || retryAfter === null)).toEqual([]);
    const term = (await (await fetch(`${url}/coordination/election`)).json()) as { term: number };
    expect(term.term).toBe(2);
    report({ posted, refused, reads: reads.length, killedAt });
  },
);

/** Ids of all tasks, page by page. */
async function everyTask(url: string): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const answer = await fetch(`${url}/coordination/tasks?limit=500&consistent=true${query}`);
    const page = (await answer.json()) as { items: { task_id: string }[]; next_cursor: string | null };
    ids.push(...page.items.map(({ task_id }) => task_id));
    cursor = page.next_cursor;
  } while (cursor !== null);
  return ids;
}

function report(of: {
  posted: readonly Posted[];
  refused: readonly Refused[];
  reads: number;
  killedAt: number;
}): void {
  const { posted, refused, reads, killedAt } = of;
  const taken = posted.map(({ at }) => at).filter((at) => at > killedAt && at < killedAt + 5_000);
  const gaps = [killedAt, ...taken.toSorted((a, b) => a - b)].map((at, i, all) => at - (all[i - 1] ?? at));
  const again = posted.filter(({ tries }) => tries > 1).length;
  process.stderr.write(
    `posted ${posted.length}, repeated by their client ${again}, reads ${reads}; ` +
      `503s ${refused.length}; after the kill no write was taken for ${Math.round(Math.max(...gaps))} ms\n`,
  );
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
