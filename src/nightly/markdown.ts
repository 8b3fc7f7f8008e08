import { oneLine } from '../io/text.ts';

const LONGEST = 500;

/**
 * Prose from elsewhere (a reason of AWS, the output of a check) as text in Markdown: one line, nothing of it a link, a
 * heading, an HTML tag, a cell of a table or somebody's name.
 */
export function prose(text: string): string {
  const line = oneLine(text).trim();
  const short = line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
  return short.replaceAll(/[\\`*_[\]<>|#~]/g, '\\$&').replaceAll('@', '@\u200b');
}

/** A name or an id, word for word. */
export function code(text: string): string {
  return `\`${oneLine(text).replaceAll('`', "'").replaceAll('|', '\\|')}\``;
}

/** A table, or nothing when it has no rows. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return rows.length === 0 ? [] : [row(head), row(head.map(() => '---')), ...rows.map(row), ''];
}
