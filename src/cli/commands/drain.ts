/** `conclave drain` and `conclave resume`: an agent takes no new task, and takes tasks again. */
import type { Command } from 'commander';
import { withFleet } from '../fleet-connection.ts';
import { printAnswer } from '../output.ts';
import { sharedOptionsOf } from '../shared-options.ts';
import { name } from '../values.ts';

export function addDrain(program: Command): void {
  program
    .command('drain')
    .description('give an agent no new task; what it runs it finishes')
    .argument('<id>', 'of the agent', name('id'))
    .action(async (id: string, _options: object, command: Command) => {
      const shared = sharedOptionsOf(command);
      await withFleet(shared, async (fleet) => {
        await fleet.drain(id);
        printAnswer(shared.isJson, { id, state: 'draining' }, () => `${id} takes no new task`);
      });
    });
}

export function addResume(program: Command): void {
  program
    .command('resume')
    .description('give a drained agent tasks again')
    .argument('<id>', 'of the agent', name('id'))
    .action(async (id: string, _options: object, command: Command) => {
      const shared = sharedOptionsOf(command);
      await withFleet(shared, async (fleet) => {
        await fleet.resume(id);
        printAnswer(shared.isJson, { id, state: 'alive' }, () => `${id} takes tasks again`);
      });
    });
}
