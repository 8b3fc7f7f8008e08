import { randomInt } from 'node:crypto';

/**
 * `r-20261123191500-k3x9qa`: sorts by start time, fits in a tag value and in an AWS resource name.
 */
export function newRunId(now: Date = new Date()): string {
  const stamp = now.toISOString().replace(/\D/g, '').slice(0, 14);
  const tail = Array.from({ length: 6 }, () => randomInt(36).toString(36)).join('');
  return `r-${stamp}-${tail}`;
}

export const RUN_ID_PATTERN = /^r-\d{14}-[0-9a-z]{6}$/;
