/** `conclave agent`: one agent process, whose handlers are a module, programs, or the built-in demo. */
import { Option, type Command } from 'commander';
import { invalidField } from '../../domain/errors.ts';
import type { Configuration } from '../config/configuration.ts';
import { connectOptionsOf } from '../fleet-connection.ts';
import type { HandlerSet } from '../handler-module.ts';
import { healthAddress, openHealthPort } from '../health-port.ts';
import { printItem, remark } from '../output.ts';
import { leaveWithParent, tellParent } from '../parent-process.ts';
import type { JoinOptions } from '../../sdk/options.ts';
import { addKeyOptions, configurationFor, sharedOptionsOf, type SharedOptions } from '../shared-options.ts';
import { given } from '../values.ts';

interface Options {
  readonly demo?: boolean;
  readonly ownServer?: boolean;
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
  const command = program
    .command('agent')
    .description('be an agent until Ctrl-C: join, work, vote, perhaps lead');
  addKeyOptions(command, [
    ['agent.id', '--id <id>', 'unique in the fleet'],
    ['agent.capabilities', '--capability <name>', 'what it is able to do; may be repeated'],
    ['agent.priority', '--priority <n>', 'counts in elections, the highest leads (default: 0)'],
    ['agent.slots', '--slots <n>', 'how many tasks at once (default: 1)'],
    ['agent.labels', '--label <key=value>', 'free-form; may be repeated'],
    ['agent.electable', '--no-electable', 'never leads'],
    ['agent.replicas', '--replicas <n>', 'copies of the ledger, if this agent creates it: 1 or 3'],
    [
      'agent.ledgerCluster',
      '--ledger-cluster <name>',
      'NATS cluster that holds the ledger, if this agent creates it (default: the one it is connected to)',
    ],
    ['agent.ledgerTags', '--ledger-tag <tag>', 'of the servers that hold it; may be repeated'],
    [
      'agent.health',
      '--health <[address:]port>',
      'answer GET /healthz and /readyz there (default address: 127.0.0.1)',
    ],
    ['agent.module', '--module <file>', 'handlers from a JavaScript module'],
    ['agent.run', '--run <type=program>', 'a program that does tasks of this type (*: any); may be repeated'],
  ])
    .addOption(new Option('--demo', 'the handlers of `conclave up`').hideHelp())
    .addOption(new Option('--own-server', 'of `conclave up`: what is said of the server is known').hideHelp())
    .addHelpText('after', help)
    .action(agent);
}

async function agent(options: Options, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  const configuration = configurationFor(command);
  const id = idOf(configuration);
  const handlers = await handlersOf(options, { id, configuration, shared });
  const health = configuration.value('agent.health');
  const parent = leaveWithParent();
  const healthPort = health === undefined ? null : await openHealthPort(healthAddress(health));
  const { joinFleet } = await import('../../sdk/join.ts');
  const { servers, fleet } = shared;
  const impatience = setTimeout(() => {
    remark(
      `${id} waits: nobody has let it into fleet ${fleet} yet; is there an electable agent? Ctrl-C: give up`,
    );
  }, REMARK_AFTER_MS);
  // An agent's reply subjects have a prefix of their own.
  const { inboxPrefix: _, ...where } = await connectOptionsOf(shared, id);
  const joined = await joinFleet({
    ...where,
    id,
    capabilities: configuration.value('agent.capabilities'),
    priority: configuration.value('agent.priority'),
    slots: configuration.value('agent.slots'),
    electable: configuration.value('agent.electable'),
    labels: configuration.value('agent.labels'),
    arePrefixesPinned: configuration.value('agent.arePrefixesPinned'),
    settings: configuration.settings,
    ...ledgerOptionsOf(configuration),
    ...(options.ownServer === true ? { fsyncSource: 'started' } : {}),
    ...given({ vote: handlers.vote }),
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

function ledgerOptionsOf(configuration: Configuration): LedgerOptions {
  const replicas = configuration.value('agent.replicas');
  const cluster = configuration.value('agent.ledgerCluster');
  const tags = configuration.given('agent.ledgerTags');
  const isPlaced = cluster !== undefined || tags !== undefined;
  return {
    ...given({ replicas }),
    ...(isPlaced ? { ledgerPlacement: given({ cluster, tags }) } : {}),
  };
}

function idOf(configuration: Configuration): string {
  const id = configuration.value('agent.id');
  if (id === undefined)
    throw invalidField('id', "is missing: required option '--id <id>' not specified, nor the key agent.id");
  return id;
}

async function handlersOf(
  { demo = false }: Options,
  of: { readonly id: string; readonly configuration: Configuration; readonly shared: SharedOptions },
): Promise<HandlerSet> {
  const { id, configuration, shared } = of;
  const module = demo ? undefined : configuration.value('agent.module');
  const run = demo ? undefined : configuration.value('agent.run');
  const given = [module !== undefined, run !== undefined, demo].filter(Boolean).length;
  if (given !== 1)
    throw invalidField('module', 'or run must be given, and not both: they say how the agent does its tasks');
  if (module !== undefined) return (await import('../handler-module.ts')).handlersOfModule(module);
  if (run !== undefined) {
    const { loggerOf } = await import('../logger.ts');
    return (await import('../program-handler.ts')).handlersOfPrograms(run, loggerOf(shared, id));
  }
  return (await import('../demo-handlers.ts')).demoHandlers;
}
