/** `conclave remove`: an agent is no member any more, whatever became of its process. */
import type { Command } from 'commander';
import { withFleet } from '../fleet-connection.ts';
import { printAnswer } from '../output.ts';
import { sharedOptionsOf } from '../shared-options.ts';
import { name } from '../values.ts';

export function addRemove(program: Command): void {
  program
    .command('remove')
    .description('take an agent out of the fleet at once; its tasks go to others, its process ends')
    .argument('<id>', 'of the agent', name('id'))
    .action(remove);
}

async function remove(id: string, _options: object, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  await withFleet(shared, async (fleet) => {
    await fleet.remove(id);
    printAnswer(shared.isJson, { id, state: 'removed' }, () => `${id} is removed`);
  });
}
