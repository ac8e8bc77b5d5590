/**
 * The examples, as they are and as they are built, on a nats-server that they share. The README shows the
 * first of them word for word, and how to run the others.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { root, textOf } from '../support/docs.ts';
import { withServer } from '../support/nats-server.ts';

const server = withServer();
/** For the one that uses the default fleet and counts what is in it. */
const fresh = withServer();
const readme = textOf('README.md');

/** What it prints, and nothing on standard error. */
async function outputOf(name: string, on = server): Promise<string> {
  const program = join(root, 'dist', 'examples', `${name}.js`);
  expect(existsSync(program), 'examples are compiled by `make build`').toBe(true);
  const env = { ...process.env, NATS_URL: on().url };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program], { env, timeout: 60_000 });
  expect(stderr).toBe('');
  return stdout;
}

test('the README shows the first example word for word', () => {
  const example = textOf('examples/hello-fleet.ts');
  expect(readme).toContain('```ts\n' + example + '```\n');
  expect(example.trimEnd().split('\n')).toHaveLength(20);
});

test('the first example prints what the README says', async () => {
  const stdout = await outputOf('hello-fleet');
  expect(stdout).toBe('hello world, says ada\nthe fleet agrees\n');
  expect(readme).toContain('```\n' + stdout + '```\n');
});

test('the README says how to run each example, and each is run here or in the demo', () => {
  const programs = readdirSync(join(root, 'examples'), { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map(({ name }) => name.replace('.ts', ''));
  const own = textOf('test/integration/examples.test.ts');
  for (const name of programs) {
    expect(readme).toContain(`node dist/examples/${name}.js`);
    expect(own).toContain(`outputOf('${name}'`);
  }
});

test('coordinator: the best agent is elected, works, votes and leaves, and the figures say so', async () => {
  expect((await outputOf('coordinator', fresh)).split('\n')).toEqual([
    "election { leader: 'agent_001', term: 2, elections: 2, leaderChanges: 2 }",
    "leaders  [ 'agent_001' ]",
    'task     completed {',
    expect.stringMatching(/^ {2}who: 'agent_00[123]',$/),
    '  attempt: 1,',
    "  outcome: { target: '192.168.1.100', findings: [] }",
    '}',
    'cancel   cancelled',
    'vote     { approved: true, approve: 3000, reject: 0, abstain: 0 }',
    'agents   { total: 2, alive: 2 }',
    "leader   { leader: 'agent_002', term: 3, elections: 3, leaderChanges: 3 }",
    'tasks    { total: 3, completed: 2 }',
    'votes    { total: 1, approved: 1 }',
    'recovery { deaths: 0, reassigned: 0, reElections: 0 }',
    'Fleet(default: 2 agents, 2 alive, leader agent_002, term 3, 3 tasks)',
    '',
  ]);
});

test('worker-pool: a worker dies in the middle of a batch, and every result arrives', async () => {
  const sum = Array.from({ length: 160 }, (_, n) => n * n).reduce((total, square) => total + square, 0);
  expect(await outputOf('worker-pool')).toBe(
    `160 results, sum of squares ${sum}\n1 worker died, its tasks went to others\n`,
  );
});

test('consensus-vote: weights decide, outside voters count, nobody votes twice', async () => {
  expect((await outputOf('consensus-vote')).split('\n')).toEqual([
    'equal    rejected { approve: 1000, reject: 2000, abstain: 0 }',
    'priority approved { approve: 5000, reject: 2000, abstain: 0 }',
    'outside  approved { approve: 3000, reject: 2000, abstain: 0 }',
    'ballots  carol approve, dave approve, junior_1 reject, junior_2 reject, senior approve',
    'again    ConclaveError: carol already voted approve',
    '',
  ]);
});

test('approval-gated: what the fleet approves runs, and what it rejects never does', async () => {
  expect((await outputOf('approval-gated')).split('\n')).toEqual([
    '10.0.0.7 is isolated',
    '10.0.0.8 is left alone: failed, NOT_APPROVED, after 0 attempts',
    'ada reject, bob reject, eve reject',
    '',
  ]);
});

test('hand-over: leadership changes hands, and the fencing token keeps leaders of the past out', async () => {
  expect((await outputOf('hand-over')).split('\n')).toEqual([
    'ada leads',
    'bob leads after a handover',
    'bob leads, 1 term later; bob: true',
    'tokens grow: true',
    'rules: 3',
    'a leader of the past is refused: true',
    '',
  ]);
});

test('own-connection: a fleet works over a connection that was brought, which stays open', async () => {
  expect(await outputOf('own-connection')).toBe('OVER MY OWN CONNECTION\nstill open\n');
});
