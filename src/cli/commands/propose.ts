/** `conclave propose`: asks the fleet to decide. */
import type { Command } from 'commander';
import type { Weighting } from '../../domain/events.ts';
import { exitCodes } from '../exit-codes.ts';
import { withFleet } from '../fleet-connection.ts';
import { printAnswer, remark } from '../output.ts';
import { proposalText } from '../proposal-text.ts';
import { sharedOptionsOf } from '../shared-options.ts';
import { decimal, given, json, list, milliseconds, name, oneOf, text } from '../values.ts';

interface Options {
  readonly description?: string;
  readonly data?: unknown;
  readonly quorum?: number;
  readonly timeout?: number;
  readonly weighting?: Weighting;
  readonly voter?: readonly string[];
  readonly proposer?: string;
  readonly wait?: boolean;
}

const weightings = ['equal', 'health', 'priority'] as const;

export function addPropose(program: Command): void {
  program
    .command('propose')
    .description('open a proposal that the fleet votes on')
    .argument('<type>', 'what kind of decision', name('type'))
    .option('--description <text>', 'what it is about', text('description', { max: 4_096 }))
    .option('--data <json>', 'JSON, @file, or - for standard input', json('data'))
    .option(
      '--quorum <share>',
      'share of the electorate that must take part (default: 0.5)',
      decimal('quorum', 'a number above 0, at most 1', (value) => value > 0 && value <= 1),
    )
    .option(
      '--timeout <ms>',
      'decided at the latest after this long (default: 30000)',
      milliseconds('timeout'),
    )
    .option(
      '--weighting <how>',
      `of votes: ${weightings.join(', ')} (default: equal)`,
      oneOf('weighting', weightings),
    )
    .option('--voter <name>', 'may vote beside the agents; may be repeated', list(name('voter')))
    .option('--proposer <name>', 'in whose name (default: client)', name('proposer'))
    .option('--wait', 'wait for the decision, and print it; exit code 1 unless approved')
    .addHelpText(
      'after',
      '\nThe --timeout of every command (how long to go on trying) stands before the word propose here.',
    )
    .action(propose);
}

async function propose(type: string, options: Options, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  const { description, data, quorum, timeout, weighting, voter, proposer, wait = false } = options;
  const input = {
    type,
    ...given({ description, data, quorum, timeoutMs: timeout, weighting, voters: voter, proposer }),
  };
  await withFleet(shared, async (fleet) => {
    const id = await fleet.openProposal(input);
    if (!wait) {
      printAnswer(shared.isJson, { id }, () => id);
      return;
    }
    if (!shared.isJson) remark(`proposal ${id} is open`);
    const result = await fleet.decision(id);
    if (!result.approved) process.exitCode = exitCodes.failed;
    printAnswer(shared.isJson, result, () => proposalText(result.proposal));
  });
}
