/** `conclave serve`: the HTTP API of a fleet, until Ctrl-C. */
import type { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { DEFAULT_HTTP_PORT } from '../../http/default-port.ts';
import { isOrigin } from '../../http/origin.ts';
import { tokensFrom, type TokenEntry } from '../../http/tokens.ts';
import { badInput } from '../failure.ts';
import { connectOptionsOf } from '../fleet-connection.ts';
import { printItem } from '../output.ts';
import { sharedOptionsOf } from '../shared-options.ts';
import { codeOf, given, integer, list, text, type Parser } from '../values.ts';

interface Options {
  readonly port?: number;
  readonly http?: number;
  readonly host?: string;
  readonly tokens?: readonly TokenEntry[];
  readonly cors?: readonly string[];
  readonly rateLimit?: number;
}

const help = `
Without --tokens everybody on this machine may do everything, and nobody else gets in: no other machine, no web page of
another origin. With --tokens each caller has the scopes of its token: see \`conclave token --help\`.
The server keeps a copy of the fleet's ledger and answers reads from it; any number of them may run.`;

export function httpPort(field: string): Parser<number> {
  return integer(field, { min: 1, max: 65_535 });
}

export function addServe(program: Command): void {
  program
    .command('serve')
    .description('serve the HTTP API of a fleet, until Ctrl-C')
    .option('--port <n>', `to listen on (default: ${DEFAULT_HTTP_PORT})`, httpPort('port'))
    .option('--http <n>', 'the same', httpPort('http'))
    .option(
      '--host <address>',
      'to listen on (default: 127.0.0.1); others need --tokens',
      text('host', { min: 1, max: 255 }),
    )
    .option('--tokens <file>', 'who may call: lines of `conclave token`', tokensOf)
    .option('--cors <origin>', 'web pages of this origin may call; may be repeated', list(originOf))
    .option(
      '--rate-limit <n>',
      'requests per second of one client (default: 1000)',
      integer('rate-limit', { min: 1, max: 1_000_000 }),
    )
    .addHelpText('after', help)
    .action(serve);
}

async function serve(options: Options, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  const { port, http, host, tokens, cors, rateLimit } = options;
  const { startHttpServer } = await import('../../http/start.ts');
  const { timeoutMs: _, ...where } = await connectOptionsOf(shared, 'http');
  const server = await startHttpServer({
    ...where,
    port: http ?? port ?? DEFAULT_HTTP_PORT,
    ...given({ host, tokens, origins: cors, requestsPerSecond: rateLimit }),
  });
  const { fleet, servers } = shared;
  printItem(shared.isJson, { kind: 'serving', url: server.url, fleet, servers, pid: process.pid }, () => {
    return `fleet ${fleet} is served at ${server.url}; what there is: ${server.url}/docs. Ctrl-C: end`;
  });
  await told();
  await server.close();
}

function told(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        resolve();
      });
    }
  });
}

function tokensOf(path: string): readonly TokenEntry[] {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    throw badInput('tokens', `names the file ${path}, which cannot be read (${codeOf(error)})`, error);
  }
  return tokensFrom(content);
}

function originOf(origin: string): string {
  if (!isOrigin(origin)) throw badInput('cors', `must be like https://ops.example.org, not ${origin}`);
  return origin;
}
