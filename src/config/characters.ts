import type { Mistake } from './mistake.ts';

/**
 * Control characters but tab and line ends, and what turns the direction of text around, so that a reader sees
 * something else.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about.
const REFUSED = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]/g;
/** A binary file has thousands; nobody counts them. */
const MOST_FOUND = 1000;
const MAC_LINE_END = /\r(?!\n)/;

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}

/** Raw characters that no editor shows. Nothing else is said about a file that has them. */
export function checkCharacters(text: string): Mistake[] {
  const found: Mistake[] = [];
  for (const match of text.matchAll(REFUSED)) {
    const reason = `the control character ${codePoint(match[0])} stands here`;
    const hint = 'remove it; most editors can show invisible characters';
    found.push({ offset: match.index, path: [], code: 'CHARACTER_REFUSED', words: () => ({ reason, hint }) });
    if (found.length === MOST_FOUND) break;
  }
  const macLineEnd = MAC_LINE_END.exec(text);
  if (macLineEnd) {
    found.push({
      offset: macLineEnd.index,
      path: [],
      code: 'CHARACTER_REFUSED',
      words: () => ({ reason: 'a line ends with CR alone', hint: 'save the file with line ends LF or CRLF' }),
    });
  }
  return found;
}
