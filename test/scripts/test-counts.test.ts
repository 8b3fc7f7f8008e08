import { expect, test } from 'vitest';
import { addCounts, countReport, failureLines, formatCounts } from '../../scripts/test-counts.ts';

function file(status: string, tests: readonly object[], message = '') {
  const assertionResults = tests.map((test) => ({ status, fullName: 'a test', failureMessages: [], ...test }));
  return { name: 'a.test.ts', status, message, assertionResults };
}

function report(more: object) {
  return {
    numPassedTests: 3,
    numFailedTests: 0,
    numPendingTests: 1,
    numTodoTests: 1,
    testResults: [file('passed', [{ status: 'passed' }])],
    ...more,
  };
}

test('counts what the report counts', () => {
  expect(countReport(report({}), 0)).toEqual({ passed: 3, failed: 0, skipped: 2 });
});

test('a file that could not be loaded is a failure, though it holds no failed test', () => {
  const broken = report({ testResults: [file('failed', [])] });
  expect(countReport(broken, 1).failed).toBe(1);
});

test('a failed test is not counted twice for its file', () => {
  const failed = report({
    numFailedTests: 1,
    testResults: [file('failed', [{}])],
  });
  expect(countReport(failed, 1).failed).toBe(1);
});

test.for([1, null])('a run that ends with %s and shows no failure still fails', (exitCode) => {
  expect(countReport(report({}), exitCode).failed).toBe(1);
});

test('the line is what CI reads', () => {
  const sum = addCounts({ passed: 1, failed: 2, skipped: 3 }, { passed: 10, failed: 0, skipped: 0 });
  expect(formatCounts(sum)).toBe('11 passed, 2 failed, 3 skipped');
});

test('each failure is said in one line, with how its reason begins and ends', () => {
  const long = `AssertionError: begin\n${'x'.repeat(1000)}\nexpected 3 to be 0\n    at a.test.ts:1:1`;
  const lines = failureLines(
    report({
      testResults: [
        file('passed', [{}]),
        file('failed', [{ fullName: 'a > b', failureMessages: [long] }, { status: 'passed' }]),
        file('failed', [], 'cannot be loaded'),
      ],
    }),
  );
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/^failed: a > b: AssertionError: begin x+ \[\.\.\.\] x+ expected 3 to be 0$/);
  expect(lines[1]).toBe('failed: a.test.ts: cannot be loaded');
});
