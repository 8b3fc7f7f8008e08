import { textWidth, wrapText } from './text.ts';

/** Between two columns. */
const GAP = '  ';

/** A table as lines: those of the head, and those of each row, so that more can be said below a row. */
export type Table = { readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] };

type Cells = readonly string[];

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - textWidth(text)));
}

function longestWord(text: string): number {
  return Math.max(0, ...text.split(/\s+/).map(textWidth));
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1));
}

/**
 * Takes from the widest column until the table fits, but never so much that a word would have to be cut; null when it
 * cannot fit.
 */
function fitWidths(all: readonly Cells[], width: number): number[] | null {
  const columns = all[0]?.map((_, at) => all.map((cells) => cells[at] ?? '')) ?? [];
  const widths = columns.map((cells) => Math.max(0, ...cells.map(textWidth)));
  const least = columns.map((cells) => Math.max(0, ...cells.map(longestWord)));
  if (total(least) > width) return null;
  while (total(widths) > width) {
    const spare = widths.map((own, at) => (own > (least[at] ?? 0) ? own : 0));
    const at = spare.indexOf(Math.max(...spare));
    widths[at] = (widths[at] ?? 0) - 1;
  }
  return widths;
}

function rowLines(cells: Cells, widths: readonly number[]): string[] {
  const wrapped = cells.map((cell, at) => wrapText(cell, widths[at] ?? 0));
  const height = Math.max(...wrapped.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    wrapped
      .map((lines, at) => pad(lines[line] ?? '', widths[at] ?? 0))
      .join(GAP)
      .trimEnd(),
  );
}

/** A row in a terminal too narrow for columns: its first cell, and below it each other one with its title. */
function stacked(titles: Cells, cells: Cells, width: number): string[] {
  const named = titles.map((title, at) => [title, cells[at] ?? ''] as const).filter(([, cell]) => cell !== '');
  const untitled = named.filter(([title]) => title === '').map(([, cell]) => cell);
  const [first, ...others] = named.filter(([title]) => title !== '');
  return [
    [...untitled, first?.[1] ?? ''].join(GAP),
    ...others.flatMap(([title, cell]) => wrapText(`  ${title}: ${cell}`, width, '    ')),
  ];
}

/**
 * Columns that fit into `width`: cells wrap at their blanks where they have to; in a very narrow terminal each row
 * becomes a list.
 */
export function layOutTable(titles: Cells, rows: readonly Cells[], width: number): Table {
  const widths = fitWidths([titles, ...rows], width);
  if (widths === null) return { head: [], rows: rows.map((cells) => stacked(titles, cells, width)) };
  return { head: rowLines(titles, widths), rows: rows.map((cells) => rowLines(cells, widths)) };
}

/** The same where nothing is said between the rows. */
export function tableLines(titles: Cells, rows: readonly Cells[], width: number): string[] {
  const { head, rows: lines } = layOutTable(titles, rows, width);
  return [...head, ...lines.flat()];
}
