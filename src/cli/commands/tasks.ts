/** `conclave tasks` and `conclave task`: the list, and one with all its attempts. */
import type { Command } from 'commander';
import type { TaskFilter, TaskView } from '../../index.ts';
import { taskStatuses } from '../../wire/states.ts';
import { withFleet } from '../fleet-connection.ts';
import {
  ago,
  brief,
  clipped,
  countsOf,
  duration,
  factsOf,
  onward,
  percent,
  printAnswer,
  tableOf,
  type Cell,
} from '../output.ts';
import { sharedOptionsOf } from '../shared-options.ts';
import { given, integer, name, oneOf, text } from '../values.ts';

interface Options extends TaskFilter {
  readonly newest?: true;
}

export function addTasks(program: Command): void {
  program
    .command('tasks')
    .description('list tasks')
    .option('--status <status>', `one of ${taskStatuses.join(', ')}`, oneOf('status', taskStatuses))
    .option('--type <type>', 'of this type', name('type'))
    .option('--agent <id>', 'whose latest attempt this agent has, or had', name('agent'))
    .option('--capability <name>', 'that require it', name('capability'))
    .option('--text <text>', 'with this in their target', text('text', { min: 1, max: 255 }))
    .option('--newest', 'the newest first, not the oldest')
    .option('--cursor <cursor>', 'go on from a page before', text('cursor', { min: 1, max: 64 }))
    .option('--skip <n>', 'leave out the first ones', integer('skip', { min: 0 }))
    .option('--limit <n>', 'at most so many (default: 50)', integer('limit', { min: 1, max: 500 }))
    .action(list);
}

export function addTask(program: Command): void {
  program
    .command('task')
    .description('show a task with its attempts')
    .argument('<id>', 'of the task', text('id', { min: 1, max: 63 }))
    .action(show);
}

async function list(options: Options, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  await withFleet(shared, async (fleet) => {
    const { status, type, agent, capability, text, newest, cursor, skip, limit } = options;
    const order = newest === true ? ('newest' as const) : undefined;
    const filter = given({ status, type, agent, capability, text, order, cursor, skip, limit });
    const page = await fleet.tasks(filter);
    const titles = ['id', 'type', 'status', 'priority', 'agent', 'attempt', 'submitted', 'result'];
    printAnswer(shared.isJson, page, () => {
      const shown = `${page.tasks.length} of ${page.total ?? 'an unknown number'} shown`;
      const footer = `${shown}; all tasks: ${countsOf(page.byStatus)}${onward(page.next)}`;
      return page.tasks.length === 0 ? footer : `${tableOf(titles, page.tasks.map(rowOf))}\n\n${footer}`;
    });
  });
}

function rowOf(task: TaskView): Cell[] {
  const { id, type, status, priority, agent, attempt, submittedAt, error, result } = task;
  const outcome = error === undefined ? brief(result) : clipped(error.message, 48);
  return [id, type, status, priority, agent, attempt, ago(submittedAt), outcome];
}

async function show(id: string, _options: object, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  await withFleet(shared, async (fleet) => {
    const task = await fleet.task(id);
    printAnswer(shared.isJson, task, () => taskText(task));
  });
}

/** `now`: of which moment it is told. */
export function taskText(task: TaskView, now = Date.now()): string {
  return [factsOf(factsAbout(task, now)), ...attemptsOf(task)].join('\n\n');
}

function factsAbout(task: TaskView, now: number): (readonly [string, Cell])[] {
  return [
    ['task', task.id],
    ['type', task.type],
    ['status', task.status],
    ['priority', task.priority],
    ['target', task.target],
    ['requires', task.requiredCapabilities.join(', ')],
    ['submitted', ago(task.submittedAt, now)],
    ['ended', task.endedAt === null ? null : ago(task.endedAt, now)],
    ['run timeout', task.runTimeoutMs === null ? null : duration(task.runTimeoutMs)],
    ['max retries', task.maxRetries],
    ['progress', progressText(task.progress)],
    ['proposal', task.proposal],
    ['payload', brief(task.payload, 200)],
    ['result', brief(task.result, 200)],
    ['error', task.error?.message],
  ];
}

function progressText(progress: TaskView['progress']): Cell {
  if (progress === null) return null;
  const { share, note, agoMs } = progress;
  return [percent(share), note, `${duration(agoMs)} ago`].filter((part) => part !== null).join(', ');
}

function attemptsOf(task: TaskView): string[] {
  if (task.attempts.length === 0) return [];
  const rows = task.attempts.map(
    ({ attempt, agent, fencingToken, assignedAt, startedAt, endedAt, end, error }) => [
      attempt,
      agent,
      fencingToken,
      end ?? (startedAt === null ? 'assigned' : 'running'),
      endedAt === null ? '' : duration(endedAt - (startedAt ?? assignedAt)),
      error?.message,
    ],
  );
  return [tableOf(['attempt', 'agent', 'fencing token', 'end', 'took', 'error'], rows)];
}
