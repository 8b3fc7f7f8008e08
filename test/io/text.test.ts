import { expect, test } from 'vitest';
import { oneLine, resultWidth, shorten, textWidth, wrapText } from '../../src/io/text.ts';

test('width counts cells: none for colours and marks, two for wide characters', () => {
  const texts = ['abc', '\u001b[31mabc\u001b[0m', 'é', 'e\u0301', '日本', '✔ a…'];
  expect(texts.map(textWidth)).toEqual([3, 3, 1, 1, 4, 4]);
});

test('shortening says that something is left out', () => {
  expect(shorten('abcdef', 6)).toBe('abcdef');
  expect(shorten('abcdefg', 6)).toBe('abcde…');
  expect(shorten('日本語', 5)).toBe('日本…');
});

test('wrapping breaks at blanks, keeps the blanks in front, and cuts no word', () => {
  expect(wrapText('  one two three four', 10, '    ')).toEqual(['  one two', '    three', '    four']);
  expect(wrapText('see /a/path/that/is/long there', 10)).toEqual(['see', '/a/path/that/is/long', 'there']);
  expect(wrapText('/a/path/that/is/long', 10)).toEqual(['/a/path/that/is/long']);
});

test('one line is what a terminal only shows', () => {
  expect(oneLine('\u001b[1mGet:1\u001b[0m\tx\ny\u0007 ')).toBe('Get:1 x y');
});

test('only a terminal has a width', () => {
  expect(resultWidth({ isTTY: true, columns: 60 })).toBe(60);
  expect(resultWidth({ isTTY: false, columns: 60 })).toBe(Number.POSITIVE_INFINITY);
});
