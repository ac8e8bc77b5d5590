/** Reads when no agent of the fleet can answer anything: real processes, stopped with SIGSTOP. */
import { afterEach, expect, test } from 'vitest';
import { connectFleet, startHttpServer, type HttpServer } from '../../src/index.ts';
import { endAgents, startAgent } from '../support/agent-process.ts';
import { withServer } from '../support/nats-server.ts';

const server = withServer();
let http: HttpServer | undefined;

afterEach(async () => {
  await http?.close();
  await endAgents();
});

interface Page {
  readonly items: readonly { readonly task_id: string }[];
  readonly as_of: { readonly sequence: number; readonly term: number };
}

test('with every agent process frozen, tasks, status and election are still answered, with as_of', async () => {
  const servers = server().url;
  const agents = await Promise.all(['a', 'b', 'c'].map((id) => startAgent({ servers, fleet: 'frozen', id })));
  http = await startHttpServer({ servers, fleet: 'frozen', port: 0, timeoutMs: 500 });
  const { url } = http;
  const client = await connectFleet({ servers, fleet: 'frozen' });
  const handles = await client.submitMany(
    Array.from({ length: 60 }, (_, i) => ({ type: 'echo', payload: i })),
  );
  await Promise.all(handles.map((handle) => handle.outcome()));
  await client.close();

  for (const agent of agents) agent.signal('SIGSTOP');
  for (let i = 0; i < 20; i++) {
    const answer = await fetch(`${url}/coordination/tasks?status=completed`);
    expect(answer.status).toBe(200);
    const page = (await answer.json()) as Page;
    expect(page.items).toHaveLength(50);
    expect(page.as_of).toMatchObject({ term: 1 });
    expect(page.as_of.sequence).toBeGreaterThan(1);
  }
  for (const path of ['status', 'election', 'agents', `tasks/${handles[0]?.id ?? ''}`]) {
    const answer = await fetch(`${url}/coordination/${path}`);
    expect([path, answer.status]).toEqual([path, 200]);
    expect(await answer.json()).toHaveProperty('as_of');
  }
  const post = await fetch(`${url}/coordination/tasks`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{"task_type":"echo"}',
  });
  expect([post.status, post.headers.get('Retry-After')]).toEqual([503, '1']);
  expect((await fetch(`${url}/coordination/tasks?consistent=true`)).status).toBe(503);

  for (const agent of agents) agent.signal('SIGCONT');
  const written = await untilTaken(url);
  expect((await fetch(`${url}/coordination/tasks/${written}`)).status).toBe(200);
});

/** Posts until somebody leads again; the id of the task. */
async function untilTaken(url: string): Promise<string> {
  for (;;) {
    const answer = await fetch(`${url}/coordination/tasks`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': 'after-the-frost' },
      body: '{"task_type":"echo"}',
    });
    if (answer.status === 201) return ((await answer.json()) as { task_id: string }).task_id;
    expect(answer.status).toBe(503);
  }
}
