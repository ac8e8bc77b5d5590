/** What `conclave agent --health` tells whoever supervises the process, against a real nats-server. */
import { expect, test, vi } from 'vitest';
import type { StatusView } from '../../src/index.ts';
import { answerOf, conclave, startConclave, type Running } from '../support/command.ts';
import { freePort } from '../support/free-port.ts';
import { withServer } from '../support/nats-server.ts';

/** Many processes, on a machine that may be busy. */
vi.setConfig({ testTimeout: 90_000 });

const server = withServer();
let count = 0;

interface Probed {
  readonly agent: Running;
  readonly probe: (path: string) => Promise<{ readonly status: number; readonly body: unknown } | null>;
  /** Null: nobody answers. */
  readonly until: (status: number | null) => Promise<void>;
}

async function start(id: string, words: readonly string[] = []): Promise<Probed> {
  const port = await freePort();
  const agent = startConclave([
    'agent',
    ...['--id', id, '--run', 'echo=cat', '--health', String(port)],
    ...['--servers', server().url, '--fleet', `health_${count}`],
    ...words,
  ]);
  const probe: Probed['probe'] = async (path) => {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`);
      return { status: answer.status, body: await answer.json() };
    } catch {
      // Nobody listens, or the process has just gone.
      return null;
    }
  };
  const until: Probed['until'] = async (status) => {
    while (((await probe('/readyz'))?.status ?? null) !== status)
      await new Promise((resolve) => setTimeout(resolve, 20));
  };
  return { agent, probe, until };
}

test('an agent is alive from its start, and ready once it has joined', async () => {
  count += 1;
  // Nobody may lead: it waits for a fleet.
  const waiting = await start('waiting', ['--no-electable']);
  await waiting.until(503);
  expect(await waiting.probe('/readyz')).toEqual({
    status: 503,
    body: { ready: false, reasons: ['it has not joined yet'] },
  });
  expect(await waiting.probe('/healthz')).toEqual({ status: 200, body: { status: 'ok' } });
  const leader = await start('leader');
  await leader.until(200);
  await waiting.until(200);
  expect(await waiting.probe('/readyz')).toEqual({ status: 200, body: { ready: true, reasons: [] } });
  expect(await waiting.probe('/elsewhere')).toMatchObject({ status: 404 });
});

test('an agent is not ready while NATS is gone, and is again when it is back', async () => {
  count += 1;
  const { probe, until } = await start('only');
  await until(200);
  await server().kill('SIGKILL');
  await until(503);
  expect(await probe('/readyz')).toMatchObject({ body: { ready: false, reasons: ['it is offline'] } });
  expect(await probe('/healthz')).toMatchObject({ status: 200 });
  await server().restart();
  await until(200);
});

test('an agent is not ready while it leaves', async () => {
  count += 1;
  const { agent, until } = await start('busy', ['--run', 'slow=sleep 4']);
  await until(200);
  const where = ['--servers', server().url, '--fleet', `health_${count}`];
  expect((await conclave(['submit', 'slow', ...where])).exitCode).toBe(0);
  const running = async (): Promise<number> =>
    (await answerOf<StatusView>(['status', ...where])).tasks.byStatus.running;
  while ((await running()) === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  agent.signal('SIGTERM');
  await until(503);
  await until(null);
  expect(await agent.ended).toMatchObject({ exitCode: 0 });
});

test('an agent that was replaced while it slept is not ready any more: its process ends', async () => {
  count += 1;
  const leader = await start('leader');
  await leader.until(200);
  const first = await start('twin', ['--no-electable']);
  await first.until(200);
  first.agent.signal('SIGSTOP');
  // Refused while the first may still answer; it is let in once the fleet has found that one dead.
  const second = await start('twin', ['--no-electable']);
  await second.until(200);
  first.agent.signal('SIGCONT');
  const ended = await first.agent.ended;
  expect(ended.exitCode).not.toBe(0);
  expect(await first.probe('/readyz')).toBeNull();
  expect(await second.probe('/readyz')).toMatchObject({ status: 200 });
});

test.each(['0', '70000', 'x', 'a b:80', ':8201'])('--health %s is refused', async (given) => {
  const words = ['agent', '--id', 'a', '--run', 'x=true', '--health', given];
  const { exitCode, stderr } = await conclave(words);
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/^conclave: health must be a port/);
});

test('a port that is taken is said, and nothing is joined', async () => {
  const port = new URL(server().url).port;
  const words = ['agent', '--id', 'a', '--run', 'x=true', '--health', port, '--servers', server().url];
  const { exitCode, stderr } = await conclave(words);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^conclave: health 127\.0\.0\.1:\d+ cannot be listened on \(EADDRINUSE\)/);
});
