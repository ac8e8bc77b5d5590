#!/usr/bin/env node
/** The command `conclave`: runs one command line, and ends with its exit code. */
import { runCommandLine } from './command-line.ts';
import { reportFailure } from './failure.ts';

// `conclave tasks | head -1`: nobody reads on, which is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});
const fail = (error: unknown): void => {
  process.exit(reportFailure(error, process.argv.includes('--json')));
};
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);

process.exit(await runCommandLine(process.argv.slice(2)));
