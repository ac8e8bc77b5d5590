/** `conclave up`: a whole fleet on this machine — a private nats-server and agents — until Ctrl-C. */
import type { Command } from 'commander';
import type { LocalFleetOptions } from '../local-fleet.ts';
import { httpPort } from './serve.ts';
import { DEFAULT_HTTP_PORT } from '../../http/default-port.ts';
import { sharedOptionsOf } from '../shared-options.ts';
import { given, integer, text } from '../values.ts';

interface Options {
  readonly agents: number;
  readonly port?: number;
  readonly dir?: string;
  readonly http: number | boolean;
}

const help = `
The agents do \`scan\` {path}, \`echo\` and \`sleep\` {ms}. They approve every proposal but those whose data has a
threshold above 0.99. The server writes every entry to disk before it acknowledges it. Without --dir it keeps its
data in a temporary folder, which is removed at the end. An agent that dies is reported, not started again.
The HTTP API is for this machine alone; \`conclave serve\` can do more.`;

export function addUp(program: Command): void {
  program
    .command('up')
    .description('start a private nats-server and agents on this machine, until Ctrl-C')
    .option('--agents <n>', 'how many', integer('agents', { min: 1, max: 100 }), 3)
    .option(
      '--port <n>',
      'of the server (default: 4222, or a free one)',
      integer('port', { min: 1, max: 65_535 }),
    )
    .option(
      '--dir <folder>',
      'keeps the data there; started again, the fleet goes on',
      text('dir', { min: 1, max: 4_096 }),
    )
    .option(
      '--http <n>',
      `port of the HTTP API (default: ${DEFAULT_HTTP_PORT}, or a free one)`,
      httpPort('http'),
    )
    .option('--no-http', 'no HTTP API')
    .addHelpText('after', help)
    .action(up);
}

async function up({ agents, port, dir, http }: Options, command: Command): Promise<void> {
  const { runLocalFleet } = await import('../local-fleet.ts');
  const options: LocalFleetOptions = {
    agents,
    shared: sharedOptionsOf(command),
    hasHttp: http !== false,
    ...given({ port, dir, httpPort: typeof http === 'number' ? http : undefined }),
  };
  await runLocalFleet(options);
}
