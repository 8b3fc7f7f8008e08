import { expect, test } from 'vitest';
import { formatElapsed, roundAbout } from '../../../src/io/reporters/elapsed.ts';

test.each([
  [12_000, null, null, '12 s'],
  [12_000, null, 600_000, '12 s of at most 10 min'],
  [12_300, 35_000, null, '12 s of about 35 s'],
  [12_300, 35_000, 600_000, '12 s of about 35 s'],
  [35_900, 35_000, null, '35 s of about 35 s'],
  [40_000, 35_000, null, '40 s, usually 35 s'],
  [90_000, 35_000, 600_000, '1 min 30 s, usually 35 s, at most 10 min'],
  [0, 252_000, null, '0 s of about 4 min 10 s'],
  [300, 800, null, '0 s'],
  [300, 800, 600_000, '0 s of at most 10 min'],
  [30_000, 800, null, '30 s, usually 1 s'],
])('%i ms of usually %s, at most %s: %s', (elapsedMs, expectedMs, limitMs, said) => {
  expect(formatElapsed(elapsedMs, { expectedMs, limitMs })).toBe(said);
});

test.each([
  [300, 1],
  [19_400, 19],
  [36_400, 35],
  [252_000, 250],
  [1_234_000, 1260],
])('%i ms is about %i s', (durationMs, seconds) => {
  expect(roundAbout(durationMs)).toBe(seconds * 1000);
});
