/** `conclave serve`: the HTTP API of a fleet, until Ctrl-C. */
import type { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { invalidField } from '../../domain/errors.ts';
import { DEFAULT_HTTP_PORT } from '../../http/default-port.ts';
import { tokensFrom, type TokenEntry } from '../../http/tokens.ts';
import { connectOptionsOf } from '../fleet-connection.ts';
import { printItem } from '../output.ts';
import { addKeyOptions, configurationFor, sharedOptionsOf } from '../shared-options.ts';
import { codeOf } from '../values.ts';

const help = `
Without --tokens everybody on this machine may do everything, and nobody else gets in: no other machine, no web page of
another origin. With --tokens each caller has the scopes of its token: see \`conclave token --help\`.
The server keeps a copy of the fleet's ledger and answers reads from it; any number of them may run.`;

export function addServe(program: Command): void {
  const command = program.command('serve').description('serve the HTTP API of a fleet, until Ctrl-C');
  addKeyOptions(command, [
    ['http.port', '--port <n>', `to listen on (default: ${DEFAULT_HTTP_PORT})`],
    ['http.port', '--http <n>', 'the same'],
    ['http.host', '--host <address>', 'to listen on (default: 127.0.0.1); others need --tokens'],
    ['http.tokens', '--tokens <file>', 'who may call: lines of `conclave token`'],
    ['http.origins', '--cors <origin>', 'web pages of this origin may call; may be repeated'],
    ['http.requestsPerSecond', '--rate-limit <n>', 'requests per second of one client (default: 1000)'],
  ])
    .addHelpText('after', help)
    .action(serve);
}

async function serve(_options: object, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  const configuration = configurationFor(command);
  const tokens = configuration.given('http.tokens');
  const httpOptions = {
    port: configuration.value('http.port'),
    host: configuration.value('http.host'),
    origins: configuration.value('http.origins'),
    requestsPerSecond: configuration.value('http.requestsPerSecond'),
    timeoutMs: configuration.value('http.timeoutMs'),
    settings: configuration.settings,
    ...(tokens === undefined ? {} : { tokens: tokensOf(tokens) }),
  };
  const { startHttpServer } = await import('../../http/start.ts');
  const server = await startHttpServer({ ...(await connectOptionsOf(shared, 'http')), ...httpOptions });
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
    throw invalidField('tokens', `names the file ${path}, which cannot be read (${codeOf(error)})`, error);
  }
  return tokensFrom(content);
}
