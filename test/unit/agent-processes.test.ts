/** The agents of `conclave up` as processes: how long they may take to leave. */
import { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { AgentProcesses } from '../../src/cli/agent-processes.ts';

const folder = mkdtempSync(join(tmpdir(), 'conclave-processes-'));
const [, ownProgram] = process.argv;
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  process.argv[1] = ownProgram ?? '';
  rmSync(folder, { recursive: true, force: true });
});

/** A member that does not heed that it is told to leave. */
const deaf = `
process.on('SIGTERM', () => undefined);
process.on('disconnect', () => process.exit(1));
process.send({ kind: 'joined' });
`;

test('an agent that is told to leave is killed only when its grace is over, and 3 s more', async () => {
  const program = join(folder, 'deaf.mjs');
  writeFileSync(program, deaf);
  process.argv[1] = program;
  const agents = new AgentProcesses({ leaveGraceMs: 60_000, onEnd: () => undefined });
  await agents.start('a', []).joined;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const kill = vi.spyOn(ChildProcess.prototype, 'kill');
  const signals = (): unknown[] => kill.mock.calls.map(([signal]) => signal);
  const stopped = agents.stop();
  vi.advanceTimersByTime(62_999);
  expect(signals()).toEqual(['SIGTERM']);
  vi.advanceTimersByTime(1);
  expect(signals()).toEqual(['SIGTERM', 'SIGKILL']);
  await stopped;
  expect(agents.count).toBe(0);
});
