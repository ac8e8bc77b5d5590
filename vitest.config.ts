import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{test,examples}/**/*.test.ts'],
    // Processes, not threads: tests start servers, send signals and read exit codes.
    pool: 'forks',
    // One more than most machines have cores here: many tests wait for other processes.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A promise that nobody handles fails the run even if every expectation held.
    dangerouslyIgnoreUnhandledErrors: false,
  },
});
