import type { AuditEntry } from '#contracts/audit.ts';
import type { StepTime } from '../run/span.ts';

/** Clocks of two machines that are kept right differ by less. */
const SLACK_S = 1;

/**
 * Pure: the shortest step in whose time an entry came to be, or was changed the last time. What is made under another
 * name and put in place later is older than its place by a moment.
 */
export function stepOf({ crtime, ctime }: AuditEntry, steps: readonly StepTime[]): string | null {
  const at = Math.max(crtime, ctime);
  const fitting = steps
    .filter(({ from, to }) => at >= from - SLACK_S && at <= to + SLACK_S)
    .sort((a, b) => a.to - a.from - (b.to - b.from));
  const exact = fitting.find(({ from, to }) => at >= from && at <= to);
  return (exact ?? fitting[0])?.name ?? null;
}
