/**
 * Makes each mutant of test/mutants.ts in a copy of the repository and runs its tests there: they have to fail.
 * A mutant that survives, or no longer fits its file, fails the run. `make mutants`.
 */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { mutants, type Mutant } from '../../test/mutants.ts';

const root = join(import.meta.dirname, '..', '..');
const copied = [
  'actors',
  'src',
  'test',
  'examples',
  'bench',
  'infra',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
];
const linked = ['node_modules', '.local', 'dist'];

const copy = mkdtempSync(join(tmpdir(), 'conclave-mutants-'));
try {
  for (const path of copied.filter((path) => existsSync(join(root, path))))
    cpSync(join(root, path), join(copy, path), { recursive: true, force: true });
  for (const path of linked) symlinkSync(join(root, path), join(copy, path));
  process.exitCode = await runAll();
} finally {
  rmSync(copy, { recursive: true, force: true });
}

async function runAll(): Promise<number> {
  const survivors: string[] = [];
  for (const mutant of mutants) {
    const fate = await fateOf(mutant);
    console.log(`${fate.padEnd(12)} ${mutant.breaks} (${mutant.file})`);
    if (fate !== 'noticed') survivors.push(mutant.breaks);
  }
  console.log(`${mutants.length - survivors.length} of ${mutants.length} mutants noticed`);
  return survivors.length === 0 ? 0 : 1;
}

async function fateOf(mutant: Mutant): Promise<'noticed' | 'SURVIVED' | 'DOES NOT FIT'> {
  const file = join(copy, mutant.file);
  const original = readFileSync(file, 'utf8');
  if (original.split(mutant.find).length !== 2) return 'DOES NOT FIT';
  writeFileSync(
    file,
    original.replace(mutant.find, () => mutant.replace),
  );
  try {
    const vitest = join(copy, 'node_modules', '.bin', 'vitest');
    const { exitCode } = await execa(vitest, ['run', '--bail', '1', ...mutant.tests], {
      cwd: copy,
      reject: false,
      stdin: 'ignore',
    });
    return exitCode === 0 ? 'SURVIVED' : 'noticed';
  } finally {
    writeFileSync(file, original);
  }
}
