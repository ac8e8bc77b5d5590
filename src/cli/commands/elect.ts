/** `conclave elect`: triggers an election, and says who won it. */
import type { Command } from 'commander';
import { withFleet } from '../fleet-connection.ts';
import { printAnswer } from '../output.ts';
import { sharedOptionsOf } from '../shared-options.ts';

export function addElect(program: Command): void {
  program
    .command('elect')
    .description('run an election now; the term rises by one, whoever wins')
    .action(elect);
}

async function elect(_options: object, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  await withFleet(shared, async (fleet) => {
    const outcome = await fleet.elect({ timeoutMs: shared.timeoutMs });
    printAnswer(shared.isJson, outcome, () => `${outcome.leader ?? 'nobody'} leads, term ${outcome.term}`);
  });
}
