/** Starts a run in a process of its own, isolated if this machine allows it, and hands back what it found. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findIsolation } from './isolation.ts';
import { problemsOf, type Report } from './report.ts';
import type { RunOptions } from './run.ts';

const program = fileURLToPath(new URL('./run.ts', import.meta.url));

export type LaunchOptions = Omit<RunOptions, 'loopbackBecause' | 'folder'>;

/** Logs of all processes are kept, and named, when something was found or KEEP_LOGS is set. */
export async function launch(options: LaunchOptions): Promise<Report> {
  const isolation = await findIsolation();
  const folder = mkdtempSync(join(tmpdir(), 'conclave-chaos-'));
  const isIsolated = isolation.kind === 'namespaces';
  const [execPath, ...words] = [...(isIsolated ? isolation.within : []), process.execPath];
  const given: RunOptions = { ...options, folder, loopbackBecause: isIsolated ? null : isolation.why };
  const child = fork(program, [JSON.stringify(given)], {
    execPath,
    execArgv: [...words, '--conditions=source', '--import', 'tsx'],
  });
  // One that ends with an error says why by itself.
  const ended = once(child, 'exit');
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  const heard = once(child, 'message') as Promise<[Report]>;
  const [report] = await Promise.race([heard, ended.then(() => [null] as const)]);
  await ended;
  process.off('exit', end);
  if (report === null) throw new Error(`the run ended before it was over; its logs are in ${folder}`);
  if (problemsOf(report).length === 0 && process.env['KEEP_LOGS'] === undefined)
    rmSync(folder, { recursive: true, force: true });
  else process.stdout.write(`the logs of all processes are in ${folder}\n`);
  return report;
}
