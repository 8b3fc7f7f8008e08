import { expect, test } from 'vitest';
import { timeLimits } from '../../src/run/time-limits.ts';

test('AWS gets at least what the lab gets, in every step', () => {
  const [lab, aws] = [timeLimits('http://127.0.0.1:4599'), timeLimits(null)];
  expect(Object.keys(aws)).toEqual(Object.keys(lab));
  for (const name of Object.keys(lab) as (keyof typeof lab)[]) expect(aws[name]).toBeGreaterThanOrEqual(lab[name]);
});
