import { stripVTControlCharacters } from 'node:util';

/** How many tests of a run ended in which way. */
export type Counts = { readonly passed: number; readonly failed: number; readonly skipped: number };

export const NO_COUNTS: Counts = { passed: 0, failed: 0, skipped: 0 };

export function addCounts(left: Counts, right: Counts): Counts {
  return {
    passed: left.passed + right.passed,
    failed: left.failed + right.failed,
    skipped: left.skipped + right.skipped,
  };
}

export function formatCounts(counts: Counts): string {
  return `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
}

/** What is read of vitest's JSON report. */
type Report = {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
};

/** Enough of its beginning and end to see why, where a log shows no more than its end. */
const BEGINNING = 600;
const END = 150;

/**
 * A file that failed as a whole (it could not be loaded, or a hook threw) holds no failed test and would count as
 * nothing: it counts as one failure. So does a run that failed for a reason that no test shows, and one that found no
 * tests.
 */
export function countReport(report: Report, exitCode: number | null): Counts {
  const brokenFiles = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const failed = report.numFailedTests + brokenFiles;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** One line a failed test, or a file that failed as a whole: its name, and how its reason begins and ends. */
export function failureLines({ testResults }: Report): string[] {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const tests = assertionResults.filter((test) => test.status === 'failed');
    if (status !== 'failed') return [];
    if (tests.length === 0) return [failureLine(name, message)];
    return tests.map(({ fullName, failureMessages }) => failureLine(fullName, failureMessages[0] ?? ''));
  });
}

function failureLine(name: string, reason: string): string {
  // The stack says nothing that the name does not.
  const said = reason.split(/\n\s+at /)[0] ?? '';
  const flat = stripVTControlCharacters(said).replaceAll(/\s+/g, ' ').trim();
  const short = flat.length <= BEGINNING + END ? flat : `${flat.slice(0, BEGINNING)} [...] ${flat.slice(-END)}`;
  return `failed: ${name}: ${short}`;
}
