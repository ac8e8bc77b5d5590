/**
 * Takes the line of each row of test/behaviours.ts out of a copy of the repository and runs the row's tests there:
 * every one of them has to fail, and to pass without the change. `make behaviours` runs all and writes
 * docs/behaviours.md; with words (`tsx infra/scripts/behaviours.ts T5`) only the rows that hold all of them.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { behaviours, pageOf } from '../../test/behaviours/all.ts';
import type { Behaviour } from '../../test/behaviours/row.ts';
import { Copy, patternOf, root, type Outcome } from './mutation.ts';

const words = process.argv.slice(2);
const wanted = behaviours.filter(({ id, says }) => words.every((word) => `${id} ${says}`.includes(word)));
const copy = new Copy();
try {
  process.exitCode = (await passUnchanged()) && (await failWithout()) ? 0 : 1;
} finally {
  copy.close();
}

async function passUnchanged(): Promise<boolean> {
  const outcome = await run(wanted);
  const missing = wanted.flatMap(({ tests }) => tests).filter(({ name }) => !isAmong(outcome.passed, name));
  for (const { file, name } of missing) console.log(`does not pass: ${file} › ${name}`);
  return missing.length === 0;
}

async function failWithout(): Promise<boolean> {
  let unnoticed = 0;
  for (const row of wanted) {
    const { file, line, instead = '' } = row;
    const outcome = await copy.changed({ file, find: line, replace: instead }, () => run([row]));
    const fate = outcome === null ? `does not fit ${file}` : judge(row, outcome);
    if (fate !== null) unnoticed += 1;
    console.log(`${row.id.padEnd(4)} ${row.says}: ${fate ?? 'noticed'}`);
  }
  console.log(`${wanted.length - unnoticed} of ${wanted.length} rows hold`);
  if (unnoticed === 0 && words.length === 0)
    writeFileSync(join(root, 'docs', 'behaviours.md'), pageOf(behaviours));
  return unnoticed === 0;
}

function run(rows: readonly Behaviour[]): Promise<Outcome> {
  const tests = rows.flatMap((row) => row.tests);
  const files = [...new Set(tests.map(({ file }) => file))];
  return copy.test({
    files,
    names: [...new Set(tests.map(({ name }) => name))],
  });
}

/** Null: without the line each of its tests fails. A file that cannot even be loaded says nothing of a behaviour. */
function judge({ tests }: Behaviour, { failed, passed, trouble }: Outcome): string | null {
  const silent = tests.filter(({ name }) => !isAmong(failed, name)).map(({ name }) => name);
  if (silent.length === 0) return null;
  const [first = ''] = silent;
  return `${isAmong(passed, first) ? 'still passes' : `did not run (${trouble ?? 'no such test'})`}: ${silent.join('; ')}`;
}

/** Of a test that is run over a table, one is enough. */
function isAmong(fullNames: readonly string[], name: string): boolean {
  const pattern = new RegExp(`${patternOf(name)}$`);
  return fullNames.some((each) => pattern.test(each));
}
