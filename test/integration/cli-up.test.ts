/** `conclave up` and the commands against the fleet that it starts: real processes, a real nats-server. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { AgentView, HistoryReport, OutcomeView, StatusView, TaskPage } from '../../src/index.ts';
import {
  answerOf,
  conclave,
  isRunning,
  startConclave,
  startUp,
  withUp,
  type UpDocument,
} from '../support/command.ts';
import { freePort } from '../support/free-port.ts';

/** Many processes, one after the other, on a machine that may be busy. */
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function pidsOf(document: UpDocument): number[] {
  return [document.server.pid, ...document.agents.map(({ pid }) => pid)];
}

async function untilGone(pids: readonly number[]): Promise<void> {
  await vi.waitFor(() => expect(pids.filter(isRunning)).toEqual([]), { timeout: 10_000, interval: 50 });
}

describe('with a fleet that `up` has started', () => {
  const fleet = withUp(['--agents', '3']);
  const here = (...words: string[]): string[] => [...words, '--servers', fleet().document.servers];

  test('submit gives tasks to agents, and prints their results', async () => {
    const echo = await answerOf<OutcomeView>(here('submit', 'echo', '--payload', '{"a":[1,"ü"]}', '--wait'));
    expect(echo).toMatchObject({ status: 'completed', result: { a: [1, 'ü'] }, attempt: 1 });
    const scan = await conclave(here('submit', 'scan', '--payload', '{"path":"/"}', '--wait'));
    expect(scan.exitCode).toBe(0);
    expect(JSON.parse(scan.stdout)).toMatchObject({ path: '/', findings: expect.any(Array) });
    const many = await conclave(here('submit', 'sleep', '--payload', '{"ms":1}', '--count', '40', '--wait'));
    expect(many).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/40 tasks in/) });
    const failed = await conclave(here('submit', 'scan', '--payload', '{"path":"/nowhere"}', '--wait'));
    expect(failed).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining('/nowhere cannot be looked at'),
    });
  });

  test('the same key gives the same task', async () => {
    const first = await conclave(here('submit', 'echo', '--key', 'nightly'));
    const second = await conclave(here('submit', 'echo', '--key', 'nightly'));
    expect(second).toEqual(first);
    expect(first).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^\w{26}\n$/) });
  });

  test('tasks and task show them', async () => {
    await conclave(
      here('submit', 'sleep', '--payload', '{"ms":2}', '--count', '6', '--target', 'host', '--wait'),
    );
    const filter = ['--status', 'completed', '--type', 'sleep', '--limit', '5'];
    const page = await answerOf<TaskPage>(here('tasks', ...filter));
    expect(page).toMatchObject({ tasks: { length: 5 } });
    expect(page.total).toBeGreaterThanOrEqual(6);
    const table = await conclave(here('tasks', ...filter));
    expect(table.stdout.match(/^\w{26} +sleep +completed/gm)).toHaveLength(5);
    expect(table.stdout).toContain(`\nmore with --cursor ${page.next ?? 'nothing'}\n`);
    const rest = await answerOf<TaskPage>(here('tasks', ...filter, '--cursor', page.next ?? ''));
    expect(rest.tasks.map(({ id }) => id)).not.toContain(page.tasks[0]?.id);
    const [newest] = (await answerOf<TaskPage>(here('tasks', '--text', 'HOST', '--newest'))).tasks;
    expect(newest).toMatchObject({ type: 'sleep', target: 'host' });
    const shown = await conclave(here('task', page.tasks[0]?.id ?? ''));
    expect(shown).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/status +completed/) });
    expect(await conclave(here('task', 'nothing'))).toMatchObject({
      exitCode: 1,
      stderr: 'conclave: no task nothing: it was dropped, or never existed\n',
    });
  });

  test('cancel stops a running task, and says when there is nothing to stop', async () => {
    const { id } = await answerOf<{ id: string }>(here('submit', 'sleep', '--payload', '{"ms":60000}'));
    expect(await conclave(here('cancel', id))).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('cancel'),
    });
    await vi.waitFor(async () => {
      expect(await answerOf<OutcomeView>(here('task', id))).toMatchObject({ status: 'cancelled' });
    }, 20_000);
    const again = await conclave(here('cancel', id));
    expect(again).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('cancelled') });
  });

  test('propose says what the fleet decides', async () => {
    const approved = await conclave(
      here('propose', 'policy_change', '--data', '{"threshold":0.95}', '--wait'),
    );
    expect(approved).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/status +approved/) });
    const rejected = await conclave(
      here('propose', 'policy_change', '--data', '{"threshold":0.999}', '--wait'),
    );
    expect(rejected).toMatchObject({ exitCode: 1, stdout: expect.stringMatching(/status +rejected/) });
    const all = await conclave(here('proposals', '--status', 'rejected'));
    expect(all.stdout).toMatch(/^\w{26} +policy_change +rejected/m);
  });

  test('vote is for those whom the proposal names', async () => {
    const open = ['propose', 'release', '--voter', 'grace', '--quorum', '1', '--timeout', '60000'];
    const { id } = await answerOf<{ id: string }>(here(...open));
    const stranger = await conclave(here('vote', id, 'approve', '--as', 'mallory'));
    expect(stranger).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('mallory') });
    const ballot = await conclave(here('vote', id, 'approve', '--as', 'grace', '--reason', 'looks right'));
    expect(ballot).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('grace votes approve') });
    await vi.waitFor(async () => {
      const { stdout } = await conclave(here('proposal', id));
      expect(stdout).toMatch(/status +approved/);
      expect(stdout).toMatch(/grace +1 +approve +looks right/);
    }, 20_000);
  });

  test('agents are a table for people, and a document for programs', async () => {
    const agents = await answerOf<AgentView[]>(here('agents'));
    expect(agents.map(({ id }) => id).sort()).toEqual(['agent_1', 'agent_2', 'agent_3']);
    const { stdout } = await conclave(here('agents'));
    expect(stdout.split('\n')[0]).toMatch(/^id +state +leads +score/);
    expect(stdout.match(/^agent_\d +alive/gm)).toHaveLength(3);
  });

  test('drain takes an agent out, and resume takes it in', async () => {
    expect((await conclave(here('drain', 'agent_3'))).exitCode).toBe(0);
    expect(await answerOf<AgentView[]>(here('agents', '--state', 'draining'))).toMatchObject([
      { id: 'agent_3' },
    ]);
    expect((await conclave(here('resume', 'agent_3'))).exitCode).toBe(0);
    expect(await answerOf<AgentView[]>(here('agents', '--state', 'alive'))).toHaveLength(3);
  });

  test('events come as they happen', async () => {
    const events = startConclave(here('events', 'task.>', '--count', '4'));
    await vi.waitFor(() => expect(events.said()).toContain('following task.>'), 20_000);
    const seen = await answerOf<OutcomeView>(here('submit', 'echo', '--payload', '5', '--wait'));
    await answerOf(here('submit', 'echo', '--wait'));
    expect(await events.line(/task\.submitted/)).toContain(`${seen.id} {"type":"echo"`);
    expect(await events.line(/task\.completed/)).toContain('"result":5');
    expect((await events.ended).exitCode).toBe(0);
  });

  test('elect raises the term, status shows it, and verify finds the ledger ok', async () => {
    const before = await answerOf<StatusView>(here('status'));
    // The server is its own: nobody has to assert how it writes.
    const durability = { word: 'durable', fsync: 'always', fsyncSource: 'started', replicas: 1 };
    expect(before.durability).toMatchObject(durability);
    const elected = await answerOf<{ leader: string; term: number }>(here('elect'));
    expect(elected.term).toBe(before.term + 1);
    expect((await conclave(here('status'))).stdout).toMatch(
      new RegExp(`^leader +${elected.leader}\nterm +${elected.term},`, 'm'),
    );
    expect((await conclave(here('status'))).stdout).toMatch(/^health +(healthy|degraded|unhealthy)$/m);
    const report = await answerOf<HistoryReport>(here('verify'));
    expect(report).toMatchObject({ ok: true, problems: [], doubleOutcomes: 0 });
    expect(report.terms.at(-1)).toMatchObject({ term: elected.term, leader: elected.leader });
    expect((await conclave(here('verify'))).stdout).toMatch(/\nthe ledger is ok\n$/);
    expect(fleet().up.said()).toBe('');
  });

  test('verify of a fleet that never was is no success', async () => {
    const { exitCode, stdout, stderr } = await conclave(here('verify', '--fleet', 'typo'));
    expect({ exitCode, stdout, stderr }).toEqual({
      stdout: '',
      exitCode: 1,
      stderr: 'conclave: fleet typo has no ledger yet: nobody has led it\n',
    });
  });
});

test('`up` goes on when an agent is killed, and says so', async () => {
  const { up, document } = await startUp(['--agents', '3']);
  const at = ['--servers', document.servers];
  const leader = document.agents.find(({ id }) => id === document.leader);
  process.kill(leader?.pid ?? 0, 'SIGKILL');
  expect(JSON.parse(await up.line(/agent\.ended/))).toMatchObject({ id: document.leader, how: 'SIGKILL' });
  const outcome = await answerOf<OutcomeView>(['submit', 'echo', '--payload', '1', '--wait', ...at]);
  expect(outcome.status).toBe('completed');
  const status = await answerOf<StatusView>(['status', ...at]);
  expect(status.term).toBeGreaterThan(document.term);
  expect(status.leader).not.toBe(document.leader);
});

describe('`up` leaves nothing behind', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'at %s: no process, no folder, exit code 0',
    async (signal) => {
      const { up, document } = await startUp(['--agents', '2']);
      expect(pidsOf(document).every(isRunning)).toBe(true);
      expect(existsSync(document.server.dir)).toBe(true);
      up.signal(signal);
      expect(await up.ended).toMatchObject({ exitCode: 0, stderr: '' });
      expect(pidsOf(document).filter(isRunning)).toEqual([]);
      expect(existsSync(document.server.dir)).toBe(false);
    },
  );

  test('when it is killed: the agents and the server end by themselves', async () => {
    const { up, document } = await startUp(['--agents', '3']);
    up.signal('SIGKILL');
    await up.ended;
    await untilGone(pidsOf(document));
    await vi.waitFor(() => expect(existsSync(document.server.dir)).toBe(false), 5_000);
  });

  test('when it is told to end while it starts', async () => {
    const up = startConclave(['up', '--agents', '2', '--log-level', 'info', '--json']);
    await vi.waitFor(() => expect(up.said()).toContain('nats-server started'), 10_000);
    up.signal('SIGINT');
    expect((await up.ended).exitCode).toBe(0);
    const started =
      up
        .said()
        .split('\n')
        .find((line) => line.includes('nats-server started')) ?? '';
    const { pid, storeDir } = JSON.parse(started.slice(started.indexOf('{'))) as {
      pid: number;
      storeDir: string;
    };
    expect(isRunning(pid)).toBe(false);
    expect(existsSync(storeDir)).toBe(false);
  });
});

test('`up` gives its agents the grace that they are set to, and says how long that is', async () => {
  const port = String(await freePort());
  const up = startConclave([
    'up',
    '--agents',
    '1',
    '--port',
    port,
    '--no-http',
    '--set',
    'settings.leaveGraceMs=2500',
  ]);
  await up.line(/conclave agents/);
  up.signal('SIGINT');
  expect(await up.ended).toMatchObject({
    exitCode: 0,
    stderr: expect.stringContaining('agents get 2.5 s to finish'),
  });
});

test('with --dir the fleet goes on where it was, and the folder stays', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'conclave-cli-'));
  folders.push(dir);
  const first = await startUp(['--agents', '2', '--dir', dir]);
  const at = ['--servers', first.document.servers];
  const { id } = await answerOf<OutcomeView>(['submit', 'echo', '--payload', '7', '--wait', ...at]);
  const refused = await conclave(['up', '--dir', dir]);
  expect(refused).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('already serves') });
  first.up.signal('SIGINT');
  await first.up.ended;

  const second = await startUp(['--agents', '2', '--dir', dir]);
  expect(second.document.term).toBeGreaterThan(first.document.term);
  const again = ['--servers', second.document.servers];
  expect(await answerOf<OutcomeView>(['task', id, ...again])).toMatchObject({
    status: 'completed',
    result: 7,
  });
  expect(await answerOf<HistoryReport>(['verify', ...again])).toMatchObject({ ok: true });
  second.up.signal('SIGTERM');
  await second.up.ended;
  expect(existsSync(dir)).toBe(true);
});

test('a port in use is a clear error, and the summary for people says what to try', async () => {
  const { document } = await startUp(['--agents', '1', '--fleet', 'night']);
  const port = new URL(document.servers).port;
  expect(await conclave(['up', '--port', port])).toMatchObject({
    exitCode: 3,
    stderr: `conclave: port ${port} is in use; give another --port, or none for a free one\n`,
  });
  const up = startConclave(['up', '--agents', '1', '--fleet', 'night']);
  expect(await up.line(/conclave agents.* --fleet night/)).toBeTruthy();
  expect(await up.line(/nats.* req conclave\.night\.api\.submit '\{"type":"echo"\}'/)).toBeTruthy();
});
