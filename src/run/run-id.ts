import { randomInt } from 'node:crypto';

const FORM = /^r-(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)-[0-9a-z]{6}$/;

/**
 * `r-20261123191500-k3x9qa`: sorts by start time, fits in a tag value and in an AWS resource name.
 */
export function newRunId(now: Date = new Date()): string {
  const stamp = now.toISOString().replace(/\D/g, '').slice(0, 14);
  const tail = Array.from({ length: 6 }, () => randomInt(36).toString(36)).join('');
  return `r-${stamp}-${tail}`;
}

/** When the run began, by its id; null for what is no run id. */
export function startOf(runId: string): Date | null {
  const [, year, month, day, hour, minute, second] = (FORM.exec(runId) ?? []).map(Number);
  if (year === undefined || month === undefined) return null;
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second));
}
