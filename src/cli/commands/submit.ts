/** `conclave submit`: gives the fleet one task, or many alike. */
import type { Command } from 'commander';
import { invalidField } from '../../domain/errors.ts';
import type { Fleet, OutcomeView, TaskHandle, TaskInput } from '../../index.ts';
import { exitCodes } from '../exit-codes.ts';
import { withFleet } from '../fleet-connection.ts';
import { countsOf, duration, printAnswer, remark, tableOf } from '../output.ts';
import { progressOf } from '../progress.ts';
import { sharedOptionsOf } from '../shared-options.ts';
import { given, integer, json, list, milliseconds, name, text } from '../values.ts';

interface Options {
  readonly payload?: unknown;
  readonly priority?: number;
  readonly target?: string;
  readonly capability?: readonly string[];
  readonly maxRetries?: number;
  readonly timeout?: number;
  readonly delay?: number;
  readonly key?: string;
  readonly approval?: boolean;
  readonly count: number;
  readonly wait?: boolean;
}

/** What a fleet takes in one submit, by default settings. */
const BATCH_TASKS = 1_000;
const BATCH_BYTES = 400_000;

export function addSubmit(program: Command): void {
  program
    .command('submit')
    .description('submit a task; answered when the ledger has it')
    .argument('<type>', 'what is to be done; agents have handlers by type', name('type'))
    .option('--payload <json>', 'JSON, @file, or - for standard input', json('payload'))
    .option('--priority <n>', '1 to 10, 10 first (default: 5)', integer('priority', { min: 1, max: 10 }))
    .option('--target <text>', 'free text, kept with the task', text('target', { max: 1_024 }))
    .option('--capability <name>', 'only agents that have it; may be repeated', list(name('capability')))
    .option(
      '--max-retries <n>',
      'after a failed attempt (default: 3)',
      integer('max-retries', { min: 0, max: 1_000 }),
    )
    .option(
      '--timeout <ms>',
      'an attempt that runs longer is aborted and counts as failed',
      milliseconds('timeout'),
    )
    .option('--delay <ms>', 'not before this long from now', milliseconds('delay'))
    .option(
      '--key <text>',
      'submitted again under this key, the first task is returned',
      text('key', { min: 1, max: 255 }),
    )
    .option('--approval', 'the fleet must approve it by vote first')
    .option('--count <n>', 'so many of them', integer('count', { min: 1, max: 1_000_000 }), 1)
    .option('--wait', 'wait for the result, and print it; exit code 1 unless all complete')
    .addHelpText(
      'after',
      '\nThe --timeout of every command (how long to go on trying) stands before the word submit here.',
    )
    .action(submit);
}

async function submit(type: string, options: Options, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  const { count, wait = false } = options;
  if (options.key !== undefined && count > 1)
    throw invalidField('key', 'must not be given with --count: it names one task');
  await withFleet(shared, async (fleet) => {
    const start = performance.now();
    const handles = await submitAll(fleet, taskOf(type, options), count);
    const ids = handles.map(({ id }) => id);
    const [first = ''] = ids;
    if (!wait) {
      const document = count === 1 ? { id: first } : { ids };
      printAnswer(shared.isJson, document, () => (count === 1 ? first : ids.join('\n')));
      return;
    }
    if (count === 1 && !shared.isJson) remark(`task ${first} submitted`);
    const outcomes = await outcomesOf(handles, shared.isJson || count === 1);
    if (outcomes.some(({ status }) => status !== 'completed')) process.exitCode = exitCodes.failed;
    const document = count === 1 ? outcomes[0] : { outcomes };
    printAnswer(shared.isJson, document, () => summaryOf(outcomes, performance.now() - start));
  });
}

function taskOf(type: string, options: Options): TaskInput {
  const { payload, priority, target, capability, maxRetries, timeout, delay, key, approval } = options;
  const more = {
    payload,
    priority,
    target,
    maxRetries,
    requiredCapabilities: capability,
    runTimeoutMs: timeout,
  };
  return {
    type,
    ...given({ ...more, delayMs: delay, idempotencyKey: key, approval: approval === true ? {} : undefined }),
  };
}

async function submitAll(fleet: Fleet, task: TaskInput, count: number): Promise<TaskHandle[]> {
  const bytes = Buffer.byteLength(JSON.stringify(task));
  const perBatch = Math.max(1, Math.min(BATCH_TASKS, Math.floor(BATCH_BYTES / bytes)));
  const handles: TaskHandle[] = [];
  while (handles.length < count) {
    const size = Math.min(perBatch, count - handles.length);
    handles.push(...(await fleet.submitMany(Array.from({ length: size }, () => task))));
  }
  return handles;
}

async function outcomesOf(handles: readonly TaskHandle[], isQuiet: boolean): Promise<OutcomeView[]> {
  const progress = progressOf({ total: handles.length, isQuiet });
  try {
    return await Promise.all(
      handles.map(async (handle) => {
        const outcome = await handle.outcome();
        progress.step();
        return outcome;
      }),
    );
  } finally {
    progress.end();
  }
}

function summaryOf(outcomes: readonly OutcomeView[], tookMs: number): string {
  const [only] = outcomes;
  if (outcomes.length === 1 && only !== undefined) {
    if (only.status === 'completed') return JSON.stringify(only.result ?? null, null, 2);
    return `${only.status}: ${only.error?.message ?? 'no reason given'}`;
  }
  const byAgent = new Map<string, Record<string, number>>();
  for (const { agent, status } of outcomes) {
    const counts = byAgent.get(agent ?? '') ?? {};
    counts[status] = (counts[status] ?? 0) + 1;
    byAgent.set(agent ?? '', counts);
  }
  const rows = [...byAgent]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([agent, counts]) => [agent, countsOf(counts)]);
  const failed = outcomes.find(({ status }) => status !== 'completed');
  const why =
    failed === undefined
      ? ''
      : `\ntask ${failed.id} ${failed.status}: ${failed.error?.message ?? 'no reason given'}`;
  return `${tableOf(['agent', 'tasks'], rows)}\n${outcomes.length} tasks in ${duration(tookMs)}${why}`;
}
