import type { Check } from '#contracts/check.ts';

/** The line by which people see a check: as it is made, and in `image show`. */
export function checkLine(check: Check): string {
  if (check.verdict === 'correct') return `ok    ${check.id}: ${check.actual}`;
  if (check.verdict === 'skipped') return `skip  ${check.id}: ${check.reason ?? 'no reason given'}`;
  const why = check.reason === undefined ? '' : ` (${check.reason})`;
  return `FAIL  ${check.id}: expected ${check.expected}, found ${check.actual}${why}`;
}
