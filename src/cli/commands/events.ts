/** `conclave events`: what the fleet commits, as it happens. At most once: who must not miss anything reads the ledger. */
import type { Command } from 'commander';
import { invalidField } from '../../domain/errors.ts';
import { withFleet } from '../fleet-connection.ts';
import { isWanted, subjectOf, type EventFilter } from '../event-filter.ts';
import { clipped, colors, printItem, remark } from '../output.ts';
import { sharedOptionsOf } from '../shared-options.ts';
import { integer, list, name } from '../values.ts';

interface Options {
  readonly type?: readonly string[];
  readonly agent?: readonly string[];
  readonly count?: number;
}

const help = `
From now on, and at most once. What was before: conclave replay --entries; who must miss nothing goes on from an event's
id on the event stream of \`conclave serve\`.`;

export function addEvents(program: Command): void {
  program
    .command('events')
    .description('follow events until Ctrl-C: task.*, agent.*, proposal.*, ballot.*, leader.*, recovery.*')
    .argument('[kinds...]', 'like task.completed, task.* or > (default: all)', list(kindOf))
    .option('--type <type>', 'of tasks of this type alone; may be repeated', list(name('type')))
    .option('--agent <id>', 'what is about this agent or voter; may be repeated', list(name('agent')))
    .option('--count <n>', 'end after so many', integer('count', { min: 1 }))
    .addHelpText('after', help)
    .action(follow);
}

function kindOf(text: string): string {
  if (!/^(>|([A-Za-z]+|\*)(\.([A-Za-z]+|\*))*(\.>)?)$/.test(text)) {
    throw invalidField('kind', 'must be like task.completed, task.> or >');
  }
  return text;
}

async function follow(
  kinds: readonly string[],
  { count = Infinity, type = [], agent = [] }: Options,
  command: Command,
): Promise<void> {
  const shared = sharedOptionsOf(command);
  const filter: EventFilter = { kinds: kinds.length === 0 ? ['>'] : kinds, types: type, agents: agent };
  await withFleet(shared, async (fleet) => {
    await new Promise<void>((resolve) => {
      let seen = 0;
      fleet.onEvent(subjectOf(filter), (item, of, where) => {
        if (seen >= count || !isWanted(of, item, filter)) return;
        seen += 1;
        printItem(shared.isJson, { kind: of, ...where, item }, () => lineOf(of, item, where.at));
        if (seen >= count) resolve();
      });
      const what = filter.kinds.join(', ');
      if (!shared.isJson) remark(`following ${what} of fleet ${shared.fleet}; Ctrl-C ends it`);
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
