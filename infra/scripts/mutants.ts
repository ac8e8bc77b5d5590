/**
 * Makes each mutant of test/mutants/ in a copy of the repository and runs its tests there: they have to fail.
 * A mutant that survives, or no longer fits its file, fails the run. `make mutants` runs all and writes
 * docs/mutants.md; with words (`tsx infra/scripts/mutants.ts 3.4 foreign`) only those that hold all of them.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mutants, pageOf } from '../../test/mutants/all.ts';
import type { Mutant, Tests } from '../../test/mutants/mutant.ts';
import { Copy, root, type Outcome } from './mutation.ts';

/** Copies in which tests run at the same time. */
const COPIES = 2;
const words = process.argv.slice(2);

interface Fate {
  readonly kind: 'noticed' | 'SURVIVED' | 'DOES NOT FIT' | 'DOES NOT RUN';
  /** The first test that failed. */
  readonly by: string;
}

const copies = Array.from({ length: COPIES }, () => new Copy());
try {
  process.exitCode = await runAll();
} finally {
  for (const copy of copies) copy.close();
}

async function runAll(): Promise<number> {
  const wanted = mutants.filter((each) =>
    words.every((word) => `${each.rule} ${each.breaks}`.includes(word)),
  );
  // A test that fails anyway notices nothing.
  const unchanged = await inCopies(groupsOf(wanted), (copy, { files, names }) =>
    copy.test({ files, names, isFirstFailureEnough: true }),
  );
  const broken = unchanged.filter(({ isGreen }) => !isGreen);
  for (const outcome of broken)
    console.log(`fails without any mutant: ${outcome.failed[0] ?? outcome.trouble ?? ''}`);
  if (broken.length > 0) return 1;
  const fates = await inCopies(wanted, async (copy, mutant) => {
    const fate = await run(copy, mutant);
    console.log(`${fate.kind.padEnd(12)} ${mutant.rule.padEnd(14)} ${mutant.breaks} → ${fate.by}`);
    return fate;
  });
  const noticed = fates.filter(({ kind }) => kind === 'noticed').length;
  console.log(`${noticed} of ${wanted.length} mutants noticed`);
  if (noticed < wanted.length) return 1;
  if (words.length === 0)
    writeFileSync(join(root, 'docs', 'mutants.md'), pageOf(fates.map(({ by }) => cell(by))));
  return 0;
}

/** Those without names run whole files; all that have names run at once, each by its name. */
function groupsOf(wanted: readonly Mutant[]): Tests[] {
  const whole = wanted.filter(({ tests }) => tests.names.length === 0);
  const named = wanted.filter(({ tests }) => tests.names.length > 0);
  return [whole, named]
    .filter((group) => group.length > 0)
    .map((group) => ({
      files: [...new Set(group.flatMap(({ tests }) => tests.files))],
      names: [...new Set(group.flatMap(({ tests }) => tests.names))],
    }));
}

/** One after the other in each copy; results in the order of the items. */
async function inCopies<T, R>(items: readonly T[], work: (copy: Copy, item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = [...items.entries()];
  await Promise.all(
    copies.map(async (copy) => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift())
        results[next[0]] = await work(copy, next[1]);
    }),
  );
  return results;
}

async function run(copy: Copy, mutant: Mutant): Promise<Fate> {
  const outcome = await copy.changed(mutant, () =>
    copy.test({ ...mutant.tests, isFirstFailureEnough: true }),
  );
  return outcome === null ? { kind: 'DOES NOT FIT', by: mutant.file } : fateOf(outcome);
}

/** A file that cannot even be loaded says nothing of a rule; a run that does not end does. */
function fateOf({ isGreen, failed, trouble, hasTimedOut }: Outcome): Fate {
  if (isGreen) return { kind: 'SURVIVED', by: 'nothing' };
  const [first] = failed;
  if (first !== undefined) return { kind: 'noticed', by: first };
  return { kind: hasTimedOut ? 'noticed' : 'DOES NOT RUN', by: trouble ?? 'the test run itself' };
}

/** In a table. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
