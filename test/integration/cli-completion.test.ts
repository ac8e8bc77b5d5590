/** Completion: what the shells offer after a word, asked of the shells themselves where they are there. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { conclave } from '../support/command.ts';

const folder = mkdtempSync(join(tmpdir(), 'conclave-completion-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const scriptOf = (shell: string): string => join(folder, `conclave.${shell}`);
beforeAll(async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { exitCode, stdout } = await conclave(['completion', shell]);
    expect(exitCode).toBe(0);
    writeFileSync(scriptOf(shell), stdout);
  }
}, 30_000);

const hasShell = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0;

describe.skipIf(!hasShell('bash'))('bash (skipped where there is none)', () => {
  /** What bash offers when Tab is pressed after the last of these words. */
  function offered(...words: string[]): string[] {
    const script = [
      `source '${scriptOf('bash')}'`,
      'complete -p conclave >/dev/null || exit 1',
      'COMP_WORDS=(conclave "$@"); COMP_CWORD=$#',
      '_conclave',
      'printf "%s\\n" "${COMPREPLY[@]}"',
    ].join('\n');
    const output = execFileSync('bash', ['--norc', '-c', script, 'bash', ...words], { cwd: folder });
    return output
      .toString()
      .split('\n')
      .filter((line) => line !== '');
  }

  test('commands', async () => {
    const { stdout } = await conclave(['--help']);
    const listed = [...stdout.matchAll(/^ {2}([a-z]+)(?: \[| <| {2})/gm)].map(([, name]) => name);
    expect(offered('')).toEqual(expect.arrayContaining(listed));
    expect(listed.length).toBeGreaterThan(20);
    expect(offered('sub')).toEqual(['submit']);
  });

  test('options of a command, and those of every command', () => {
    expect(offered('submit', '--pri')).toEqual(['--priority']);
    expect(offered('submit', 'scan', '--tlsc')).toEqual(['--tlscert', '--tlsca']);
    expect(offered('status', '--priority')).toEqual([]);
    expect(offered('agent', '--demo')).toEqual([]);
    expect(offered('agent', '--own')).toEqual([]);
  });

  test('words that an option or an argument takes', () => {
    expect(offered('tasks', '--status', 'comp')).toEqual(['completed']);
    expect(offered('token', '--scope', '')).toEqual(['read', 'operate', 'admin']);
    expect(offered('--log-level', 'de')).toEqual(['debug']);
    expect(offered('completion', '')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']));
  });

  test('what stands before the command is passed over', () => {
    expect(offered('--fleet', 'tasks', '--json', 'stat')).toEqual(['status']);
    expect(offered('--fleet', '')).toEqual([]);
    expect(offered('help', 'sub')).toEqual(['submit']);
  });

  test('files, where one is named', () => {
    expect(offered('serve', '--tokens', 'conclave.b')).toEqual(['conclave.bash']);
  });
});

describe.each(['zsh', 'fish'])('%s', (shell) => {
  test.skipIf(!hasShell(shell))('takes the script (skipped where there is no such shell)', () => {
    const { status, stderr } = spawnSync(shell, ['-n', scriptOf(shell)]);
    expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: '' });
  });
});

test('no other shell', async () => {
  expect(await conclave(['completion', 'cmd'])).toMatchObject({
    exitCode: 2,
    stderr: 'conclave: shell must be one of bash, zsh, fish\n',
  });
});
