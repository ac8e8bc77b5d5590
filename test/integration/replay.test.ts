/** The fleet as it was: states and entries of a real ledger, also of one that was shortened, and what is not there. */
import { connect } from 'nats';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { connectFleet, joinFleet, replayLedger, type Agent, type TaskView } from '../../src/index.ts';
import { answerOf, conclave } from '../support/command.ts';
import { withServer } from '../support/nats-server.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const server = withServer();

interface EntryLine {
  readonly sequence: number;
  readonly term: number;
  readonly leader: string;
  readonly at: number;
  readonly events: readonly { readonly type: string; readonly id?: string }[];
}

function at(fleet: string): string[] {
  return ['--servers', server().url, '--fleet', fleet];
}

async function entriesOf(words: readonly string[], fleet: string): Promise<EntryLine[]> {
  const { stdout, exitCode, stderr } = await conclave(['replay', '--json', ...words, ...at(fleet)]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as EntryLine);
}

describe('a ledger that is whole', () => {
  const fleet = 'whole';
  let agent: Agent;
  let done: string;
  let proposal: string;
  let goOn!: () => void;
  /** That it runs is an entry of its own only if it runs for a while. */
  const seen = new Promise<void>((resolve) => (goOn = resolve));

  beforeAll(async () => {
    agent = await joinFleet({
      servers: server().url,
      fleet,
      id: 'ada',
      handleSignals: false,
      tasks: {
        double: async (task) => {
          await seen;
          return Number(task.payload) * 2;
        },
      },
      vote: () => 'approve',
    });
    const task = await agent.fleet.submit({ type: 'double', payload: 21 });
    done = task.id;
    await vi.waitFor(async () => expect(await task.status()).toBe('running'), 20_000);
    goOn();
    expect(await task.result()).toBe(42);
    proposal = (await agent.fleet.propose({ type: 'policy' })).id;
  });
  afterAll(async () => {
    await agent.leave();
  });

  test('shows a task as it was after each entry that is about it', async () => {
    const steps = await entriesOf(['--entries', '..', '--task', done], fleet);
    const kinds = steps.map(({ sequence, events }) => [sequence, events.at(-1)?.type ?? ''] as const);
    expect(kinds.map(([, kind]) => kind)).toEqual(['task.assigned', 'task.started', 'task.completed']);
    const statuses: string[] = [];
    for (const [sequence] of kinds) {
      const words = ['replay', '--at', String(sequence), '--task', done, ...at(fleet)];
      const answer = await answerOf<{ sequence: number; task: TaskView }>(words);
      expect(answer.sequence).toBe(sequence);
      statuses.push(answer.task.status);
    }
    expect(statuses).toEqual(['assigned', 'running', 'completed']);
    const before = await conclave(['replay', '--at', '1', '--task', done, ...at(fleet)]);
    expect(before.exitCode).toBe(1);
    expect(before.stderr).toMatch(
      /^conclave: there was no task \S+ after entry 1; `conclave replay .*`[^\n]+\n$/,
    );
  });

  test('shows the fleet, an agent and a proposal as they are now, without --at', async () => {
    const now = await agent.fleet.status();
    const answer = await answerOf<{ sequence: number; status: object; problems: string[] }>([
      'replay',
      ...at(fleet),
    ]);
    expect(answer).toMatchObject({
      problems: [],
      status: { fleet, leader: 'ada', term: 1, tasks: { byStatus: now.tasks.byStatus } },
    });
    const member = await conclave(['replay', '--agent', 'ada', ...at(fleet)]);
    expect(member.stdout).toMatch(/leads +yes/);
    expect(member.stderr).toMatch(/^as of entry \d+, term 1, \d{4}-/);
    const decided = await conclave(['replay', '--proposal', proposal, ...at(fleet)]);
    expect(decided.stdout).toMatch(/status +approved/);
  });

  test('shows the state at a time, which is that of the last entry up to then', async () => {
    const entries = await entriesOf(['--entries', '1..3'], fleet);
    expect(entries.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    const moment = entries[1]?.at ?? 0;
    const last = entries.filter((each) => each.at <= moment).at(-1)?.sequence;
    const answer = await answerOf(['replay', '--until', new Date(moment).toISOString(), ...at(fleet)]);
    expect(answer).toMatchObject({ sequence: last });
    const early = await conclave(['replay', '--until', '2020-01-01', ...at(fleet)]);
    expect(early.exitCode).toBe(1);
    expect(early.stderr).toContain('at 2020-01-01T00:00:00.000Z there was no entry yet');
  });

  test('tells its entries in words, an event a line', async () => {
    const { stdout } = await conclave(['replay', '--entries', '..', ...at(fleet)]);
    for (const words of [
      'ada leads term 1: start',
      'agent ada joins (does double',
      `task ${done} runs, attempt 1`,
    ]) {
      expect(stdout).toContain(words);
    }
    expect(stdout).toMatch(/^1 \d{4}-\d\d-\d\dT[\d:.]+Z term 1 ada ada leads term 1/);
    const ofAgent = await conclave(['replay', '--entries', '..', '--agent', 'ada', ...at(fleet)]);
    expect(ofAgent.stdout).toContain('ada votes approve');
    expect(ofAgent.stdout).not.toContain('submitted');
  });

  test.each([
    [['--at', '999999'], 'entry 999999 is not there yet: the ledger ends at '],
    [['--entries', '5..999999'], 'entry 999999 is not there yet: the ledger ends at '],
    [['--task', 'nope'], 'there was no task nope after entry '],
    [['--agent', 'nope'], 'there was no agent nope after entry '],
    [['--proposal', 'nope'], 'there was no proposal nope after entry '],
  ])('%j is refused in one line, with exit code 1', async (words, message) => {
    const { exitCode, stdout, stderr } = await conclave(['replay', ...words, ...at(fleet)]);
    expect({ exitCode, stdout: words[0] === '--at' || words[0] === '--entries' ? stdout : '' }).toEqual({
      exitCode: 1,
      stdout: '',
    });
    expect(stderr).toMatch(/^conclave: [^\n]+\n$/);
    expect(stderr).toContain(message);
  });

  test('is not changed by being looked at, and none is made where there was none', async () => {
    const nc = await connect({ servers: server().url });
    const { streams } = await nc.jetstreamManager();
    const { state } = await streams.info('CONCLAVE_whole');
    await conclave(['replay', ...at(fleet)]);
    await conclave(['replay', '--entries', '..', ...at(fleet)]);
    const after = (await streams.info('CONCLAVE_whole')).state;
    expect([after.first_seq, after.last_seq]).toEqual([state.first_seq, state.last_seq]);
    const none = await conclave(['replay', ...at('none')]);
    expect(none).toMatchObject({
      exitCode: 1,
      stderr: 'conclave: fleet none has no ledger yet: nobody has led it\n',
    });
    await expect(streams.info('CONCLAVE_none')).rejects.toThrow('stream not found');
    await nc.close();
  });
});

test('of a ledger that was shortened, the oldest state that can be shown is named and can be shown', async () => {
  const fleet = 'short';
  const options = { servers: server().url, fleet };
  const agent = await joinFleet({
    ...options,
    id: 'ada',
    handleSignals: false,
    slots: 4,
    settings: { snapshotEntries: 40, snapshotLookMs: 100 },
    tasks: { double: (task) => Number(task.payload) * 2 },
  });
  const client = await connectFleet(options);
  const nc = await connect({ servers: server().url });
  const { streams } = await nc.jetstreamManager();
  while ((await streams.info('CONCLAVE_short')).state.first_seq < 60) {
    await (await client.submit({ type: 'double', payload: 1 })).result();
  }
  await agent.leave();
  await client.close();

  const gone = await conclave(['replay', '--at', '3', ...at(fleet)]);
  expect(gone.exitCode).toBe(1);
  const [, oldest = ''] =
    /^conclave: entry 3 was purged: the oldest state that can be shown is that of entry (\d+) \(/.exec(
      gone.stderr,
    ) ?? [];
  expect(gone.stderr).toContain(oldest);
  expect(Number(oldest)).toBeGreaterThan(3);
  expect(await answerOf(['replay', '--at', oldest, ...at(fleet)])).toMatchObject({
    sequence: Number(oldest),
    problems: [],
  });
  const { last_seq: last } = (await streams.info('CONCLAVE_short')).state;
  const ends = await replayLedger({ ...options, at: last });
  expect(ends).toMatchObject({ sequence: last, problems: [], status: { leader: null } });
  const entries = await conclave(['replay', '--entries', '1..5', ...at(fleet)]);
  expect(entries).toMatchObject({ exitCode: 1, stdout: '' });
  expect(entries.stderr).toMatch(/^conclave: entry 1 was purged: the oldest one that is kept is \d+\n$/);
  await nc.close();
});
