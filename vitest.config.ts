import { defineConfig } from 'vitest/config';

/** Machines boot and images bake in these. */
const MINUTE_MS = 60_000;

export default defineConfig({
  test: {
    reporters: ['default', './test/support/skip-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**'],
          setupFiles: ['./test/support/no-aws.ts'],
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.e2e.test.ts'],
          setupFiles: ['./test/support/no-aws.ts'],
          globalSetup: ['./test/support/e2e-preflight.ts'],
          fileParallelism: false,
          testTimeout: 10 * MINUTE_MS,
          hookTimeout: 5 * MINUTE_MS,
          retry: 0,
        },
      },
    ],
  },
});
