/** `conclave up`: a whole fleet on this machine — a private nats-server and agents — until Ctrl-C. */
import type { Command } from 'commander';
import type { LocalFleetOptions } from '../local-fleet.ts';
import { DEFAULT_HTTP_PORT } from '../../http/default-port.ts';
import type { Configuration } from '../config/configuration.ts';
import { loginPaths } from '../config/keys.ts';
import { addKeyOptions, configurationFor, configurationWords, sharedOptionsOf } from '../shared-options.ts';
import { given } from '../values.ts';

interface Options {
  readonly http: number | boolean;
}

const help = `
The agents do \`scan\` {path}, \`echo\` and \`sleep\` {ms}. They approve every proposal but those whose data has a
threshold above 0.99. The server writes every entry to disk before it acknowledges it. Without --dir it keeps its
data in a temporary folder, which is removed at the end. An agent that dies is reported, not started again.
The HTTP API is for this machine alone; \`conclave serve\` can do more.`;

export function addUp(program: Command): void {
  const command = program
    .command('up')
    .description('start a private nats-server and agents on this machine, until Ctrl-C');
  addKeyOptions(command, [
    ['up.agents', '--agents <n>', 'how many (default: 3)'],
    ['up.port', '--port <n>', 'of the server (default: 4222, or a free one)'],
    ['up.dir', '--dir <folder>', 'keeps the data there; started again, the fleet goes on'],
    ['http.port', '--http <n>', `port of the HTTP API (default: ${DEFAULT_HTTP_PORT}, or a free one)`],
  ])
    .option('--no-http', 'no HTTP API')
    .addHelpText('after', help)
    .action(up);
}

async function up({ http }: Options, command: Command): Promise<void> {
  const { runLocalFleet } = await import('../local-fleet.ts');
  const configuration = configurationFor(command);
  const options: LocalFleetOptions = {
    agents: configuration.value('up.agents'),
    // The server is its own, and asks nobody who they are.
    shared: { ...sharedOptionsOf(command), login: {} },
    needsNoLogin: isElsewhere(configuration),
    words: configurationWords(command),
    settings: configuration.settings,
    hasHttp: http !== false,
    ...given({
      port: configuration.value('up.port'),
      dir: configuration.value('up.dir'),
      binary: configuration.value('natsServer'),
      httpPort: configuration.given('http.port'),
      requestsPerSecond: configuration.given('http.requestsPerSecond'),
    }),
  };
  await runLocalFleet(options);
}

/** Whether other commands would go to another server, log in, or look in another domain. */
function isElsewhere(configuration: Configuration): boolean {
  return ['servers' as const, ...loginPaths].some((path) => configuration.isGiven(path));
}
