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
  type UpDocument,
} from '../support/command.ts';

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

describe('a fleet that `up` has started', () => {
  test('does tasks, decides proposals, elects, and its ledger is ok', async () => {
    const { up, document } = await startUp(['--agents', '3']);
    const at = ['--servers', document.servers];
    expect(document.agents.map(({ id }) => id)).toEqual(['agent_1', 'agent_2', 'agent_3']);

    const echo = await answerOf<OutcomeView>([
      'submit',
      'echo',
      '--payload',
      '{"a":[1,"ü"]}',
      '--wait',
      ...at,
    ]);
    expect(echo).toMatchObject({ status: 'completed', result: { a: [1, 'ü'] }, attempt: 1 });
    const scan = await answerOf<OutcomeView>([
      'submit',
      'scan',
      '--payload',
      '{"path":"/"}',
      '--wait',
      ...at,
    ]);
    expect(scan.result).toMatchObject({ path: '/', findings: expect.any(Array) });
    const many = await conclave([
      'submit',
      'sleep',
      '--payload',
      '{"ms":1}',
      '--count',
      '40',
      '--wait',
      ...at,
    ]);
    expect(many).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/40 tasks in/) });
    const failed = await conclave(['submit', 'scan', '--payload', '{"path":"/nowhere"}', '--wait', ...at]);
    expect(failed).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining('/nowhere cannot be looked at'),
    });

    const page = await answerOf<TaskPage>([
      'tasks',
      '--status',
      'completed',
      '--type',
      'sleep',
      '--limit',
      '5',
      ...at,
    ]);
    expect(page).toMatchObject({ total: 40, tasks: { length: 5 } });
    const shown = await conclave(['task', echo.id, ...at]);
    expect(shown).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/status +completed/) });

    const approved = await conclave([
      'propose',
      'policy_change',
      '--data',
      '{"threshold":0.95}',
      '--wait',
      ...at,
    ]);
    expect(approved).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/status +approved/) });
    const rejected = await conclave([
      'propose',
      'policy_change',
      '--data',
      '{"threshold":0.999}',
      '--wait',
      ...at,
    ]);
    expect(rejected).toMatchObject({ exitCode: 1, stdout: expect.stringMatching(/status +rejected/) });

    const agents = await answerOf<AgentView[]>(['agents', ...at]);
    expect(agents.map(({ id }) => id).sort()).toEqual(['agent_1', 'agent_2', 'agent_3']);
    const table = await conclave(['agents', ...at]);
    expect(table.stdout.split('\n')[0]).toMatch(/^id +state +leads +score/);
    expect(table.stdout.match(/^agent_\d +alive/gm)).toHaveLength(3);

    const before = await answerOf<StatusView>(['status', ...at]);
    const elected = await answerOf<{ leader: string; term: number }>(['elect', ...at]);
    expect(elected.term).toBe(before.term + 1);
    const report = await answerOf<HistoryReport>(['verify', ...at]);
    expect(report).toMatchObject({ ok: true, problems: [], doubleOutcomes: 0 });
    expect(report.terms.at(-1)).toMatchObject({ term: elected.term, leader: elected.leader });
    expect(up.said()).toBe('');
  });

  test('cancels a task, drains and resumes an agent, hears events, and takes a named voter’s ballot', async () => {
    const { document } = await startUp(['--agents', '1']);
    const at = ['--servers', document.servers];

    const events = startConclave(['events', 'task.>', '--count', '4', ...at]);
    await vi.waitFor(() => expect(events.said()).toContain('following task.>'), 10_000);
    const seen = await answerOf<OutcomeView>(['submit', 'echo', '--payload', '5', '--wait', ...at]);
    await answerOf(['submit', 'echo', '--wait', ...at]);
    expect(await events.line(/task\.submitted/)).toContain(`${seen.id} {"type":"echo"`);
    expect(await events.line(/task\.completed/)).toContain('"result":5');
    expect((await events.ended).exitCode).toBe(0);

    const { id } = await answerOf<{ id: string }>(['submit', 'sleep', '--payload', '{"ms":60000}', ...at]);
    expect(await conclave(['cancel', id, ...at])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('cancel'),
    });
    await vi.waitFor(async () => {
      expect(await answerOf<OutcomeView>(['task', id, ...at])).toMatchObject({ status: 'cancelled' });
    }, 10_000);
    expect(await conclave(['cancel', id, ...at])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('cancelled'),
    });

    expect((await conclave(['drain', 'agent_1', ...at])).exitCode).toBe(0);
    expect(await answerOf<AgentView[]>(['agents', '--state', 'draining', ...at])).toHaveLength(1);
    expect((await conclave(['resume', 'agent_1', ...at])).exitCode).toBe(0);
    expect(await answerOf<AgentView[]>(['agents', '--state', 'alive', ...at])).toHaveLength(1);

    const open = ['propose', 'release', '--voter', 'grace', '--quorum', '1', '--timeout', '20000'];
    const proposal = await answerOf<{ id: string }>([...open, ...at]);
    const vote = ['vote', proposal.id, 'approve', '--as', 'grace', '--reason', 'looks right', ...at];
    expect(await conclave(vote)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('grace votes approve'),
    });
    const stranger = await conclave(['vote', proposal.id, 'approve', '--as', 'mallory', ...at]);
    expect(stranger).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('mallory') });
    await vi.waitFor(async () => {
      const shown = await conclave(['proposal', proposal.id, ...at]);
      expect(shown.stdout).toMatch(/status +approved/);
      expect(shown.stdout).toMatch(/grace +1 +approve +looks right/);
    }, 10_000);
  });

  test('goes on when an agent is killed, and says so', async () => {
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
