import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { sparingly } from '../../webserver/refusals.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test('a few refusals of a kind are told in a minute, then how many were left out', () => {
  const told: string[] = [];
  const refused = sparingly((who, kind, reason) => told.push(`${who} ${kind} ${reason}`));
  for (let n = 0; n < 12; n += 1) refused('10.0.0.1', 'NONCE', 'used');
  refused('10.0.0.1', 'PROOF', 'wrong');
  expect(told).toEqual([...Array<string>(5).fill('10.0.0.1 NONCE used'), '10.0.0.1 PROOF wrong']);
  told.length = 0;
  vi.advanceTimersByTime(60_000);
  expect(told).toEqual(['others NONCE 7 more in a minute, which were not told one by one']);
  refused('10.0.0.1', 'NONCE', 'again');
  expect(told.at(-1)).toBe('10.0.0.1 NONCE again');
});
