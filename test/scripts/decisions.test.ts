import { expect, test } from 'vitest';
import { type DecisionRecord, decisionTable, parseDecision } from '../../scripts/generate/decisions.ts';

const HEAD = '# 0001 The plan is a file';

function record(number: string, status: string): DecisionRecord {
  return parseDecision(`${number}-x.md`, `# ${number} Title\n\nDate: 2026-11-23. Status: ${status}.\n\nWhy.\n`);
}

test('a record is its number, title, date and status', () => {
  expect(parseDecision('0001-a.md', `${HEAD}\n\nDate: 2026-11-23. Status: amended by 0109, 0122.\n\nWhy.\n`)).toEqual({
    file: '0001-a.md',
    number: '0001',
    title: 'The plan is a file',
    date: '2026-11-23',
    status: 'amended by 0109, 0122',
  });
});

test.each([
  ['no line', `${HEAD}\n\nWhy.\n`, 'the third line should be'],
  ['a line that is not in its place', `${HEAD}\nDate: 2026-11-23. Status: accepted.\n`, 'the third line should be'],
  ['no title', 'Date: 2026-11-23. Status: accepted.\n', 'the first line should be'],
  ['another number than its file', '# 0002 B\n\nDate: 2026-11-23. Status: accepted.\n', 'the first line should be'],
  ['an unknown status', `${HEAD}\n\nDate: 2026-11-23. Status: proposed.\n`, 'the status "proposed" is not known'],
])('a record with %s is refused by name', (_, text, reason) => {
  expect(() => parseDecision('0001-a.md', text)).toThrow(`docs/decisions/0001-a.md: ${reason}`);
});

test('the index links each record, and the one that came after it', () => {
  const table = decisionTable([record('0001', 'superseded by 0002'), record('0002', 'accepted')]);
  expect(table).toContain('| [0001](0001-x.md) | Title | superseded by [0002](0002-x.md) | 2026-11-23 |');
});

test('a status that names no record, and a number that is taken, are refused', () => {
  expect(() => decisionTable([record('0001', 'amended by 0009')])).toThrow('0001-x.md: there is no record 0009');
  expect(() => decisionTable([record('0001', 'accepted'), record('0001', 'accepted')])).toThrow('the same number');
});
