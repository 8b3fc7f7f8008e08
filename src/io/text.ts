import { stripVTControlCharacters } from 'node:util';
import { printable } from '#contracts/printable.ts';

/**
 * Where a terminal draws two cells for one character; enough for names and messages, which are Latin but for what a
 * user wrote.
 */
const WIDE = /\p{Emoji_Presentation}|\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|[！-｠]/u;
/** What stands on or joins the character before it. */
const NO_CELL = /\p{M}|[\u200b\u200c]|\u200d/u;

/** How many cells a terminal takes for a line; colours take none. */
export function textWidth(text: string): number {
  const plain = stripVTControlCharacters(text);
  if (/^[\x20-\x7e]*$/.test(plain)) return plain.length;
  let width = 0;
  for (const character of plain) if (!NO_CELL.test(character)) width += WIDE.test(character) ? 2 : 1;
  return width;
}

/** One line that a terminal only shows: what a program far away printed may hold colours, tabs and line ends. */
export function oneLine(text: string): string {
  return printable(stripVTControlCharacters(text)).trimEnd();
}

/** At most so many cells, with an ellipsis where something was left out. The text holds no colours. */
export function shorten(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let kept = '';
  for (const character of text) {
    if (textWidth(kept + character) > width - 1) break;
    kept += character;
  }
  return `${kept.trimEnd()}…`;
}

/**
 * Breaks a text at its blanks. Lines after the first begin with `indent`. A word that is longer than a line stays
 * whole, so that it can be copied; what blanks it begins with are kept.
 */
export function wrapText(text: string, width: number, indent = ''): string[] {
  if (textWidth(text) <= width) return [text];
  const [, lead = '', rest = ''] = /^(\s*)(.*)$/s.exec(text) ?? [];
  const lines: string[] = [];
  let line = lead;
  let isEmpty = true;
  for (const part of rest.match(/\S+\s*/g) ?? []) {
    if (!isEmpty && textWidth(line) + textWidth(part.trimEnd()) > width) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += part;
    isEmpty = false;
  }
  return [...lines, line.trimEnd()];
}

/** Where lines of a result end: at the width of the terminal; a pipe or a file gets them whole. */
export function resultWidth(out: Pick<NodeJS.WriteStream, 'isTTY' | 'columns'> = process.stdout): number {
  return out.isTTY === true && out.columns > 0 ? out.columns : Number.POSITIVE_INFINITY;
}

/** How many lines of a result can be seen at once; a pipe or a file has no end. */
export function resultHeight(out: Pick<NodeJS.WriteStream, 'isTTY' | 'rows'> = process.stdout): number {
  return out.isTTY === true && out.rows > 0 ? out.rows : Number.POSITIVE_INFINITY;
}
