/** `conclave doctor`: looks at the broker, the ledger and the fleet, and says of each what is wrong and what to do. */
import type { Command } from 'commander';
import type { Finding, Verdict } from '../doctor/finding.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { connectOptionsOf } from '../fleet-connection.ts';
import { colors, printAnswer } from '../output.ts';
import { sharedOptionsOf } from '../shared-options.ts';
import { milliseconds } from '../values.ts';

interface Options {
  readonly listen: number;
}

const LISTEN_MS = 3_000;

const help = `
A line per check: what was found and, unless it is ok, what to do. Nothing is written.
Exit code 0: nothing is wrong (what nobody could know is "unknown"); 1: an error; 4: warnings only.`;

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('check the NATS server, the ledger and the fleet, and say what to do')
    .option('--listen <ms>', 'how long to listen to heartbeats', milliseconds('listen'), LISTEN_MS)
    .addHelpText('after', help)
    .action(doctor);
}

const exitCodeOf: Readonly<Record<Verdict, ExitCode>> = {
  ok: exitCodes.ok,
  unknown: exitCodes.ok,
  warning: exitCodes.warned,
  error: exitCodes.failed,
};

async function doctor({ listen }: Options, command: Command): Promise<void> {
  const shared = sharedOptionsOf(command);
  const { examine } = await import('../doctor/examine.ts');
  const { worstOf } = await import('../doctor/finding.ts');
  const findings = await examine({ ...(await connectOptionsOf(shared, 'doctor')), listenMs: listen });
  const worst = worstOf(findings);
  process.exitCode = exitCodeOf[worst];
  const document = { fleet: shared.fleet, verdict: worst, findings };
  printAnswer(shared.isJson, document, () => findings.map(lineOf).join('\n'));
}

const WIDTH = Math.max(...['ok', 'unknown', 'warning', 'error'].map((each) => each.length));

function lineOf({ check, verdict, found, advice }: Finding): string {
  const color = { ok: colors.green, unknown: colors.dim, warning: colors.yellow, error: colors.red }[verdict];
  const todo = advice === null ? '' : ` → ${advice}`;
  return `${color(verdict.padEnd(WIDTH))}  ${colors.bold(check)}: ${found}${todo}`;
}
