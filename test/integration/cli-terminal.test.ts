/** What the command does on a terminal and nowhere else: colours, and bars while something is waited for. */
import { execa } from 'execa';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { conclave, program, withUp } from '../support/command.ts';
import { freePort } from '../support/free-port.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** Runs a command on a terminal of its own; that of util-linux takes the command as an option. */
const hasScript =
  process.platform === 'linux' &&
  (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'script')));
if (!hasScript)
  process.stdout.write(
    'SKIPPED: no `script` of util-linux on this machine, so there is no terminal to run on\n',
  );

const onTerminal = { NO_COLOR: undefined, FORCE_COLOR: undefined, CI: undefined, TERM: 'xterm' };
/** In place of the shell: some shells would hear Ctrl-C too, and end with a code of their own. */
const lineOf = (words: readonly string[]): string =>
  `exec ${[process.execPath, program, ...words].map((word) => `'${word}'`).join(' ')}`;
const ESCAPE = '\u001b[';
const BAR = /[█░]{3}/;

describe.skipIf(!hasScript)('on a terminal', () => {
  const fleet = withUp(['--agents', '2']);
  const here = (...words: string[]): string[] => [...words, '--servers', fleet().document.servers];
  const submit = (): string[] => here('submit', 'sleep', '--payload', '{"ms":5}', '--count', '20', '--wait');

  /** Everything that is shown, of both outputs. */
  async function shown(
    words: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const options = { env: { ...onTerminal, ...env }, stdin: 'ignore', timeout: 25_000 } as const;
    return (await execa('script', ['-qec', lineOf(words), '/dev/null'], options)).stdout;
  }

  test('tables have colours, and a bar is drawn while results are waited for', async () => {
    expect(await shown(here('agents'))).toContain(`${ESCAPE}1m`);
    expect(await shown(submit())).toMatch(BAR);
  });

  test('NO_COLOR and a dumb terminal take the colours away', async () => {
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
      const table = await shown(here('agents'), env);
      expect(table).toContain('agent_1');
      expect(table).not.toContain(ESCAPE);
    }
  });

  test('--json draws nothing', async () => {
    const document = await shown([...submit(), '--json']);
    expect(document).not.toContain(ESCAPE);
    expect(document).not.toMatch(BAR);
  });

  test('up counts the agents that have joined, and Ctrl-C ends it', async () => {
    const port = String(await freePort());
    const up = execa(
      'script',
      ['-qec', lineOf(['up', '--agents', '2', '--port', port, '--no-http']), '/dev/null'],
      {
        env: onTerminal,
        reject: false,
      },
    );
    let said = '';
    let isToldToEnd = false;
    up.stdout.on('data', (data: Buffer) => {
      said += data.toString();
      if (isToldToEnd || !said.includes('Ctrl-C ends all of it.')) return;
      // Once: a second one would end it without order.
      isToldToEnd = true;
      up.stdin.write('\u0003');
    });
    expect((await up).exitCode).toBe(0);
    expect(said).toMatch(/[█░]{3} \d\/2 agents have joined/);
    expect(said).toContain('all agents and the server have ended');
  });

  test('elsewhere there are neither', async () => {
    const { stdout } = await conclave(here('agents'), { env: { NO_COLOR: '' } });
    expect(stdout).toContain('agent_1');
    expect(stdout).not.toContain(ESCAPE);
    const { stderr } = await conclave(submit(), { env: { NO_COLOR: '' } });
    expect(stderr).not.toMatch(BAR);
  });
});
