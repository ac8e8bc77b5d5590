/** `conclave retry`: a failed task gets its retries anew. */
import type { Command } from 'commander';
import { withFleet } from '../fleet-connection.ts';
import { printAnswer } from '../output.ts';
import { sharedOptionsOf } from '../shared-options.ts';
import { text } from '../values.ts';

export function addRetry(program: Command): void {
  program
    .command('retry')
    .description('try a failed task again')
    .argument('<id>', 'of the task', text('id', { min: 1, max: 63 }))
    .action(retry);
}

async function retry(id: string, _options: object, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  await withFleet(shared, async (fleet) => {
    await fleet.retry(id);
    printAnswer(shared.isJson, { id }, () => `task ${id} is tried again`);
  });
}
