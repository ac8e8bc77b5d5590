/** `conclave token`: a fresh token for callers of the HTTP API, shown once. */
import type { Command } from 'commander';
import { makeToken, scopes, type Scope } from '../../http/tokens.ts';
import { colors, printAnswer } from '../output.ts';
import { sharedOptionsOf } from '../shared-options.ts';
import { list, name, oneOf } from '../values.ts';

interface Options {
  readonly name: string;
  readonly scope?: readonly Scope[];
}

const help = `
Scopes: read (look, follow events, metrics), operate (tasks, proposals, ballots), admin (elections, drain, resume).
None includes another. The file that \`conclave serve --tokens\` reads: {"tokens":[ the line that is printed, … ]}.
It holds no token, only digests; a token that was lost is replaced, and \`serve\` started again.`;

export function addToken(program: Command): void {
  program
    .command('token')
    .description('make a token for the HTTP API, and the line for its file')
    .requiredOption('--name <name>', 'who will use it; ballots and proposals carry it', name('name'))
    .option(
      '--scope <scope>',
      `${scopes.join(', ')}; may be repeated (default: read)`,
      list(oneOf('scope', scopes)),
    )
    .addHelpText('after', help)
    .action(token);
}

function token({ name: who, scope = ['read'] }: Options, command: Command): void {
  const made = makeToken(who, [...new Set(scope)]);
  printAnswer(sharedOptionsOf(command).isJson, made, () =>
    [
      `${colors.bold('token')}     ${made.token}`,
      `${colors.bold('for file')}  ${JSON.stringify(made.entry)}`,
      'The token is shown this once; send it as Authorization: Bearer.',
    ].join('\n'),
  );
}
