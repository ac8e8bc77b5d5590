/** What a mutant is, and short words for the tests that many of them name. */

export interface Mutant {
  /** Where the rule stands: a section of the design and, in its ledger, a number: `3.4`, `4, replies`. */
  readonly rule: string;
  /** Numbers of the rules in `rules.ts` that it breaks as well. */
  readonly breaksAlso?: readonly number[];
  /** What the change makes the program do, as a sentence: "a leader whose append is refused keeps writing". */
  readonly breaks: string;
  readonly file: string;
  /** Must stand exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** The narrowest that must notice. */
  readonly tests: Tests;
}

export interface Tests {
  /** Files, as vitest takes them. */
  readonly files: readonly string[];
  /** Titles as they stand in the files; none: all of them. */
  readonly names: readonly string[];
}

export function of(file: string, ...names: readonly string[]): Tests {
  return { files: [`test/${file}.test.ts`], names };
}

/** Behaviours of whole simulated fleets. */
export function fleet(...names: readonly string[]): Tests {
  return of('simulation/fleet', ...names);
}

/** Random fleets under random faults. */
export const seeds = of('simulation/seeds');

/** The options of something that measures time: the same, with the wall clock in place of the monotonic one. */
export const onTheWallClock = `{
      ...options,
      clock: {
        now: () => options.clock.wallNow(),
        wallNow: () => options.clock.wallNow(),
        setTimeout: (run, ms) => options.clock.setTimeout(run, ms),
        clearTimeout: (timer) => options.clock.clearTimeout(timer),
      },
    }`;
