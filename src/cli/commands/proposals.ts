/** `conclave proposals` and `conclave proposal`: the list, and one with its ballots. */
import type { Command } from 'commander';
import type { ProposalView } from '../../index.ts';
import { withFleet } from '../fleet-connection.ts';
import { ago, clipped, countsOf, printAnswer, tableOf, type Cell } from '../output.ts';
import { proposalText, votes } from '../proposal-text.ts';
import { sharedOptionsOf } from '../shared-options.ts';
import { given, integer, oneOf, text } from '../values.ts';

const statuses = ['open', 'approved', 'rejected', 'expired'] as const;

interface Options {
  readonly status?: string;
  readonly skip?: number;
  readonly limit?: number;
}

export function addProposals(program: Command): void {
  program
    .command('proposals')
    .description('list proposals')
    .option('--status <status>', `one of ${statuses.join(', ')}`, oneOf('status', statuses))
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
    const { status, skip, limit } = options;
    const page = await fleet.proposals(given({ status, skip, limit }));
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
      const footer = `${page.proposals.length} of ${page.total} shown; all proposals: ${countsOf(page.byStatus)}`;
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
