import { randomInt } from 'node:crypto';

/**
 * `r-20261123191500-k3x9qa`: sorts by start time, fits in a tag value and in an AWS resource name.
 */
export function newRunId(now: Date = new Date()): string {
  const stamp = now.toISOString().replace(/\D/g, '').slice(0, 14);
  const tail = Array.from({ length: 6 }, () => randomInt(36).toString(36)).join('');
  return `r-${stamp}-${tail}`;
}

/** When a run began, in milliseconds; 0 for what is no run id. */
export function runStartedAt(runId: string): number {
  const [, y, mo, d, h, mi, s] = /^r-(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)-/.exec(runId) ?? [];
  return y === undefined ? 0 : Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s));
}

export const RUN_ID_PATTERN = /^r-\d{14}-[0-9a-z]{6}$/;
