/** `conclave verify`: reads the whole ledger and checks it. */
import type { Command } from 'commander';
import { ConclaveError } from '../../domain/errors.ts';
import type { HistoryReport } from '../../index.ts';
import { exitCodes } from '../exit-codes.ts';
import { connectOptionsOf } from '../fleet-connection.ts';
import { colors, countsOf, duration, printAnswer, tableOf } from '../output.ts';
import { progressOf } from '../progress.ts';
import { sharedOptionsOf } from '../shared-options.ts';

export function addVerify(program: Command): void {
  program
    .command('verify')
    .description('check the whole ledger: one leader per term, one outcome per task, right tallies')
    .action(verify);
}

async function verify(_options: object, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  const { verifyLedger } = await import('../../sdk/verify.ts');
  const progress = progressOf({ total: 1, isQuiet: shared.isJson });
  let report: HistoryReport;
  try {
    const options = await connectOptionsOf(shared, 'verify');
    report = await verifyLedger({ ...options, onProgress: progress.show });
  } finally {
    progress.end();
  }
  if (report.entries === 0)
    throw new ConclaveError('NOT_FOUND', `fleet ${shared.fleet} has no ledger yet: nobody has led it`);
  if (!report.ok) process.exitCode = exitCodes.failed;
  printAnswer(shared.isJson, report, () => textOf(report));
}

/** Terms shown: the latest. */
const TERMS_SHOWN = 20;

function textOf(report: HistoryReport): string {
  const terms = report.terms.slice(-TERMS_SHOWN).map(({ term, leader, sequence, cause, durationMs, at }) => {
    return [term, leader, sequence, cause, duration(durationMs), new Date(at).toISOString()];
  });
  const hidden = report.terms.length - terms.length;
  const facts = [
    `${report.entries} entries, ${report.terms.length} terms, ${report.doubleOutcomes} double outcomes`,
    `tasks: ${countsOf(report.tasks)}`,
    `proposals: ${countsOf(report.proposals)}`,
  ];
  return [
    ...(terms.length === 0 ? [] : [tableOf(['term', 'leader', 'entry', 'cause', 'took', 'at'], terms)]),
    ...(hidden > 0 ? [`(and ${hidden} earlier terms)`] : []),
    '',
    ...facts,
    ...report.problems.map((problem) => colors.red(`problem: ${problem}`)),
    report.ok ? colors.green('the ledger is ok') : colors.red('the ledger is not ok'),
  ].join('\n');
}
