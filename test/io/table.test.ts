import { expect, test } from 'vitest';
import { tableLines } from '../../src/io/table.ts';

const HEAD = ['', 'prerequisite', 'needed'];
const ROWS = [
  ['ok', 'Packer', '1.12.0 or newer'],
  ['-', 'package nftables', "the lab's security groups"],
];

test('columns as wide as what is in them, when there is room', () => {
  const lines = [
    '    prerequisite      needed',
    'ok  Packer            1.12.0 or newer',
    "-   package nftables  the lab's security groups",
  ];
  expect(tableLines(HEAD, ROWS, 80)).toEqual(lines);
  expect(tableLines(HEAD, ROWS, Number.POSITIVE_INFINITY)).toEqual(lines);
});

test('the widest column gives way, and its cells wrap at blanks', () => {
  expect(tableLines(HEAD, ROWS, 36)).toEqual([
    '    prerequisite     needed',
    'ok  Packer           1.12.0 or newer',
    "-   package          the lab's",
    '    nftables         security groups',
  ]);
});

test('where columns do not fit, each row is a list', () => {
  expect(tableLines(HEAD, ROWS, 24)).toEqual([
    'ok  Packer',
    '  needed: 1.12.0 or',
    '    newer',
    '-  package nftables',
    "  needed: the lab's",
    '    security groups',
  ]);
});

test('no rows, no lines but the head', () => {
  expect(tableLines(['a', 'b'], [], 80)).toEqual(['a  b']);
});
