import { layOutTable } from '../io/table.ts';
import { wrapText } from '../io/text.ts';
import type { DoctorItem } from './doctor-item.ts';

const MARKS = { ok: 'ok', missing: 'MISSING', optional: '-', unchecked: '?' } as const;
const ONLY_FOR: Partial<Record<DoctorItem['neededFor'], string>> = {
  AWS: ' (only for AWS)',
  qemu: ' (only for machine: qemu)',
};
const HEAD = ['', 'prerequisite', 'found', 'needed'] as const;

function fixLines({ fix, neededFor }: DoctorItem, indent: string, width: number): string[] {
  if (fix === '') return [];
  return wrapText(`${indent}fix${ONLY_FOR[neededFor] ?? ''}: ${fix}`, width, `${indent}  `);
}

/**
 * The table for people: one row an item, and under an item that is not there its fix. The last line says whether work
 * can begin.
 *
 * @param place what was looked at: `the lab`, or a region
 */
export function doctorLines(items: readonly DoctorItem[], width: number, place = 'the lab'): string[] {
  const cells = items.map((each) => [MARKS[each.status], each.name, each.found, each.needed]);
  const indent = ' '.repeat(2 + Math.max(...items.map(({ status }) => MARKS[status].length)));
  const { head, rows } = layOutTable(HEAD, cells, width);
  const body = items.flatMap((each, at) => [...(rows[at] ?? []), ...fixLines(each, indent, width)]);
  return [...head, ...body, '', ...wrapText(lastLine(items, place), width, '  ')];
}

function lastLine(items: readonly DoctorItem[], place: string): string {
  const count = (status: DoctorItem['status']): number => items.filter((each) => each.status === status).length;
  const [missing, unchecked] = [count('missing'), count('unchecked')];
  const optional = (of: DoctorItem['neededFor']): number =>
    items.filter(({ status, neededFor }) => status === 'optional' && neededFor === of).length;
  const [onAws, underQemu] = [optional('AWS'), optional('qemu')];
  const more = [
    ...(unchecked === 0 ? [] : [`${unchecked} not checked`]),
    ...(onAws === 0 ? [] : [`${onAws} more would be needed on AWS`]),
    ...(underQemu === 0 ? [] : [`${underQemu} more would be needed for machine: qemu`]),
  ];
  const here = unchecked === 0 ? `everything for ${place} is here` : `nothing for ${place} is known to be missing`;
  return [missing === 0 ? here : `${missing} missing`, ...more].join('; ');
}
