/** `conclave proposals` and `conclave proposal`: the list, and one with its ballots. */
import type { Command } from 'commander';
import type { ProposalFilter, ProposalView } from '../../index.ts';
import { proposalStatuses } from '../../wire/states.ts';
import { withFleet } from '../fleet-connection.ts';
import { ago, clipped, countsOf, onward, printAnswer, tableOf, type Cell } from '../output.ts';
import { proposalText, votes } from '../proposal-text.ts';
import { sharedOptionsOf } from '../shared-options.ts';
import { given, integer, oneOf, text } from '../values.ts';

interface Options extends ProposalFilter {
  readonly newest?: true;
}

export function addProposals(program: Command): void {
  program
    .command('proposals')
    .description('list proposals')
    .option('--status <status>', `one of ${proposalStatuses.join(', ')}`, oneOf('status', proposalStatuses))
    .option('--newest', 'the newest first, not the oldest')
    .option('--cursor <cursor>', 'go on from a page before', text('cursor', { min: 1, max: 64 }))
    .option('--skip <n>', 'leave out the first ones', integer('skip', { min: 0 }))
    .option('--limit <n>', 'at most so many (default: 50)', integer('limit', { min: 1, max: 500 }))
    .action(list);
}

export function addProposal(program: Command): void {
  program
    .command('proposal')
    .description('show a proposal with its ballots')
    .argument('<id>', 'of the proposal', text('id', { min: 1, max: 63 }))
    .action(show);
}

async function list(options: Options, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  await withFleet(shared, async (fleet) => {
    const { status, newest, cursor, skip, limit } = options;
    const order = newest === true ? ('newest' as const) : undefined;
    const page = await fleet.proposals(given({ status, order, cursor, skip, limit }));
    const titles = [
      'id',
      'type',
      'status',
      'approve',
      'reject',
      'abstain',
      'not voted',
      'opened',
      'description',
    ];
    printAnswer(shared.isJson, page, () => {
      const shown = `${page.proposals.length} of ${page.total} shown`;
      const footer = `${shown}; all proposals: ${countsOf(page.byStatus)}${onward(page.next)}`;
      return page.proposals.length === 0
        ? footer
        : `${tableOf(titles, page.proposals.map(rowOf))}\n\n${footer}`;
    });
  });
}

function rowOf({ id, type, status, tally, openedAt, description }: ProposalView): Cell[] {
  const { approve, reject, abstain, notVoted } = tally;
  const weights = [approve, reject, abstain, notVoted].map(({ weight }) => votes(weight));
  return [id, type, status, ...weights, ago(openedAt), clipped(description, 40)];
}

async function show(id: string, _options: object, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  await withFleet(shared, async (fleet) => {
    const proposal = await fleet.proposal(id);
    printAnswer(shared.isJson, proposal, () => proposalText(proposal));
  });
}
