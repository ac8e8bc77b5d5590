/** `conclave decode` and `conclave graph`: no server, only what goes in and comes out. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { AnyStateNode } from 'xstate';
import { charts } from '../../src/cli/charts.ts';
import { encode } from '../../src/wire/codec.ts';
import { conclave } from '../support/command.ts';

describe('decode', () => {
  const value = {
    kind: 'work',
    term: 3,
    assign: [{ id: 'a', payload: { text: 'ü', none: null } }],
    load: 0.5,
  };

  test.each(['json', 'msgpack'] as const)('shows %s as readable JSON', async (format) => {
    const { exitCode, stdout } = await conclave(['decode'], { input: encode(value, format) });
    expect(exitCode).toBe(0);
    expect(stdout).toBe(`${JSON.stringify(value, null, 2)}\n`);
  });

  test('shows JSON lines one by one, bytes as base64, and nothing as an empty object', async () => {
    const lines = await conclave(['decode', '--json'], { input: '{"a":1}\n{"a":2}\n' });
    expect(lines.stdout).toBe('{"a":1}\n{"a":2}\n');
    const bytes = await conclave(['decode', '--json'], {
      input: encode({ data: Buffer.from('hi') }, 'msgpack'),
    });
    expect(bytes.stdout).toBe('{"data":{"base64":"aGk="}}\n');
    expect((await conclave(['decode'], { input: '' })).stdout).toBe('{}\n');
  });

  test.each([
    ['neither format', Buffer.from([0xc1, 0xff, 0x00]), 'input must be a message in JSON or MessagePack'],
    ['text', Buffer.from('hello'), 'input must be a message in JSON or MessagePack'],
    ['a bad line', Buffer.from('{"a":1}\n{"a":'), 'input has a line that is not JSON'],
  ])('refuses %s with exit code 2', async (_, input, message) => {
    const { exitCode, stdout, stderr } = await conclave(['decode'], { input });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(`conclave: ${message}`);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});

/** Of every state under this one. */
function pathsIn(node: AnyStateNode): string[][] {
  const inner = Object.values(node.states) as AnyStateNode[];
  return inner.flatMap((each) => [each.path, ...pathsIn(each)]);
}

describe('graph', () => {
  const actors = join(import.meta.dirname, '../../actors');
  const names = Object.keys(charts) as (keyof typeof charts)[];

  test('knows every chart of actors/', () => {
    const files = readdirSync(actors).filter((file) =>
      readFileSync(join(actors, file), 'utf8').includes('.createMachine('),
    );
    expect(files.map((file) => basename(file, '.ts')).sort()).toEqual([...names].sort());
  });

  test.each(names)('draws %s in Mermaid with every state, and as JSON', async (name) => {
    const { exitCode, stdout } = await conclave(['graph', name]);
    expect(exitCode).toBe(0);
    expect(stdout.split('\n')[0]).toBe('stateDiagram-v2');
    const ids = pathsIn(charts[name].root).map((path) => path.join('_'));
    expect(ids.length).toBeGreaterThan(3);
    const declared = [...stdout.matchAll(/^ *state "[^"]+" as (\w+)$/gm)].map(([, id]) => id);
    expect(declared.sort()).toEqual(ids.sort());
    // Every arrow leads from and to something that is declared.
    for (const [, from, to] of stdout.matchAll(/^ *(\S+) --> (\S+?)(?::.*)?$/gm)) {
      for (const end of [from, to]) expect(['[*]', ...ids]).toContain(end);
    }
    const json = await conclave(['graph', name, '--format', 'json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ chart: name, initial: expect.any(String) });
  });

  test('shows initial and nested states, guards, delays and eventless transitions', async () => {
    const { stdout } = await conclave(['graph', 'election']);
    for (const line of [
      '  [*] --> follower',
      '  state campaigning {',
      '    [*] --> campaigning_delaying',
      '  follower --> campaigning: vacancy [canLead] / noteVacancy',
      '  campaigning_delaying --> campaigning_standing: after candidacyDelay',
      '  campaigning_standing --> claiming: always [isKnownBest]',
    ]) {
      expect(stdout.split('\n')).toContain(line);
    }
  });

  test('--dir writes them all', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'conclave-graph-'));
    const { stdout } = await conclave(['graph', '--dir', dir]);
    expect(readdirSync(dir).sort()).toEqual(names.map((name) => `${name}.mmd`).sort());
    expect(stdout.trim().split('\n')).toHaveLength(names.length);
    rmSync(dir, { recursive: true });
  });
});
