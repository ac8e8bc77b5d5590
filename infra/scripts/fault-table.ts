/**
 * Runs exactly the tests that test/chaos/table.ts names, the long ones too, and says of each fault whether it is held.
 * `make fault-table` runs all and writes docs/fault-table.md; with numbers (`tsx infra/scripts/fault-table.ts 3 9`) only
 * those faults.
 */
import { execa } from 'execa';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from '../../test/behaviours/row.ts';
import type { Fault, Part } from '../../test/chaos/faults/fault.ts';
import { faults, pageOf, type Verdict } from '../../test/chaos/table.ts';
import { patternOf, root } from './mutation.ts';

interface Result {
  readonly file: string;
  readonly fullName: string;
  readonly status: string;
}

const numbers = process.argv.slice(2).map(Number);
const wanted = faults.filter(({ number }) => numbers.length === 0 || numbers.includes(number));
const results = await run(wanted.flatMap(({ parts }) => parts.flatMap(testsOf)));
const verdicts = wanted.map(tell);
console.log(
  `${verdicts.filter((verdict) => verdict === 'held').length} of ${verdicts.length} faults are held`,
);
if (numbers.length === 0) await writePage();
process.exitCode = verdicts.includes('FAILED') ? 1 : 0;

async function writePage(): Promise<void> {
  const page = join(root, 'docs', 'fault-table.md');
  writeFileSync(page, pageOf(faults, judge));
  await execa(join(root, 'node_modules', '.bin', 'prettier'), ['--write', page]);
}

/** Each file once, with what it says itself on the terminal. */
async function run(tests: readonly Test[]): Promise<readonly Result[]> {
  const folder = mkdtempSync(join(tmpdir(), 'conclave-faults-'));
  const report = join(folder, 'report.json');
  const files = [...new Set(tests.map(({ file }) => file))];
  const names = [...new Set(tests.map(({ name }) => name))].map((name) => `${patternOf(name)}$`);
  const flags = ['run', '--reporter', 'default', '--reporter', 'json', '--outputFile.json', report];
  await execa(
    join(root, 'node_modules', '.bin', 'vitest'),
    [...flags, '--testNamePattern', names.join('|'), ...files],
    {
      cwd: root,
      env: { FAULTS: 'all' },
      reject: false,
      stdin: 'ignore',
      stdout: 'inherit',
      stderr: 'inherit',
    },
  );
  const found = resultsIn(report);
  rmSync(folder, { recursive: true });
  return found;
}

function resultsIn(report: string): readonly Result[] {
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as {
    readonly testResults: readonly {
      readonly name: string;
      readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
    }[];
  };
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map((each) => ({ ...each, file: name })),
  );
}

function tell({ number, fault, parts }: Fault): Verdict {
  const told = parts.map((part) => ({ part, verdict: judge(part) }));
  const verdict = told.some((each) => each.verdict === 'FAILED')
    ? 'FAILED'
    : told.some((each) => each.verdict === 'held')
      ? 'held'
      : 'not here';
  console.log(`${String(number).padStart(2)} ${verdict.padEnd(8)} ${fault}`);
  for (const each of told) console.log(`     ${each.verdict.padEnd(8)} ${each.part.when}${why(each.part)}`);
  return verdict;
}

function why(part: Part): string {
  return 'notHere' in part ? `: ${part.notHere}` : '';
}

function testsOf(part: Part): readonly Test[] {
  return 'tests' in part ? part.tests : [];
}

/** Every one of its tests has run and passed; one that this machine has to skip holds nothing here. */
function judge(part: Part): Verdict {
  const fates = testsOf(part).map(fateOf);
  if (fates.includes('FAILED')) return 'FAILED';
  return fates.length === 0 || fates.includes('not here') ? 'not here' : 'held';
}

/** Of a test that is run over a table, all have to pass. */
function fateOf({ file, name }: Test): Verdict {
  const pattern = new RegExp(`${patternOf(name)}$`);
  const found = results.filter((each) => each.file.endsWith(file) && pattern.test(each.fullName));
  if (found.length === 0 || found.some(({ status }) => status === 'failed')) return 'FAILED';
  return found.every(({ status }) => status === 'passed') ? 'held' : 'not here';
}
