/** The demo as `make demo` runs it, built, on a small tree of its own. Needs `sha256sum`. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const main = join(import.meta.dirname, '..', '..', 'dist', 'examples', 'threat-hunt', 'main.js');
const directories = 60;
const filesEach = 5;
const patienceMs = 120_000;
/** Temporary files of the demo go here, so that what it leaves behind shows. */
let temporary = '';
let tree = '';

beforeAll(() => {
  temporary = realpathSync(mkdtempSync(join(tmpdir(), 'conclave-demo-test-')));
  tree = join(temporary, 'tree');
  for (let d = 0; d < directories; d += 1) {
    const directory = join(tree, `d${d % 7}`, `d${d}`);
    mkdirSync(directory, { recursive: true });
    for (let f = 0; f < filesEach; f += 1)
      writeFileSync(join(directory, `f${f}`), `${d}/${f}\n`.repeat(1 + d * f * 50));
  }
  writeFileSync(join(tree, 'back\\slash and\nnewline'), 'odd name');
  writeFileSync(join(tree, 'empty'), '');
  symlinkSync(join(tree, 'empty'), join(tree, 'link'));
});

afterAll(() => {
  rmSync(temporary, { recursive: true, force: true });
});

describe('the demo', () => {
  test(
    'kills its leader, loses nothing, quarantines two files and leaves the innocent one',
    { timeout: patienceMs },
    async () => {
      const hashes = join(temporary, 'hashes.txt');
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [main, '--dir', tree, '--hashes', hashes, '--keep'],
        { env: { ...process.env, TMPDIR: temporary }, timeout: patienceMs },
      );
      const last = stdout.trimEnd().split('\n').at(-1) ?? '';
      const files = directories * filesEach + 2 + 3;
      expect(JSON.parse(last)).toMatchObject({
        failed: 0,
        lost: 0,
        double_outcomes: 0,
        files,
        findings: 3,
        quarantined: 2,
        voted_down: 1,
        leader_killed: true,
        wrong_hashes: 0,
        ledger_ok: true,
      });
      const { tasks, completed, term, failover_ms, seconds } = JSON.parse(last);
      // The task of the innocent file was never run: the fleet voted it down.
      expect(completed).toBe(tasks - 1);
      expect(stdout).toMatch(/ completed, 1 not approved, 0 failed/);
      expect(term).toBeGreaterThanOrEqual(2);
      expect(failover_ms).toBeGreaterThan(0);
      expect(seconds).toBeGreaterThan(0);

      const scratch = /^ +kept +(.+)$/m.exec(stdout)?.[1] ?? '';
      expect(existsSync(join(scratch, 'home', 'documents', 'payroll-2031.xlsm.scr'))).toBe(true);
      expect(readdirSync(join(scratch, 'home', 'downloads'))).toEqual([]);
      expect(readdirSync(join(scratch, 'home', 'cache'))).toEqual([]);
      expect(readdirSync(join(scratch, 'quarantine'))).toHaveLength(2);
      await expectSameAsSha256sum(hashes, scratch);

      rmSync(scratch, { recursive: true });
      rmSync(hashes);
      expect(readdirSync(temporary)).toEqual(['tree']);
    },
  );

  test('interrupted, ends its processes and removes its folders', { timeout: patienceMs }, async () => {
    const child = spawn(process.execPath, [main, '--dir', tree], {
      env: { ...process.env, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const exit = once(child, 'exit');
    await lineOf(child, / leads, term /);
    const children = childrenOf(child.pid ?? 0);
    expect(children.length).toBeGreaterThanOrEqual(6);
    child.kill('SIGINT');
    child.kill('SIGINT');
    expect(await exit).toEqual([130, null]);
    await Promise.all(children.map(ended));
    expect(readdirSync(temporary)).toEqual(['tree']);
  });

  test(
    'names an option that it does not know, and a folder that is none',
    { timeout: patienceMs },
    async () => {
      const run = promisify(execFile);
      await expect(run(process.execPath, [main, '--no-such'])).rejects.toMatchObject({ code: 2 });
      await expect(run(process.execPath, [main, '--dir', join(tree, 'empty')])).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringContaining('is not a directory'),
      });
    },
  );
});

/** Every file of the tree is in the list, with the hash that the program gives. What was moved is not there now. */
async function expectSameAsSha256sum(hashes: string, scratch: string): Promise<void> {
  const lines = readFileSync(hashes, 'utf8').trimEnd().split('\n');
  const listed = lines.filter((line) => !line.includes(scratch)).sort();
  const names = readdirSync(tree, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const { stdout } = await promisify(execFile)('sha256sum', ['--', ...names]);
  expect(listed).toEqual(stdout.trimEnd().split('\n').sort());
}

async function lineOf(child: ChildProcess, pattern: RegExp): Promise<void> {
  if (child.stdout === null) throw new Error('no output to read');
  for await (const line of createInterface({ input: child.stdout })) if (pattern.test(line)) return;
  throw new Error(`ended without a line like ${String(pattern)}`);
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
}

/** Resolves when the process is gone; a test's time limit bounds it. */
async function ended(pid: number): Promise<void> {
  while (existsSync(`/proc/${pid}`)) await new Promise((resolve) => setTimeout(resolve, 20));
}
