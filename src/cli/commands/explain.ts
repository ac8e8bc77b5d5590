/** `conclave explain`: why a task stands where it stands, and what keeps each agent from taking it. */
import type { Command } from 'commander';
import type { ExplanationView } from '../../index.ts';
import { withFleet } from '../fleet-connection.ts';
import { printAnswer, tableOf, type Cell } from '../output.ts';
import { sharedOptionsOf } from '../shared-options.ts';
import { text } from '../values.ts';

export function addExplain(program: Command): void {
  program
    .command('explain')
    .description('say why a task waits, for each agent too, or how it goes')
    .argument('<id>', 'of the task', text('id', { min: 1, max: 63 }))
    .action(explain);
}

async function explain(id: string, _options: object, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  await withFleet(shared, async (fleet) => {
    const explanation = await fleet.explain(id);
    printAnswer(shared.isJson, explanation, () => textOf(explanation));
  });
}

function textOf({ id, status, text, agents, agentsLeftOut }: ExplanationView): string {
  const parts = [`task ${id} (${status}) ${text}`];
  if (agents.length > 0)
    parts.push(tableOf(['agent', 'state', 'why not', 'what would change it'], agents.flatMap(rowsOf)));
  if (agentsLeftOut > 0) parts.push(`and ${agentsLeftOut} more agents, farther from taking it`);
  return parts.join('\n\n');
}

function rowsOf({ id, state, obstacles }: ExplanationView['agents'][number]): Cell[][] {
  if (obstacles.length === 0) return [[id, state, 'it can take it', null]];
  return obstacles.map(({ text, remedy }, i) =>
    i === 0 ? [id, state, text, remedy] : [' ', ' ', text, remedy],
  );
}
