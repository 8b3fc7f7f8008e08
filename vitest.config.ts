import { availableParallelism } from 'node:os';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import LongestFirst from './test/support/longest-first.ts';

const MINUTE_MS = 60_000;
/** Labs that are up at a time: each file has one of its own, and two of them keep two processors busy. */
const LABS = 2;

/**
 * The main job for both profiles runs each time; the rest has unit tests, and runs end to end with `make test-all`
 * (docs/decisions/0209).
 */
const EACH_TIME = ['ami', 'reference-profile'].map((name) => `test/e2e/${name}.e2e.test.ts`);

const EMULATED = ['test/e2e/qemu.e2e.test.ts'];

function endToEnd(own: NonNullable<TestProjectInlineConfiguration['test']>): TestProjectInlineConfiguration {
  return {
    test: {
      setupFiles: ['./test/support/no-aws.ts', './test/support/lab-network.ts'],
      globalSetup: ['./test/support/e2e-preflight.ts'],
      // Machines boot and images bake in these, of several files and tests at once, on two processors maybe.
      testTimeout: 20 * MINUTE_MS,
      hookTimeout: 20 * MINUTE_MS,
      retry: 0,
      ...own,
    },
  };
}

export default defineConfig({
  test: {
    globalSetup: ['./test/support/own-temp-folder.ts'],
    sequence: { sequencer: LongestFirst },
    reporters: ['default', './test/support/skip-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**'],
          setupFiles: ['./test/support/no-aws.ts', './test/support/as-found.ts'],
          // Half of the time went into loading the same modules for each file anew.
          isolate: false,
          // Many of them wait: one process more than processors keeps these busy.
          maxWorkers: availableParallelism() + 1,
          // Far more than any of them takes: what a busy machine does to the clock is no failure.
          testTimeout: 2 * MINUTE_MS,
          hookTimeout: 2 * MINUTE_MS,
          expect: { poll: { timeout: MINUTE_MS / 2 } },
        },
      },
      endToEnd({ name: 'e2e', include: EACH_TIME, maxWorkers: LABS, sequence: { groupOrder: 1 } }),
      endToEnd({
        name: 'long',
        include: ['test/e2e/**/*.e2e.test.ts'],
        exclude: [...EACH_TIME, ...EMULATED],
        maxWorkers: LABS,
        sequence: { groupOrder: 2 },
      }),
      // Alone: where there is no KVM it takes all processors for minutes, and others have clocks to keep to.
      endToEnd({ name: 'emulated', include: EMULATED, maxWorkers: 1, sequence: { groupOrder: 3 } }),
    ],
  },
});
