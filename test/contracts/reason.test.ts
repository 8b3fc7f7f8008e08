import { expect, test } from 'vitest';
import { firstLine, reasonOf } from '#contracts/reason.ts';

test('whatever is thrown has a reason', () => {
  expect(reasonOf(new TypeError('no'))).toBe('no');
  expect(reasonOf('no')).toBe('no');
  expect(reasonOf(undefined)).toBe('undefined');
});

test('one line of it is the first that says something', () => {
  expect(firstLine('\n  Docker is away\nhint: start it\n')).toBe('Docker is away');
  expect(firstLine('')).toBe('');
});
