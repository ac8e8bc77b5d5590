/** `conclave cancel`: a waiting task at once; a running one when its handler has stopped. */
import type { Command } from 'commander';
import { withFleet } from '../fleet-connection.ts';
import { printAnswer } from '../output.ts';
import { sharedOptionsOf } from '../shared-options.ts';
import { text } from '../values.ts';

export function addCancel(program: Command): void {
  program
    .command('cancel')
    .description('cancel a task')
    .argument('<id>', 'of the task', text('id', { min: 1, max: 63 }))
    .action(cancel);
}

async function cancel(id: string, _options: object, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  await withFleet(shared, async (fleet) => {
    const status = await fleet.cancel(id);
    const text =
      status === 'cancelled'
        ? `task ${id} is cancelled`
        : `task ${id} is being cancelled: its handler was told to stop`;
    printAnswer(shared.isJson, { id, status }, () => text);
  });
}
