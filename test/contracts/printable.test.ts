import { expect, test } from 'vitest';
import { printable } from '#contracts/printable.ts';

test.each([
  ['plain — ünïcode 漢字 😀', 'plain — ünïcode 漢字 😀'],
  ['a\r\nMAINPID=1', 'a  MAINPID=1'],
  ['\u001b[2J\u0000\u007f\u0085\u009b\u2028\u2029', ' [2J      '],
  ['half \ud83d', 'half \ufffd'],
])('%j', (text, expected) => {
  expect(printable(text)).toBe(expected);
});

test('is bounded, and well-formed', () => {
  expect(printable('x'.repeat(10), 4)).toBe('xxx…');
  expect(printable('ab😀😀', 4)).toBe('ab\ufffd…');
});
