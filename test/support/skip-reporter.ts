import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** Says which tests did not run and why, so that a skipped one is never taken for a passed one. */
export default class SkipReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) console.log(`skipped: ${test.fullName}: ${reason(test)}`);
    }
  }
}

function reason(test: TestCase): string {
  const result = test.result();
  const note = result.state === 'skipped' ? result.note : undefined;
  return note ?? (test.options.mode === 'todo' ? 'to be written' : 'no reason given');
}
