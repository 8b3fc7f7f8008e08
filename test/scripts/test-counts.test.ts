import { expect, test } from 'vitest';
import { addCounts, countReport, formatCounts } from '../../scripts/test-counts.ts';

function report(more: object) {
  return {
    numPassedTests: 3,
    numFailedTests: 0,
    numPendingTests: 1,
    numTodoTests: 1,
    testResults: [{ status: 'passed', assertionResults: [{ status: 'passed' }] }],
    ...more,
  };
}

test('counts what the report counts', () => {
  expect(countReport(report({}), 0)).toEqual({ passed: 3, failed: 0, skipped: 2 });
});

test('a file that could not be loaded is a failure, though it holds no failed test', () => {
  const broken = report({ testResults: [{ status: 'failed', assertionResults: [] }] });
  expect(countReport(broken, 1).failed).toBe(1);
});

test('a failed test is not counted twice for its file', () => {
  const failed = report({
    numFailedTests: 1,
    testResults: [{ status: 'failed', assertionResults: [{ status: 'failed' }] }],
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
