import type { DoctorItem } from './doctor-item.ts';

const MARKS = { ok: 'ok', missing: 'MISSING', optional: '-' } as const;
const HEAD = ['', 'prerequisite', 'found', 'needed'] as const;

/** The table for people: one line an item, and under an item that is not there its fix. The last line says whether work can begin. */
export function doctorLines(items: readonly DoctorItem[]): string[] {
  const rows = items.map((each) => [MARKS[each.status], each.name, each.found, each.needed]);
  const widths = HEAD.map((title, at) => Math.max(title.length, ...rows.map((row) => (row[at] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd();
  const fixes = (each: DoctorItem): string[] =>
    each.fix === ''
      ? []
      : [`${' '.repeat((widths[0] ?? 0) + 2)}fix${each.neededFor === 'AWS' ? ' (only for AWS)' : ''}: ${each.fix}`];
  const body = items.flatMap((each, at) => [line(rows[at] ?? []), ...fixes(each)]);
  return [line(HEAD), ...body, '', lastLine(items)];
}

function lastLine(items: readonly DoctorItem[]): string {
  const missing = items.filter((each) => each.status === 'missing').length;
  const optional = items.filter((each) => each.status === 'optional').length;
  const aws = optional === 0 ? '' : `; ${optional} more would be needed on AWS`;
  return missing === 0 ? `everything for the lab is here${aws}` : `${missing} missing${aws}`;
}
