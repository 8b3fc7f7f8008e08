import { type Document, isMap, isPair, isScalar, isSeq, type LineCounter, type Node } from 'yaml';

export type Position = { readonly line: number; readonly column: number };

/** Where the value at a path stands in the file; for a key that is missing, where the mapping that lacks it begins. */
export const positionOf = (
  document: Document,
  counter: LineCounter,
  path: readonly (string | number)[],
  what: 'key' | 'value' = 'value',
): Position => {
  let node: unknown = document.contents;
  let range: number = rangeStart(node) ?? 0;
  for (const [depth, part] of path.entries()) {
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(part),
      );
      if (!pair) break;
      const isLast = depth === path.length - 1;
      const keyStart = rangeStart(pair.key);
      range = (isLast && what === 'key' ? keyStart : (rangeStart(pair.value) ?? keyStart)) ?? range;
      // A nested mapping "begins" at its own key: that is where a reader looks.
      if (isMap(pair.value) || isSeq(pair.value)) range = keyStart ?? range;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(part)];
      range = rangeStart(node) ?? range;
    } else break;
  }
  const { line, col } = counter.linePos(range);
  return { line, column: col };
};

const rangeStart = (node: unknown): number | undefined => (node as Node | null | undefined)?.range?.[0];
