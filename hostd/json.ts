/** A token of JSON with the space before it; in the group one that is no value. */
const TOKEN =
  /[ \t\n\r]*(?:([{}[\],:])|"(?:[^"\\\n\r\t]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y;

/** The index of the first token that is none, or that stands where a value has to. */
function strangeTokenAt(text: string): number {
  TOKEN.lastIndex = 0;
  let before = ',';
  for (;;) {
    const at = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    const mark = found === null ? '' : (found[1] ?? 'a value');
    const isWanted = [',', ':', '['].includes(before);
    if (mark === '' || (isWanted && [']', '}', ',', ':'].includes(mark) && `${before}${mark}` !== '[]'))
      return at + (/^[ \t\n\r]*/.exec(text.slice(at))?.[0].length ?? 0);
    before = mark;
  }
}

/**
 * The text as a value, or where it stops being JSON, in words. Not V8's own: those quote the text, which may hold a
 * secret, and go to the journal. Where V8 says no place, a value is wanted and something else is there.
 */
export function parseJson(text: string): { readonly value: unknown } | { readonly problem: string } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    const [, told] = /\((line \d+ column \d+)\)$/.exec((error as Error).message) ?? [];
    if (told !== undefined) return { problem: `it is not JSON (${told})` };
    const before = text.slice(0, strangeTokenAt(text)).split('\n');
    return { problem: `it is not JSON (line ${before.length} column ${(before.at(-1) ?? '').length + 1})` };
  }
}
