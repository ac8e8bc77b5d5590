/** Manners of the command that all commands share: help with an example, errors as documented, and filters of events. */
import { describe, expect, test, vi } from 'vitest';
import { answerOf, conclave, startConclave, startUp, withUp, type Running } from '../support/command.ts';
import type { AgentView, StatusView, TaskPage, TaskView } from '../../src/index.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

/** As the program's own help lists them. */
const { stdout: programHelp } = await conclave(['--help']);
const names = [...programHelp.matchAll(/^ {2}([a-z]+) (?:\[|<| )/gm)].map(([, name]) => name ?? '');
const commands = names.filter((name) => !['help'].includes(name));

describe('help', () => {
  test('knows many commands', () => {
    expect(commands).toEqual(
      expect.arrayContaining(['up', 'submit', 'explain', 'remove', 'config', 'completion']),
    );
    expect(new Set(commands).size).toBe(commands.length);
  });

  test.each(commands)('of %s says what it does and how it is called', async (name) => {
    const { exitCode, stdout, stderr } = await conclave([name, '--help']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^Usage: conclave ${name}\\b`));
    expect(stdout).toMatch(new RegExp(`\nExamples?:\n(  .*\n)*?  (.* )?['(]?conclave ${name}\\b`));
    expect(stdout).toContain('--json');
  });
});

describe('with a fleet', () => {
  const fleet = withUp(['--agents', '2']);
  const here = (...words: string[]): string[] => [...words, '--servers', fleet().document.servers];

  test.each([
    [['task', 'nothing']],
    [['explain', 'nothing']],
    [['cancel', 'nothing']],
    [['retry', 'nothing']],
    [['proposal', 'nothing']],
    [['vote', 'nothing', 'approve', '--as', 'grace']],
    [['drain', 'nobody']],
    [['resume', 'nobody']],
    [['remove', 'nobody']],
    [['replay', '--task', 'nothing']],
  ])('%j names what is not there, in one line or as JSON, with exit code 1', async (words) => {
    const said = await conclave(here(...words));
    expect(said).toMatchObject({ exitCode: 1, stdout: '' });
    expect(said.stderr).toMatch(/^conclave: [^\n]*(nothing|nobody)[^\n]*\n$/);
    const asJson = await conclave(here(...words, '--json'));
    expect(asJson).toMatchObject({ exitCode: 1, stdout: '' });
    expect(JSON.parse(asJson.stderr)).toMatchObject({
      error: { code: 'NOT_FOUND', message: expect.stringMatching(/nothing|nobody/) },
    });
  });

  test.each(['status', 'agents', 'tasks', 'proposals', 'elect', 'verify', 'doctor', 'replay', 'config'])(
    '%s prints one JSON document with --json',
    async (name) => {
      const { exitCode, stdout } = await conclave(here(name, '--json'));
      // The doctor may find something to warn of on this machine.
      expect(name === 'doctor' ? [0, 4] : [0]).toContain(exitCode);
      expect(JSON.parse(stdout)).toEqual(expect.anything());
    },
  );

  describe('events', () => {
    /** Follows, and is known to: one event that is wanted has come. */
    async function follow(words: readonly string[]): Promise<Running> {
      const running = startConclave(here('events', ...words));
      await vi.waitFor(() => expect(running.said()).toContain('following'), 20_000);
      return running;
    }
    const submit = (...words: string[]): Promise<{ id: string }> =>
      answerOf(here('submit', ...words, '--wait'));

    test('of one type of tasks leave out the others, and end at Ctrl-C with exit code 0', async () => {
      const running = await follow(['task.*', '--type', 'sleep']);
      await submit('echo', '--payload', '1');
      await submit('sleep', '--payload', '{"ms":1}');
      await running.line(/task\.completed/);
      running.signal('SIGINT');
      const { exitCode, stdout, stderr } = await running.ended;
      expect({ exitCode, stderr }).toEqual({
        exitCode: 0,
        stderr: 'following task.* of fleet default; Ctrl-C ends it\n',
      });
      expect(stdout).not.toContain('"type":"echo"');
    });

    test('of several kinds are told in their order, so many as are asked for', async () => {
      const running = await follow(['task.submitted', 'task.completed', '--count', '2']);
      const { id } = await submit('echo', '--payload', '1');
      const { exitCode, stdout } = await running.ended;
      expect(exitCode).toBe(0);
      const lines = stdout.trim().split('\n');
      expect(lines.map((line) => /task\.\w+ \w+/.exec(line)?.[0])).toEqual([
        `task.submitted ${id}`,
        `task.completed ${id}`,
      ]);
    });

    test('about one agent leave out what is about others', async () => {
      const running = await follow(['--agent', 'agent_2']);
      await conclave(here('drain', 'agent_1'));
      await conclave(here('resume', 'agent_1'));
      await conclave(here('drain', 'agent_2'));
      await conclave(here('resume', 'agent_2'));
      await running.line(/agent\.resumed/);
      running.signal('SIGTERM');
      const { exitCode, stdout } = await running.ended;
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/agent\.draining agent_2/);
      expect(stdout).not.toContain('agent_1');
    });
  });
});

test('remove takes an agent out at once: its process ends, and its tasks go to others', async () => {
  const { up, document } = await startUp(['--agents', '3']);
  const at = ['--servers', document.servers];
  const follower = document.agents.find(({ id }) => id !== document.leader)?.id ?? '';
  // One for each.
  await conclave(['submit', 'sleep', '--payload', '{"ms":60000}', '--count', '3', ...at]);
  const held = await vi.waitFor(async () => {
    const { tasks } = await answerOf<TaskPage>(['tasks', '--agent', follower, '--status', 'running', ...at]);
    expect(tasks).toHaveLength(1);
    return tasks[0]?.id ?? '';
  }, 20_000);
  expect(await conclave(['remove', follower, ...at])).toEqual({
    exitCode: 0,
    stdout: `${follower} is removed\n`,
    stderr: '',
  });
  const others = document.agents.map(({ id }) => id).filter((id) => id !== follower);
  await vi.waitFor(async () => {
    const [first, second] = (await answerOf<TaskView>(['task', held, ...at])).attempts;
    expect(first).toMatchObject({ agent: follower, end: 'lost' });
    expect(others).toContain(second?.agent);
  }, 20_000);
  expect(JSON.parse(await up.line(/agent\.ended/))).toMatchObject({ id: follower, how: 'exit code 1' });
  const agents = await answerOf<AgentView[]>(['agents', ...at]);
  expect(agents.map(({ id }) => id)).not.toContain(follower);
  expect(await answerOf(['remove', document.leader, ...at])).toEqual({
    id: document.leader,
    state: 'removed',
  });
  const { leader, term } = await answerOf<StatusView>(['status', ...at, '--timeout', '20000']);
  expect(leader).not.toBe(document.leader);
  expect(term).toBeGreaterThan(document.term);
});
