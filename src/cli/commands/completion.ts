/** `conclave completion`: a script that makes a shell complete the command's words. */
import { Argument, type Command } from 'commander';
import { commandWords } from '../completion-words.ts';
import { scripts, shells, type Shell } from '../completion-scripts.ts';
import { oneOf } from '../values.ts';

export function addCompletion(program: Command): void {
  const shell = new Argument('<shell>', shells.join(', ')).argParser(oneOf('shell', shells));
  program
    .command('completion')
    .description('print what makes a shell complete commands and options')
    .addArgument(shell)
    .action((chosen: Shell) => {
      process.stdout.write(scripts[chosen](commandWords(program)));
    });
}
