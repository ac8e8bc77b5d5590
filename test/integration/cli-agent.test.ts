/** `conclave agent` with programs and with a module as handlers, against a real nats-server. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import type { AgentView, ExplanationView, OutcomeView, TaskView } from '../../src/index.ts';
import { answerOf, conclave, isRunning, startConclave, type Running } from '../support/command.ts';
import { withServer } from '../support/nats-server.ts';

/** Many processes, one after the other, on a machine that may be busy. */
vi.setConfig({ testTimeout: 90_000 });

const server = withServer();
const folder = mkdtempSync(join(tmpdir(), 'conclave-agent-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
let count = 0;

/** A shell script that can be run. */
function script(...lines: readonly string[]): string {
  count += 1;
  const path = join(folder, `program-${count}.sh`);
  writeFileSync(path, ['#!/bin/sh', ...lines, ''].join('\n'));
  chmodSync(path, 0o755);
  return path;
}

/** An agent that has joined a fleet of its own, and the words that lead a command there. */
async function startAgent(words: readonly string[]): Promise<{ agent: Running; at: string[] }> {
  count += 1;
  const at = ['--servers', server().url, '--fleet', `fleet_${count}`];
  const agent = startConclave(['agent', '--id', 'runner', ...words, ...at]);
  await agent.line(/runner has joined/);
  return { agent, at };
}

async function outcomeOf(words: readonly string[]): Promise<OutcomeView> {
  return JSON.parse((await conclave(['submit', ...words, '--wait', '--json'])).stdout) as OutcomeView;
}

describe('an agent that runs programs', () => {
  test('gives them payload and attempt, and takes JSON, text or nothing as the result', async () => {
    const cat = script('cat');
    const told = script(
      'printf \'{"task":"%s","type":"%s","attempt":%s,"token":%s}\' \\',
      '  "$CONCLAVE_TASK_ID" "$CONCLAVE_TASK_TYPE" "$CONCLAVE_ATTEMPT" "$CONCLAVE_FENCING_TOKEN"',
    );
    const words = [
      'cat',
      cat,
      'told',
      told,
      'text',
      `echo two\\ \\ words`,
      'nothing',
      'true',
      '*',
      script('echo any'),
    ];
    const runs = words.flatMap((word, i) => (i % 2 === 0 ? ['--run', `${word}=${words[i + 1] ?? ''}`] : []));
    const { at } = await startAgent([...runs, '--slots', '4']);

    const payload = { path: '/etc', list: [1, null, 'ü'] };
    expect(await outcomeOf(['cat', '--payload', JSON.stringify(payload), ...at])).toMatchObject({
      result: payload,
    });
    const { id, result } = await outcomeOf(['told', ...at]);
    expect(result).toEqual({ task: id, type: 'told', attempt: 1, token: 1 });
    expect(await outcomeOf(['text', ...at])).toMatchObject({ result: { output: 'two  words' } });
    expect(await outcomeOf(['nothing', ...at])).toMatchObject({ status: 'completed', result: null });
    expect(await outcomeOf(['whatever', ...at])).toMatchObject({ result: { output: 'any' } });
  });

  test('retries one that fails, with its last words as the error, and not one that ends with 65', async () => {
    const failing = script('for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "line $i" >&2; done', 'exit 3');
    const refusing = script('echo "bad payload" >&2', 'exit 65');
    const { at } = await startAgent([
      '--run',
      `fail=${failing}`,
      '--run',
      `refuse=${refusing}`,
      '--run',
      'gone=no-such-program',
    ]);

    const failed = await outcomeOf(['fail', '--max-retries', '1', ...at]);
    expect(failed).toMatchObject({ status: 'failed', attempt: 2 });
    expect(failed.error?.message).toMatch(/ended with exit code 3: line 3\nline 4\n[^]*line 12$/);
    const refused = await outcomeOf(['refuse', ...at]);
    expect(refused).toMatchObject({
      status: 'failed',
      attempt: 1,
      error: { message: `${refusing} refuses the task: bad payload` },
    });
    const gone = await outcomeOf(['gone', ...at]);
    expect(gone).toMatchObject({
      status: 'failed',
      attempt: 1,
      error: { message: 'no-such-program cannot be started (ENOENT)' },
    });
  });

  test('takes their lines on progress, which are no last words', async () => {
    const gate = join(folder, 'gate');
    const walk = script(
      'echo "progress 0.4 2 of 5 hosts" >&2',
      `while [ ! -e ${gate} ]; do sleep 0.05; done`,
      'echo "no more" >&2',
      'echo "progress 0.6" >&2',
      'exit 3',
    );
    const { at } = await startAgent(['--run', `walk=${walk}`]);

    const { id } = await answerOf<{ id: string }>(['submit', 'walk', '--max-retries', '0', ...at]);
    const next = await answerOf<{ id: string }>(['submit', 'walk', '--max-retries', '0', ...at]);
    await vi.waitFor(async () => {
      const { progress } = await answerOf<TaskView>(['task', id, ...at]);
      expect(progress).toMatchObject({ share: 0.4, note: '2 of 5 hosts' });
    }, 20_000);
    expect((await conclave(['task', id, ...at])).stdout).toMatch(/^progress +40 %, 2 of 5 hosts, .+ ago$/m);
    const runs = (await conclave(['explain', id, ...at])).stdout;
    expect(runs).toMatch(/\(running\) runs on runner for .+, attempt 1, 0 retries left, 40 % done/);
    const waits = (await conclave(['explain', next.id, ...at])).stdout;
    expect(waits).toMatch(/\(pending\) waits: the only capable agent, runner, is full$/m);
    expect(waits).toMatch(
      /^runner +alive +1 of 1 slots are in use +wait until one is free, or give it more/m,
    );
    const { agents } = await answerOf<ExplanationView>(['explain', next.id, ...at]);
    expect(agents).toMatchObject([{ id: 'runner', obstacles: [{ kind: 'slots' }] }]);
    writeFileSync(gate, '');
    await vi.waitFor(async () => {
      const { status, error, progress } = await answerOf<TaskView>(['task', id, ...at]);
      expect({ status, progress }).toEqual({ status: 'failed', progress: null });
      expect(error?.message).toMatch(/exit code 3: no more$/);
    }, 20_000);
  });

  test('ends one that is cancelled or too slow, and all that it started', async () => {
    const pids = join(folder, 'pids');
    const slow = script('sleep 600 &', `echo "$$ $!" >> ${pids}`, 'wait');
    const { at } = await startAgent(['--run', `slow=${slow}`]);

    const { id } = await answerOf<{ id: string }>(['submit', 'slow', ...at]);
    await vi.waitFor(() => expect(existsSync(pids)).toBe(true), 20_000);
    expect((await conclave(['cancel', id, ...at])).exitCode).toBe(0);
    await vi.waitFor(async () => {
      expect(await answerOf<TaskView>(['task', id, ...at])).toMatchObject({ status: 'cancelled' });
    }, 20_000);
    const timedOut = await outcomeOf(['slow', '--timeout', '500', '--max-retries', '0', ...at]);
    expect(timedOut.status).toBe('failed');
    const started = readFileSync(pids, 'utf8').trim().split(/\s+/).map(Number);
    expect(started).toHaveLength(4);
    await vi.waitFor(() => expect(started.filter(isRunning)).toEqual([]), 20_000);
  });

  test('leaves at SIGTERM: the fleet sees `left`, not `dead`', async () => {
    const { agent, at } = await startAgent([
      '--run',
      'x=true',
      '--label',
      'zone=a',
      '--priority',
      '-1.5',
      '--capability',
      'b',
      '--capability',
      'a',
    ]);
    const other = startConclave(['agent', '--id', 'other', '--run', 'x=true', ...at]);
    await other.line(/other has joined/);
    const [runner] = await answerOf<AgentView[]>(['agents', '--capability', 'a', ...at]);
    expect(runner).toMatchObject({
      id: 'runner',
      labels: { zone: 'a' },
      priority: -1.5,
      capabilities: ['a', 'b'],
      handles: ['x'],
    });
    agent.signal('SIGTERM');
    expect(await agent.ended).toMatchObject({ exitCode: 0, stderr: '' });
    const [left] = await answerOf<AgentView[]>(['agents', '--state', 'left', ...at]);
    expect(left).toMatchObject({ id: 'runner' });
  });

  test('is refused, with exit code 1, when a living agent has its id', async () => {
    const { at } = await startAgent(['--run', 'x=true']);
    const { exitCode, stderr } = await conclave(['agent', '--id', 'runner', '--run', 'x=true', ...at]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^conclave: .*runner.*\n$/);
  });
});

test('an agent with a module does what its handlers do, and votes as it says', async () => {
  const path = join(folder, 'handlers.mjs');
  const lines = [
    'export const tasks = { double: ({ payload }) => payload * 2 };',
    "export const vote = ({ data }) => (data.safe ? 'approve' : 'reject');",
  ];
  writeFileSync(path, lines.join('\n'));
  const { at } = await startAgent(['--module', path]);
  expect(await outcomeOf(['double', '--payload', '21', ...at])).toMatchObject({
    result: 42,
    agent: 'runner',
  });
  expect((await conclave(['propose', 'x', '--data', '{"safe":true}', '--wait', ...at])).exitCode).toBe(0);
  expect((await conclave(['propose', 'x', '--data', '{"safe":false}', '--wait', ...at])).exitCode).toBe(1);
});
