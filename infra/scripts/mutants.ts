/**
 * Makes each mutant of test/mutants.ts in a copy of the repository and runs its tests there: they have to fail.
 * A mutant that survives, or no longer fits its file, fails the run. `make mutants` runs all and writes
 * docs/mutants.md; with words (`tsx infra/scripts/mutants.ts 3.4 foreign`) only those that hold all of them.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mutants, type Mutant } from '../../test/mutants.ts';
import { Copy, root, type Outcome } from './mutation.ts';

const words = process.argv.slice(2);
/** Seeds that a mutant has to get through unnoticed. */
const env = { SEEDS: '25', SEED: '' };

interface Fate {
  readonly kind: 'noticed' | 'SURVIVED' | 'DOES NOT FIT';
  /** The first test that failed. */
  readonly by: string;
}

const copy = new Copy();
try {
  process.exitCode = await runAll();
} finally {
  copy.close();
}

async function runAll(): Promise<number> {
  const wanted = mutants.filter((each) =>
    words.every((word) => `${each.rule} ${each.breaks}`.includes(word)),
  );
  // A test that fails anyway notices nothing.
  for (const files of new Set(wanted.map((each) => each.tests))) {
    const outcome = await copy.test({ files, env, isFirstFailureEnough: true });
    if (outcome.isGreen) continue;
    console.log(`without any mutant ${files.join(', ')} fails: ${fateOf(outcome).by}`);
    return 1;
  }
  const rows: string[] = [];
  let survivors = 0;
  for (const mutant of wanted) {
    const fate = await run(mutant);
    if (fate.kind !== 'noticed') survivors += 1;
    console.log(`${fate.kind.padEnd(12)} ${mutant.rule.padEnd(12)} ${mutant.breaks} → ${fate.by}`);
    rows.push(`| ${mutant.rule} | ${mutant.breaks} | ${fate.kind === 'noticed' ? fate.by : fate.kind} |`);
  }
  console.log(`${wanted.length - survivors} of ${wanted.length} mutants noticed`);
  if (words.length === 0) writeFileSync(join(root, 'docs', 'mutants.md'), page(rows));
  return survivors === 0 ? 0 : 1;
}

async function run(mutant: Mutant): Promise<Fate> {
  const outcome = await copy.changed(mutant, () =>
    copy.test({ files: mutant.tests, env, isFirstFailureEnough: true }),
  );
  return outcome === null ? { kind: 'DOES NOT FIT', by: mutant.file } : fateOf(outcome);
}

function fateOf({ isGreen, failed, trouble }: Outcome): Fate {
  if (isGreen) return { kind: 'SURVIVED', by: 'nothing' };
  return { kind: 'noticed', by: failed[0] ?? trouble ?? 'the test run itself' };
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
