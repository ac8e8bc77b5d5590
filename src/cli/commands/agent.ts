/** `conclave agent`: one agent process, whose handlers are a module, programs, or the built-in demo. */
import { Option, type Command } from 'commander';
import { badInput } from '../failure.ts';
import { connectOptionsOf } from '../fleet-connection.ts';
import type { HandlerSet } from '../handler-module.ts';
import { healthAddress, openHealthPort, type HealthAddress } from '../health-port.ts';
import { printItem, remark } from '../output.ts';
import { leaveWithParent, tellParent } from '../parent-process.ts';
import type { JoinOptions } from '../../sdk/options.ts';
import { sharedOptionsOf, type SharedOptions } from '../shared-options.ts';
import { decimal, given, integer, list, name, pairs, text } from '../values.ts';

interface Options {
  readonly id: string;
  readonly capability?: readonly string[];
  readonly priority?: number;
  readonly slots?: number;
  readonly label?: Readonly<Record<string, string>>;
  readonly electable: boolean;
  readonly replicas?: 1 | 3;
  readonly ledgerCluster?: string;
  readonly ledgerTag?: readonly string[];
  readonly health?: HealthAddress;
  readonly module?: string;
  readonly run?: Readonly<Record<string, string>>;
  readonly demo?: boolean;
}

type LedgerOptions = Pick<JoinOptions, 'replicas' | 'ledgerPlacement'>;

/** Joining takes a fraction of a second where somebody leads. */
const REMARK_AFTER_MS = 5_000;

const help = `
--module: the file exports \`tasks\`, a record of handlers by task type, and perhaps \`vote\`:
  export const tasks = { scan: async (task, { signal, progress }) => ({ findings: [] }) };
  export const vote = (proposal) => (proposal.data?.threshold > 0.9 ? 'approve' : 'reject');

--run: the program is started for each attempt, and must do no harm if it runs twice for one task.
  in       the payload as JSON on standard input; CONCLAVE_TASK_ID, CONCLAVE_TASK_TYPE, CONCLAVE_ATTEMPT and
           CONCLAVE_FENCING_TOKEN (refuse a lower one than you have seen) in the environment
  out      the result as JSON on standard output; anything else becomes {"output": "…"}
  so far   a line "progress 0.4 some words" on standard error: the share that is done, and perhaps a note
  failed   any exit code but 0; the last lines of standard error say why. 65 (EX_DATAERR): do not retry
  stopped  SIGTERM to the program and all that it started, SIGKILL 5 s later
Words are parted by spaces; a backslash keeps a space. An agent with programs abstains from votes.`;

export function addAgent(program: Command): void {
  const programs = pairs('run', (type) => (type === '*' ? type : name('run')(type)));
  program
    .command('agent')
    .description('be an agent until Ctrl-C: join, work, vote, perhaps lead')
    .requiredOption('--id <id>', 'unique in the fleet', name('id'))
    .option('--capability <name>', 'what it is able to do; may be repeated', list(name('capability')))
    .option(
      '--priority <n>',
      'counts in elections, the highest leads (default: 0)',
      decimal('priority', 'a number from -1000000 to 1000000', (value) => Math.abs(value) <= 1_000_000),
    )
    .option('--slots <n>', 'how many tasks at once (default: 1)', integer('slots', { min: 1, max: 10_000 }))
    .option('--label <key=value>', 'free-form; may be repeated', pairs('label', name('label')))
    .option('--no-electable', 'never leads')
    .option('--replicas <n>', 'copies of the ledger, if this agent creates it: 1 or 3', replicasOf)
    .option(
      '--ledger-cluster <name>',
      'NATS cluster that holds the ledger, if this agent creates it (default: the one it is connected to)',
      text('ledger-cluster', { min: 1, max: 255 }),
    )
    .option(
      '--ledger-tag <tag>',
      'of the servers that hold it; may be repeated',
      list(text('ledger-tag', { min: 1, max: 255 })),
    )
    .option(
      '--health <[address:]port>',
      'answer GET /healthz and /readyz there (default address: 127.0.0.1)',
      healthAddress,
    )
    .option('--module <file>', 'handlers from a JavaScript module')
    .option(
      '--run <type=program>',
      'a program that does tasks of this type (*: any); may be repeated',
      programs,
    )
    .addOption(new Option('--demo', 'the handlers of `conclave up`').hideHelp())
    .addHelpText('after', help)
    .action(agent);
}

async function agent(options: Options, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  const { id, capability, priority, slots, label, electable, health } = options;
  const handlers = await handlersOf(options, shared);
  const parent = leaveWithParent();
  const healthPort = health === undefined ? null : await openHealthPort(health);
  const { joinFleet } = await import('../../sdk/join.ts');
  const { servers, fleet } = shared;
  const impatience = setTimeout(() => {
    remark(
      `${id} waits: nobody has let it into fleet ${fleet} yet; is there an electable agent? Ctrl-C: give up`,
    );
  }, REMARK_AFTER_MS);
  const joined = await joinFleet({
    ...(await connectOptionsOf(shared, id)),
    id,
    electable,
    ...ledgerOptionsOf(options),
    ...given({ capabilities: capability, priority, slots, labels: label, vote: handlers.vote }),
    tasks: handlers.tasks,
  });
  clearTimeout(impatience);
  parent.leaves(joined);
  healthPort?.tells(joined);
  // A terminal that is closed; for Ctrl-C and SIGTERM the library leaves by itself.
  process.once('SIGHUP', () => void joined.leave());
  const types = Object.keys(handlers.tasks).join(', ');
  if (!tellParent({ kind: 'joined' })) {
    printItem(shared.isJson, { kind: 'joined', id, fleet, servers, pid: process.pid }, () => {
      return `${id} has joined fleet ${fleet} at ${servers.join(', ')}; it does ${types}. Ctrl-C: leave`;
    });
  }
  await joined.ended;
}

function replicasOf(text: string): 1 | 3 {
  if (text === '1') return 1;
  if (text === '3') return 3;
  throw badInput('replicas', 'must be 1 or 3');
}

function ledgerOptionsOf({ replicas, ledgerCluster: cluster, ledgerTag: tags }: Options): LedgerOptions {
  const isPlaced = cluster !== undefined || tags !== undefined;
  return {
    ...given({ replicas }),
    ...(isPlaced ? { ledgerPlacement: given({ cluster, tags }) } : {}),
  };
}

async function handlersOf(options: Options, shared: SharedOptions): Promise<HandlerSet> {
  const { module, run, demo = false } = options;
  const given = [module !== undefined, run !== undefined, demo].filter(Boolean).length;
  if (given !== 1)
    throw badInput('module', 'or run must be given, and not both: they say how the agent does its tasks');
  if (module !== undefined) return (await import('../handler-module.ts')).handlersOfModule(module);
  if (run !== undefined) {
    const { loggerOf } = await import('../logger.ts');
    return (await import('../program-handler.ts')).handlersOfPrograms(run, loggerOf(shared, options.id));
  }
  return (await import('../demo-handlers.ts')).demoHandlers;
}
