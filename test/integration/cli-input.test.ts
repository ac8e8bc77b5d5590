/** What the command says to bad input, and when there is nobody to talk to: one clear line and the right exit code. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { withServer } from '../support/nats-server.ts';
import { conclave, type Ended } from '../support/command.ts';
import { freePort } from '../support/free-port.ts';

const folder = mkdtempSync(join(tmpdir(), 'conclave-input-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function expectOneLine({ stderr, stdout }: Ended, words: string): void {
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^conclave: [^\n]+\n$/);
  expect(stderr).toContain(words);
}

const notAModule = file('not-a-module.js', 'this is not JavaScript');
const emptyModule = file('empty.js', 'export const task = {};');
const wrongVote = file('vote.js', "export const tasks = { a: () => 1 };\nexport const vote = 'approve';");
const notExecutable = file('plain.sh', '#!/bin/sh\n');
const wrongTokens = file('tokens.json', '{"tokens":[{"name":"a b"}]}');
const big = 'x'.repeat(2_000);

/** A command line, and what the message must contain: the field, and what is allowed. */
const bad: readonly (readonly [readonly string[], string])[] = [
  [['nonsense'], "unknown command 'nonsense'"],
  [['sumbit', 'echo'], '(Did you mean submit?)'],
  [['status', '--nonsense'], "unknown option '--nonsense'"],
  [['status', 'now'], 'too many arguments'],
  [['status', '--servers', 'http://example.org'], 'servers must be like nats://127.0.0.1:4222'],
  [['status', '--servers', 'nats://a,,b'], 'servers must be like'],
  [['status', '--fleet', 'a.b'], 'fleet must be 1–63 of A-Z a-z 0-9 _ -'],
  [['--fleet', 'a b', 'status'], 'fleet must be 1–63 of A-Z a-z 0-9 _ -'],
  [['status', '--timeout', 'soon'], 'timeout must be an integer from 1 to'],
  [['status', '--log-level', 'loud'], 'log-level must be one of debug, info, warn, error, silent'],
  [['submit'], "missing required argument 'type'"],
  [['submit', 'a b'], 'type must be 1–63 of A-Z a-z 0-9 _ -'],
  [['submit', 'echo', '--payload', '{a:1}'], 'payload must be JSON, @file or - for standard input'],
  [['submit', 'echo', '--payload', 'hello'], `a text needs its quotes: '"hello"'`],
  [
    ['submit', 'echo', '--payload', '@/nowhere.json'],
    'payload names the file /nowhere.json, which cannot be read (ENOENT)',
  ],
  [['submit', 'echo', '--payload', '-'], 'payload must be JSON'],
  [['submit', 'echo', '--priority', '11'], 'priority must be an integer from 1 to 10'],
  [['submit', 'echo', '--priority', '0'], 'priority must be an integer from 1 to 10'],
  [['submit', 'echo', '--priority', '5.5'], 'priority must be an integer from 1 to 10'],
  [['submit', 'echo', '--priority', 'high'], 'priority must be an integer from 1 to 10'],
  [['submit', 'echo', '--target', big], 'target must have 0 to 1024 characters'],
  [['submit', 'echo', '--capability', 'a.b'], 'capability must be 1–63'],
  [['submit', 'echo', '--max-retries', '-1'], 'max-retries must be an integer from 0 to 1000'],
  [['submit', 'echo', '--timeout', '0'], 'timeout must be an integer from 1 to'],
  [['submit', 'echo', '--delay', '-5'], 'delay must be an integer from 1 to'],
  [['submit', 'echo', '--key', ''], 'key must have 1 to 255 characters'],
  [['submit', 'echo', '--key', 'k', '--count', '2'], 'key must not be given with --count'],
  [['submit', 'echo', '--count', '0'], 'count must be an integer from 1 to'],
  [['tasks', '--status', 'done'], 'status must be one of awaiting_approval, scheduled, pending'],
  [['tasks', '--type', 'a b'], 'type must be 1–63'],
  [['tasks', '--agent', '*'], 'agent must be 1–63'],
  [['tasks', '--limit', '501'], 'limit must be an integer from 1 to 500'],
  [['tasks', '--skip', '-1'], 'skip must be an integer of 0 or more'],
  [['task'], "missing required argument 'id'"],
  [['task', big], 'id must have 1 to 63 characters'],
  [['cancel'], "missing required argument 'id'"],
  [['retry', ''], 'id must have 1 to 63 characters'],
  [['propose'], "missing required argument 'type'"],
  [['propose', '§'], 'type must be 1–63'],
  [['propose', 'x', '--quorum', '0'], 'quorum must be a number above 0, at most 1'],
  [['propose', 'x', '--quorum', '1.01'], 'quorum must be a number above 0, at most 1'],
  [['propose', 'x', '--quorum', ''], 'quorum must be a number above 0, at most 1'],
  [['propose', 'x', '--data', '{'], 'data must be JSON'],
  [['propose', 'x', '--timeout', '1s'], 'timeout must be an integer from 1 to'],
  [['propose', 'x', '--weighting', 'gold'], 'weighting must be one of equal, health, priority'],
  [['propose', 'x', '--voter', 'a b'], 'voter must be 1–63'],
  [['propose', 'x', '--description', 'x'.repeat(5_000)], 'description must have 0 to 4096 characters'],
  [['vote', 'id', 'yes', '--as', 'me'], 'decision must be one of approve, reject, abstain'],
  [['vote', 'id', 'approve'], "required option '--as <name>' not specified"],
  [['vote', 'id', 'approve', '--as', 'a.b'], 'as must be 1–63'],
  [['vote', 'id', 'approve', '--as', 'me', '--reason', big], 'reason must have 0 to 1024 characters'],
  [['proposals', '--status', 'done'], 'status must be one of open, approved, rejected, expired, withdrawn'],
  [['proposals', '--limit', '0'], 'limit must be an integer from 1 to 500'],
  [['agents', '--state', 'idle'], 'state must be one of alive, suspect, draining, dead, left'],
  [['agents', '--capability', 'a b'], 'capability must be 1–63'],
  [['elect', 'me'], 'too many arguments'],
  [['drain', 'a.b'], 'id must be 1–63'],
  [['resume'], "missing required argument 'id'"],
  [['events', 'task..x'], 'kind must be like task.completed'],
  [['events', '--count', '0'], 'count must be an integer of 1 or more'],
  [['verify', '--fleet', ''], 'fleet must be 1–63'],
  [['decode', 'file.bin'], 'too many arguments'],
  [['graph'], 'chart must be one of agent, coordinator, election, member, proposal, task'],
  [['graph', 'nothing'], 'chart must be one of agent, coordinator, election, member, proposal, task'],
  [['graph', 'task', '--format', 'svg'], 'format must be one of mermaid, json'],
  [['graph', '--dir', join(emptyModule, 'inner')], 'dir must be a folder that can be written to'],
  [['up', '--agents', '0'], 'agents must be an integer from 1 to 100'],
  [['up', '--agents', 'many'], 'agents must be an integer from 1 to 100'],
  [['up', '--port', '70000'], 'port must be an integer from 1 to 65535'],
  [['up', '--dir', emptyModule], 'dir must be a folder that can be written to'],
  [['up', '--dir', join(emptyModule, 'inner')], 'dir must be a folder that can be written to'],
  // Nothing can be made below /proc, where there is one.
  [['up', '--dir', '/proc/no-such-folder/inner'], 'dir must be a folder that can be written to'],
  [['up', '--http', '0'], 'http must be an integer from 1 to 65535'],
  [['serve', '--port', 'x'], 'port must be an integer from 1 to 65535'],
  [['serve', '--http', '70000'], 'http must be an integer from 1 to 65535'],
  [['serve', '--host', '0.0.0.0'], 'host 0.0.0.0 can be reached from other machines: give tokens'],
  [
    ['serve', '--tokens', '/nowhere.json'],
    'tokens names the file /nowhere.json, which cannot be read (ENOENT)',
  ],
  [['serve', '--tokens', notAModule], 'tokens must be JSON'],
  [['serve', '--tokens', wrongTokens], 'tokens.0.name must be 1–63'],
  [['serve', '--cors', '*'], 'cors must be like https://ops.example.org, not *'],
  [['serve', '--rate-limit', '0'], 'rate-limit must be an integer from 1 to 1000000'],
  [['token'], "required option '--name <name>' not specified"],
  [['token', '--name', 'a b'], 'name must be 1–63'],
  [['token', '--name', 'ci', '--scope', 'write'], 'scope must be one of read, operate, admin'],
  [['agent'], "required option '--id <id>' not specified"],
  [['agent', '--id', 'a.b', '--demo'], 'id must be 1–63'],
  [['agent', '--id', 'a'], 'module or run must be given'],
  [
    ['agent', '--id', 'a', '--module', emptyModule, '--run', 'a=true'],
    'module or run must be given, and not both',
  ],
  [
    ['agent', '--id', 'a', '--module', '/nowhere.js'],
    'module must be a JavaScript module that can be loaded',
  ],
  [['agent', '--id', 'a', '--module', notAModule], 'module must be a JavaScript module that can be loaded'],
  [['agent', '--id', 'a', '--module', emptyModule], 'module must export `tasks`'],
  [['agent', '--id', 'a', '--module', wrongVote], 'module must export `vote` as a function'],
  [['agent', '--id', 'a', '--run', 'scan'], 'run must be key=value, not scan'],
  [['agent', '--id', 'a', '--run', 'a b=true'], 'run must be 1–63'],
  [
    ['agent', '--id', 'a', '--run', 'scan=/nowhere.sh'],
    'run must name a program that can be run; /nowhere.sh is not there',
  ],
  [['agent', '--id', 'a', '--run', `scan=${notExecutable}`], 'is not executable'],
  [['agent', '--id', 'a', '--run', `scan=${folder}/`], 'is a folder'],
  [['agent', '--id', 'a', '--run', 'x=true', '--priority', 'top'], 'priority must be a number from'],
  [['agent', '--id', 'a', '--run', 'x=true', '--slots', '0'], 'slots must be an integer from 1 to 10000'],
  [['agent', '--id', 'a', '--run', 'x=true', '--capability', ''], 'capability must be 1–63'],
  [['agent', '--id', 'a', '--run', 'x=true', '--label', 'zone'], 'label must be key=value, not zone'],
];

describe('bad input ends with exit code 2, and one line that names the field', () => {
  test.each(bad.map(([words, message]) => ({ words, message, line: words.join(' ').slice(0, 80) })))(
    'conclave $line',
    async ({ words, message }) => {
      const ended = await conclave(words);
      expectOneLine(ended, message);
      expect(ended.exitCode).toBe(2);
    },
  );

  test('from the environment too', async () => {
    const ended = await conclave(['status'], { env: { CONCLAVE_FLEET: 'a.b' } });
    expectOneLine(ended, 'fleet must be 1–63');
    expect(ended.exitCode).toBe(2);
  });

  test('with --json as a document on standard error', async () => {
    const { exitCode, stderr, stdout } = await conclave(['submit', 'echo', '--priority', '11', '--json']);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    const field = { field: 'priority', message: 'must be an integer from 1 to 10' };
    expect(JSON.parse(stderr)).toEqual({
      error: { code: 'INVALID', message: 'priority must be an integer from 1 to 10', fields: [field] },
    });
    const unknown = await conclave(['status', '--nonsense', '--json']);
    expect(JSON.parse(unknown.stderr)).toMatchObject({ error: { code: 'INVALID' } });
  });

  test('no command at all: the help, and exit code 2', async () => {
    const { exitCode, stderr } = await conclave([]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Start here: conclave up');
  });
});

test('help and version are asked for, and end with 0', async () => {
  const help = await conclave(['--help']);
  expect(help).toMatchObject({ exitCode: 0, stderr: '' });
  expect(help.stdout).toMatch(/Exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 .*\n {2}3 /);
  expect(await conclave(['submit', '--help'])).toMatchObject({ exitCode: 0, stderr: '' });
  expect(await conclave(['help', 'agent'])).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('EX_DATAERR'),
  });
  expect(await conclave(['--version'])).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  });
});

describe('without NATS', () => {
  const commands = [
    ['status'],
    ['agents'],
    ['submit', 'echo'],
    ['tasks'],
    ['propose', 'x'],
    ['elect'],
    ['verify'],
    ['events'],
    ['agent', '--id', 'a', '--run', 'x=true'],
    ['serve'],
  ];

  test.each(commands)(
    'conclave %s says which address was tried and how to start one: exit code 3',
    async (...words) => {
      const servers = `nats://127.0.0.1:${await freePort()}`;
      const ended = await conclave([...words, '--servers', servers]);
      expectOneLine(ended, servers);
      expect(ended.stderr).toContain('conclave up');
      expect(ended.exitCode).toBe(3);
    },
  );

  test('the address may come from the environment', async () => {
    const servers = `nats://127.0.0.1:${await freePort()}`;
    const ended = await conclave(['status'], { env: { NATS_URL: servers } });
    expectOneLine(ended, servers);
    expect(ended.exitCode).toBe(3);
  });
});

describe('with NATS and nobody who leads', () => {
  const server = withServer();

  const nobody = 'nobody leads fleet empty';
  test.each([
    [['status'], nobody],
    [['submit', 'echo'], nobody],
    [['agents'], nobody],
    [['elect'], 'fleet empty has no agent that could lead: start one'],
  ])('conclave %s: exit code 3', async (words, message) => {
    const ended = await conclave([
      '--timeout',
      '300',
      ...words,
      '--servers',
      server().url,
      '--fleet',
      'empty',
    ]);
    expectOneLine(ended, message);
    expect(ended.exitCode).toBe(3);
  });
});
