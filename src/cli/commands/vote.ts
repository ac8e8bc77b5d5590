/** `conclave vote`: the ballot of a person or another program that the proposal names as a voter. */
import type { Command } from 'commander';
import type { Decision } from '../../domain/events.ts';
import { withFleet } from '../fleet-connection.ts';
import { printAnswer } from '../output.ts';
import { sharedOptionsOf } from '../shared-options.ts';
import { given, name, oneOf, text } from '../values.ts';

const decisions = ['approve', 'reject', 'abstain'] as const;

interface Options {
  readonly as: string;
  readonly reason?: string;
}

export function addVote(program: Command): void {
  program
    .command('vote')
    .description('vote on a proposal that names you with --voter')
    .argument('<proposal>', 'id of the proposal', text('proposal', { min: 1, max: 63 }))
    .argument('<decision>', decisions.join(', '), oneOf('decision', decisions))
    .requiredOption('--as <name>', 'the voter', name('as'))
    .option('--reason <text>', 'kept with the ballot', text('reason', { max: 1_024 }))
    .action(vote);
}

async function vote(proposal: string, decision: Decision, options: Options, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  const { as: voter, reason } = options;
  await withFleet(shared, async (fleet) => {
    await fleet.vote({ proposal, voter, decision, ...given({ reason }) });
    printAnswer(
      shared.isJson,
      { proposal, voter, decision },
      () => `${voter} votes ${decision} on ${proposal}`,
    );
  });
}
