import { layOutTable } from '../io/table.ts';
import { wrapText } from '../io/text.ts';
import type { DoctorItem } from './doctor-item.ts';

const MARKS = { ok: 'ok', missing: 'MISSING', optional: '-' } as const;
const HEAD = ['', 'prerequisite', 'found', 'needed'] as const;

function fixLines({ fix, neededFor }: DoctorItem, indent: string, width: number): string[] {
  if (fix === '') return [];
  return wrapText(`${indent}fix${neededFor === 'AWS' ? ' (only for AWS)' : ''}: ${fix}`, width, `${indent}  `);
}

/**
 * The table for people: one row an item, and under an item that is not there its fix. The last line says whether work
 * can begin.
 */
export function doctorLines(items: readonly DoctorItem[], width: number): string[] {
  const cells = items.map((each) => [MARKS[each.status], each.name, each.found, each.needed]);
  const indent = ' '.repeat(2 + Math.max(...items.map(({ status }) => MARKS[status].length)));
  const { head, rows } = layOutTable(HEAD, cells, width);
  const body = items.flatMap((each, at) => [...(rows[at] ?? []), ...fixLines(each, indent, width)]);
  return [...head, ...body, '', ...wrapText(lastLine(items), width, '  ')];
}

function lastLine(items: readonly DoctorItem[]): string {
  const missing = items.filter((each) => each.status === 'missing').length;
  const optional = items.filter((each) => each.status === 'optional').length;
  const aws = optional === 0 ? '' : `; ${optional} more would be needed on AWS`;
  return missing === 0 ? `everything for the lab is here${aws}` : `${missing} missing${aws}`;
}
