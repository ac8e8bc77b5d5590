/** The units of infra/systemd: what systemd says of them, and whether our command understands their command lines. */
import { execa } from 'execa';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { checkConfiguration } from '../support/configured-servers.ts';
import { newScratch, runWithoutNats } from '../support/deployed-command.ts';
import { root, textOf } from '../support/docs.ts';
import { defaultSettings } from '../../src/domain/settings.ts';

/** A process for each command, on a machine that may be busy. */
vi.setConfig({ testTimeout: 60_000 });

const scratch = newScratch();
const folder = mkdtempSync(join(tmpdir(), 'conclave-units-'));
afterAll(() => {
  scratch.remove();
  rmSync(folder, { recursive: true, force: true });
});

const units = readdirSync(join(root, 'infra/systemd')).filter((name) => name.endsWith('.service'));
const hasSystemd = await execa('systemd-analyze', ['--version'], { reject: false }).then(
  ({ exitCode }) => exitCode === 0,
);

// Where there is no systemd there is nobody to ask.
test.skipIf(!hasSystemd).each(units)('systemd has nothing to say against %s', async (name) => {
  const text = textOf(`infra/systemd/${name}`).replaceAll('/usr/local/bin', folder);
  for (const program of ['conclave', 'nats-server']) {
    writeFileSync(join(folder, program), '#!/bin/sh\n');
    chmodSync(join(folder, program), 0o755);
  }
  const unit = join(folder, name.replace('@.', '@agent-1.'));
  writeFileSync(unit, text);
  const { all, exitCode } = await execa('systemd-analyze', ['verify', '--man=no', unit], {
    all: true,
    reject: false,
  });
  expect({ exitCode, all }).toEqual({ exitCode: 0, all: '' });
});

test.each(units.filter((name) => name.startsWith('conclave')))(
  'the command understands what %s tells it',
  async (name) => {
    const env = environmentIn('infra/systemd/fleet.env.example');
    const [program, ...words] = wordsOf(valueIn(name, 'ExecStart'), env);
    expect(program).toBe('/usr/local/bin/conclave');
    const handlers = scratch.file('handlers.mjs', textOf('infra/compose/handlers.mjs'));
    const files = {
      '/etc/conclave/handlers.mjs': handlers,
      '/etc/conclave/http-tokens.json': scratch.tokens(),
    };
    const ended = await runWithoutNats({ words, env, files });
    expect(ended).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('no NATS server answers') });
  },
);

test('an agent that leaves has more time than its tasks and its goodbye', () => {
  const patienceMs = Number(valueIn('conclave-agent@.service', 'TimeoutStopSec')) * 1_000;
  expect(patienceMs).toBeGreaterThan(2 * defaultSettings.leaveGraceMs);
});

test('nats-server accepts the configuration that its unit names', async () => {
  const env = environmentIn('infra/nats/nats.env.example');
  const words = wordsOf(valueIn('nats-server.service', 'ExecStart'), env);
  const file = words.at(-1)?.replace('/etc/nats/', '') ?? '';
  expect(file).toBe('one-node.conf');
  expect(await checkConfiguration(file, env)).toMatch(/configuration file .* is valid/);
});

function valueIn(unit: string, key: string): string {
  const found = new RegExp(`^${key}=(.*)$`, 'm').exec(textOf(`infra/systemd/${unit}`));
  if (found === null) throw new Error(`${unit} has no ${key}`);
  return found[1] ?? '';
}

/** An EnvironmentFile: quotes around a value are not part of it. */
function environmentIn(path: string): Record<string, string> {
  const lines = textOf(path)
    .split('\n')
    .map((line) => /^([A-Z_]+)=(.*)$/.exec(line));
  return Object.fromEntries(
    lines.flatMap((found) =>
      found === null ? [] : [[found[1] ?? '', (found[2] ?? '').replace(/^'(.*)'$/, '$1')]],
    ),
  );
}

/** `${X}` is one word, `$X` as many as it has, `%i` the instance. */
function wordsOf(line: string, env: Readonly<Record<string, string>>): string[] {
  return line.split(' ').flatMap((word) => {
    const several = /^\$([A-Z_]+)$/.exec(word)?.[1];
    if (several !== undefined) return (env[several] ?? '').split(' ').filter((each) => each !== '');
    return [
      word.replaceAll('%i', 'agent-1').replaceAll(/\$\{([A-Z_]+)\}/g, (_, name: string) => env[name] ?? ''),
    ];
  });
}
