import type { Comparison, Farewell } from './compare.ts';
import type { Resource } from './resources.ts';

const WIDTH =
  Math.max(...['create', 'change', 'same', 'foreign', 'remove', 'shared', 'absent'].map((word) => word.length)) + 2;

function headLine(verdict: string, { kind, name }: Resource): string {
  return `${verdict.padEnd(WIDTH)}${kind} ${name}`;
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `${' '.repeat(WIDTH)}  ${line}`);
}

/** The difference between what is needed and what is there, for people. */
export function comparisonLines(comparisons: readonly Comparison[]): string[] {
  return comparisons.flatMap(({ resource, verdict, edits, notes }) => [
    headLine(verdict, resource),
    ...indented(
      verdict === 'foreign'
        ? edits.map(({ line }) => `lacks: ${line.replace(/^[+~?] /, '')}`)
        : edits.map(({ line }) => line),
    ),
    ...indented(notes),
  ]);
}

export function farewellLines(goodbyes: readonly Farewell[]): string[] {
  return goodbyes.flatMap(({ resource, verdict, notes }) => [headLine(verdict, resource), ...indented(notes)]);
}
