import { configDefaults, defineConfig } from 'vitest/config';

/** What needs the machine for itself: it measures what a process does while another gives it all that it can take. */
const alone = ['test/integration/floods.test.ts'];

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
    projects: [
      {
        extends: true,
        test: {
          name: 'tests',
          include: ['{test,examples}/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...alone],
        },
      },
      { extends: true, test: { name: 'alone', include: alone, sequence: { groupOrder: 1 } } },
    ],
  },
});
