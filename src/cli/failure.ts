/** What the user sees when something went wrong: one line on standard error, never a stack trace. */
import { CommanderError } from 'commander';
import { problemOf } from '../domain/errors.ts';
import { exitCodeOf, exitCodes, type ExitCode } from './exit-codes.ts';
import { plainLine } from './plain-text.ts';

/** Says what went wrong, and gives the exit code for it. */
export function reportFailure(error: unknown, isJson: boolean): ExitCode {
  // Help and version were asked for; anything else that commander throws it has already written.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.badInput;
  const problem = problemOf(error);
  process.stderr.write(isJson ? `${JSON.stringify({ error: problem })}\n` : `${sentence(problem.message)}\n`);
  return exitCodeOf[problem.code];
}

/** A complaint of commander's, in our manner. */
export function reportUsage(text: string, isJson: boolean): void {
  const message = text
    .replace(/^error: /, '')
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ');
  process.stderr.write(
    isJson ? `${JSON.stringify({ error: { code: 'INVALID', message } })}\n` : `${sentence(message)}\n`,
  );
}

function sentence(message: string): string {
  return plainLine(`conclave: ${message}`, false);
}
