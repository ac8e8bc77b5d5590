/** `conclave events`: what the fleet commits, as it happens. At most once: who must not miss anything reads the ledger. */
import type { Command } from 'commander';
import { withFleet } from '../fleet-connection.ts';
import { clipped, colors, printItem, remark } from '../output.ts';
import { sharedOptionsOf } from '../shared-options.ts';
import { badInput } from '../failure.ts';
import { integer } from '../values.ts';

interface Options {
  readonly count?: number;
}

export function addEvents(program: Command): void {
  program
    .command('events')
    .description('follow events until Ctrl-C: task.*, agent.*, proposal.*, ballot.*, leader.*, recovery.*')
    .argument('[kind]', 'like task.completed, task.> or >', kindOf, '>')
    .option('--count <n>', 'end after so many', integer('count', { min: 1 }))
    .action(follow);
}

function kindOf(text: string): string {
  if (!/^(>|([A-Za-z]+|\*)(\.([A-Za-z]+|\*))*(\.>)?)$/.test(text)) {
    throw badInput('kind', 'must be like task.completed, task.> or >');
  }
  return text;
}

async function follow(kind: string, options: Options, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  const { count = Infinity } = options;
  await withFleet(shared, async (fleet) => {
    await new Promise<void>((resolve) => {
      let seen = 0;
      fleet.onEvent(kind, (item, of, where) => {
        if (seen >= count) return;
        seen += 1;
        printItem(shared.isJson, { kind: of, ...where, item }, () => lineOf(of, item, where.at));
        if (seen >= count) resolve();
      });
      if (!shared.isJson) remark(`following ${kind} of fleet ${shared.fleet}; Ctrl-C ends it`);
      process.once('SIGINT', resolve).once('SIGTERM', resolve);
    });
  });
}

function lineOf(kind: string, item: Record<string, unknown>, at: number): string {
  const { id, ...rest } = item;
  const time = new Date(at).toTimeString().slice(0, 8);
  const subject = typeof id === 'string' ? `${id} ` : '';
  return `${colors.dim(time)} ${colors.bold(kind)} ${subject}${clipped(JSON.stringify(rest), 160)}`;
}
