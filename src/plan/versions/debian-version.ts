/** Order of Debian's versions, as Debian Policy 5.6.12 has it: epoch, upstream version, revision. */

type Parts = { readonly epoch: number; readonly upstream: string; readonly revision: string };

function partsOf(version: string): Parts {
  const colon = version.indexOf(':');
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf('-');
  return {
    epoch: colon === -1 ? 0 : Number(version.slice(0, colon)),
    upstream: dash === -1 ? rest : rest.slice(0, dash),
    revision: dash === -1 ? '' : rest.slice(dash + 1),
  };
}

/** A tilde comes before the end of the text, which comes before letters, which come before everything else. */
function rank(character: string | undefined): number {
  if (character === '~') return -1;
  if (character === undefined) return 0;
  const code = character.charCodeAt(0);
  return /[A-Za-z]/.test(character) ? code : code + 256;
}

function compareWords(a: string, b: string): number {
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    const difference = rank(a[at]) - rank(b[at]);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Dates with a time in them have more digits than a number of JavaScript is exact for. */
function compareNumbers(a: string, b: string): number {
  const difference = BigInt(a) - BigInt(b);
  return difference === 0n ? 0 : difference < 0n ? -1 : 1;
}

/** Words and numbers in turn, a word first, which may be empty. */
function compareText(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => [...text.matchAll(/(\D*)(\d*)/g)]);
  for (let at = 0; at < Math.max(left?.length ?? 0, right?.length ?? 0); at += 1) {
    const [, leftWord = '', leftNumber = ''] = left?.[at] ?? [];
    const [, rightWord = '', rightNumber = ''] = right?.[at] ?? [];
    const difference = compareWords(leftWord, rightWord) || compareNumbers(leftNumber, rightNumber);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Below 0 when `a` is older. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  return (
    left.epoch - right.epoch || compareText(left.upstream, right.upstream) || compareText(left.revision, right.revision)
  );
}

/** Null of none. */
export function newest(versions: readonly string[]): string | null {
  return versions.toSorted(compareVersions).at(-1) ?? null;
}
