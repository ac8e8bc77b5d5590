/**
 * Makes each mutant of test/mutants.ts in a copy of the repository and runs its tests there: they have to fail.
 * A mutant that survives, or no longer fits its file, fails the run. `make mutants` runs all and writes
 * docs/mutants.md; with words (`tsx infra/scripts/mutants.ts 3.4 foreign`) only those that hold all of them.
 */
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { mutants, type Mutant } from '../../test/mutants.ts';

const root = join(import.meta.dirname, '..', '..');
const words = process.argv.slice(2);
const linked = ['node_modules', '.local', 'dist'];
const copied = readdirSync(root).filter((path) => ![...linked, '.git', 'coverage'].includes(path));
/** Seeds that a mutant has to get through unnoticed. */
const SEEDS = '25';
const WITHIN_MS = 240_000;

interface Fate {
  readonly kind: 'noticed' | 'SURVIVED' | 'DOES NOT FIT';
  /** The first test that failed. */
  readonly by: string;
}

interface TestReport {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

const copy = mkdtempSync(join(tmpdir(), 'conclave-mutants-'));
try {
  for (const path of copied) cpSync(join(root, path), join(copy, path), { recursive: true, force: true });
  for (const path of linked.filter((path) => existsSync(join(root, path))))
    symlinkSync(join(root, path), join(copy, path));
  process.exitCode = await runAll();
} finally {
  rmSync(copy, { recursive: true, force: true });
}

async function runAll(): Promise<number> {
  const wanted = mutants.filter((each) =>
    words.every((word) => `${each.rule} ${each.breaks}`.includes(word)),
  );
  // A test that fails anyway notices nothing.
  for (const tests of new Set(wanted.map((each) => each.tests))) {
    const { kind, by } = await run(tests);
    if (kind === 'SURVIVED') continue;
    console.log(`without any mutant ${tests.join(', ')} fails: ${by}`);
    return 1;
  }
  const rows: string[] = [];
  let survivors = 0;
  for (const mutant of wanted) {
    const fate = await fateOf(mutant);
    if (fate.kind !== 'noticed') survivors += 1;
    console.log(`${fate.kind.padEnd(12)} ${mutant.rule.padEnd(12)} ${mutant.breaks} → ${fate.by}`);
    rows.push(`| ${mutant.rule} | ${mutant.breaks} | ${fate.kind === 'noticed' ? fate.by : fate.kind} |`);
  }
  console.log(`${wanted.length - survivors} of ${wanted.length} mutants noticed`);
  if (words.length === 0) writeFileSync(join(root, 'docs', 'mutants.md'), page(rows));
  return survivors === 0 ? 0 : 1;
}

function page(rows: readonly string[]): string {
  return `# Mutants

Rules of the design, each broken on purpose in a copy of the repository, and the first test that noticed. Written by
\`make mutants\` from \`test/mutants.ts\`; a mutant that no test notices fails that command.

| rule (DESIGN §) | the change makes it so that | noticed by |
|---|---|---|
${rows.join('\n')}
`;
}

async function fateOf(mutant: Mutant): Promise<Fate> {
  const file = join(copy, mutant.file);
  const original = readFileSync(file, 'utf8');
  if (original.split(mutant.find).length !== 2) return { kind: 'DOES NOT FIT', by: mutant.file };
  writeFileSync(
    file,
    original.replace(mutant.find, () => mutant.replace),
  );
  try {
    return await run(mutant.tests);
  } finally {
    writeFileSync(file, original);
  }
}

async function run(tests: readonly string[]): Promise<Fate> {
  const report = join(copy, 'report.json');
  rmSync(report, { force: true });
  const vitest = join(copy, 'node_modules', '.bin', 'vitest');
  const flags = ['run', '--bail', '1', '--reporter', 'json', '--outputFile', report];
  const { exitCode, timedOut } = await execa(vitest, [...flags, ...tests], {
    cwd: copy,
    env: { SEEDS, SEED: '' },
    reject: false,
    stdin: 'ignore',
    timeout: WITHIN_MS,
  });
  if (exitCode === 0) return { kind: 'SURVIVED', by: 'nothing' };
  if (timedOut) return { kind: 'noticed', by: `no end within ${WITHIN_MS / 1_000} s` };
  return { kind: 'noticed', by: firstFailure(report) };
}

function firstFailure(report: string): string {
  if (!existsSync(report)) return 'the test run itself';
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as TestReport;
  const failed = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .find(({ status }) => status === 'failed');
  return failed?.fullName.trim() ?? 'a test file that cannot run';
}
