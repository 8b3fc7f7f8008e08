/** One `<item>` of a set in an answer of EC2. */
export type Item = {
  readonly text: string;
  /** Without what stands in items of its own. */
  readonly own: string;
};

const TAG = /<(\/?)item(\s[^>]*)?(\/?)>/g;

/** Where the content of a set is, or null when the answer has none (or an empty tag). */
function bounds(xml: string, set: string): readonly [from: number, to: number] | null {
  const open = xml.indexOf(`<${set}>`);
  const close = xml.indexOf(`</${set}>`, open);
  return open < 0 || close < 0 ? null : [open + set.length + 2, close];
}

/** The items of a set, which may have items inside of them. */
export function itemsOf(xml: string, set: string): Item[] {
  const [from, to] = bounds(xml, set) ?? [0, 0];
  const content = xml.slice(from, to);
  const items: Item[] = [];
  let depth = 0;
  let start = 0;
  let own = '';
  let ownFrom = 0;
  for (const match of content.matchAll(TAG)) {
    if (match[3] === '/') continue;
    const end = match.index + match[0].length;
    if (match[1] === '') {
      if (depth === 0) {
        start = match.index;
        own = '';
        ownFrom = end;
      } else if (depth === 1) own += content.slice(ownFrom, match.index);
      depth += 1;
      continue;
    }
    depth -= 1;
    if (depth === 1) ownFrom = end;
    else if (depth === 0)
      items.push({ text: content.slice(start, end), own: own + content.slice(ownFrom, match.index) });
  }
  return items;
}

/** The same answer with other items in its set. */
export function replaceItems(xml: string, set: string, items: readonly string[]): string {
  const found = bounds(xml, set);
  return found === null ? xml : xml.slice(0, found[0]) + items.join('') + xml.slice(found[1]);
}
