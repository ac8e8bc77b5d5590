/**
 * A copy of the repository in which single lines are changed and tests are run: what `mutants.ts` and
 * `behaviours.ts` share. A changed file is compiled anew, for the tests whose processes run what is in `dist`.
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
import ts from 'typescript';

export const root = join(import.meta.dirname, '..', '..');

/** One change of one file. `find` must stand exactly once in it. */
export interface Change {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Outcome {
  /** Full names of the tests. */
  readonly failed: readonly string[];
  readonly passed: readonly string[];
  /** Not one test failed, and the run ended well. */
  readonly isGreen: boolean;
  /** Why the run ended without the word of a test; null: it did not. */
  readonly trouble: string | null;
  /** It was ended, since it would not end. */
  readonly hasTimedOut: boolean;
}

interface TestReport {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

export interface RunOptions {
  /** Test files or folders, as vitest takes them. */
  readonly files: readonly string[];
  /** Only tests whose names contain one of these. */
  readonly names?: readonly string[];
  readonly isFirstFailureEnough?: boolean;
}

const linked = ['node_modules', '.local'];
const WITHIN_MS = 240_000;
const compilerOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  rewriteRelativeImportExtensions: true,
};

export class Copy {
  readonly #folder = mkdtempSync(join(tmpdir(), 'conclave-mutants-'));

  constructor() {
    const apart = [...linked, '.git', 'coverage'];
    for (const path of readdirSync(root).filter((each) => !apart.includes(each)))
      cpSync(join(root, path), join(this.#folder, path), { recursive: true, force: true });
    for (const path of linked.filter((each) => existsSync(join(root, each))))
      symlinkSync(join(root, path), join(this.#folder, path));
  }

  /** Runs with the change made; null when it does not fit its file. */
  async changed<T>({ file, find, replace }: Change, run: () => Promise<T>): Promise<T | null> {
    const original = readFileSync(join(this.#folder, file), 'utf8');
    if (original.split(find).length !== 2) return null;
    this.#write(
      file,
      original.replace(find, () => replace),
    );
    try {
      return await run();
    } finally {
      this.#write(file, original);
    }
  }

  async test({ files, names = [], isFirstFailureEnough = false }: RunOptions): Promise<Outcome> {
    const report = join(this.#folder, 'report.json');
    rmSync(report, { force: true });
    const vitest = join(this.#folder, 'node_modules', '.bin', 'vitest');
    const flags = ['run', '--reporter', 'json', '--outputFile', report];
    if (isFirstFailureEnough) flags.push('--bail', '1');
    if (names.length > 0) flags.push('--testNamePattern', names.map(patternOf).join('|'));
    const { exitCode, timedOut } = await execa(vitest, [...flags, ...files], {
      cwd: this.#folder,
      reject: false,
      stdin: 'ignore',
      timeout: WITHIN_MS,
    });
    const results = existsSync(report) ? resultsIn(report) : { failed: [], passed: [] };
    return {
      ...results,
      isGreen: exitCode === 0,
      hasTimedOut: timedOut,
      trouble: timedOut ? `no end within ${WITHIN_MS / 1_000} s` : troubleOf(exitCode, results.failed),
    };
  }

  #write(file: string, text: string): void {
    writeFileSync(join(this.#folder, file), text);
    const compiled = join(this.#folder, 'dist', file.replace(/\.ts$/, '.js'));
    if (existsSync(compiled))
      writeFileSync(compiled, ts.transpileModule(text, { compilerOptions }).outputText);
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function troubleOf(exitCode: number | undefined, failed: readonly string[]): string | null {
  return exitCode === 0 || failed.length > 0 ? null : 'a test file that cannot run';
}

function resultsIn(report: string): Pick<Outcome, 'failed' | 'passed'> {
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as TestReport;
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const named = (status: string): string[] =>
    tests.filter((each) => each.status === status).map(({ fullName }) => fullName.trim());
  return { failed: named('failed'), passed: named('passed') };
}

/** As a regular expression; what a table puts into a name (`%s`) is anything. */
export function patternOf(name: string): string {
  return name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/%[sdij]/g, '.*');
}
