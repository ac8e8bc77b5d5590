/**
 * Rules broken on purpose. `make mutants` makes each change in a copy of the repository, runs the tests that are
 * said to guard the rule, and fails if they still pass. A rule of DESIGN §3 without a line here is only hoped for.
 */

export interface Mutant {
  /** The rule that the change breaks, as a sentence: "a leader whose append is refused keeps writing". */
  readonly breaks: string;
  readonly file: string;
  /** Must stand exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Test files or folders, as vitest takes them; the narrowest that must notice. */
  readonly tests: readonly string[];
}

export const mutants: readonly Mutant[] = [
  {
    breaks: 'a domain file may import anything',
    file: 'test/support/tidy.ts',
    find: "'src/domain/': [],",
    replace: "'src/domain/': ['src/', 'node:'],",
    tests: ['test/tidy.test.ts'],
  },
];
