import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Nothing of these lasts: many files share a process, and what they import is loaded once. */
const pure = ['test/{unit,machines,simulation,scenarios}/**/*.test.ts', 'test/tidy.test.ts'];
/** Needs the machine for itself: it measures what a process does while another gives it all that it can take. */
const alone = ['test/integration/floods.test.ts'];
/** Takes two minutes by itself: begun last, it would be what all others have ended before. */
const first = 'test/chaos/chaos.test.ts';

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isFirst = ({ moduleId }: TestSpecification): boolean => moduleId.endsWith(first);
    return [...sorted.filter(isFirst), ...sorted.filter((file) => !isFirst(file))];
  }
}

export default defineConfig({
  test: {
    // Processes, not threads: tests start servers, send signals and read exit codes.
    pool: 'forks',
    // One more than most machines have cores here: many tests wait for other processes.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A promise that nobody handles fails the run even if every expectation held.
    dangerouslyIgnoreUnhandledErrors: false,
    sequence: { sequencer: LongestFirst },
    projects: [
      { extends: true, test: { name: 'pure', include: pure, isolate: false } },
      {
        extends: true,
        test: {
          name: 'real',
          include: ['{test,examples}/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...pure, ...alone],
        },
      },
      { extends: true, test: { name: 'alone', include: alone, sequence: { groupOrder: 1 } } },
    ],
  },
});
