/** What is longer is no misspelt name, and would take its time. */
const LONGEST_NAME = 100;

/** Edit distance, for "did you mean". */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1]?.toLowerCase() === b[j - 1]?.toLowerCase() ? 0 : 1;
      row.push(Math.min((row[j - 1] ?? 0) + 1, (previous[j] ?? 0) + 1, (previous[j - 1] ?? 0) + cost));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}

/** The known name that a typed one most likely meant, or null when none is near. */
export function nearest(name: string, known: readonly string[]): string | null {
  if (name.length > LONGEST_NAME) return null;
  const ranked = known.map((each) => ({ each, d: distance(name, each) })).sort((a, b) => a.d - b.d);
  const best = ranked[0];
  return best && best.d <= Math.max(2, Math.floor(name.length / 3)) ? best.each : null;
}

/** A hint that names what was most likely meant, or else `otherwise`, or else everything that is known. */
export function didYouMean(name: string, known: readonly string[], otherwise?: string): string {
  const close = nearest(name, known);
  if (close !== null) return `did you mean ${close}?`;
  return otherwise ?? (known.length === 0 ? 'nothing is known here' : `known here: ${known.join(', ')}`);
}
