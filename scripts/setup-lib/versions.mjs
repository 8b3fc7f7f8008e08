/**
 * Comparing versions as the tools print them: `v20.11.1`, `go1.26.8`, `Python 3.11.2`, `Packer v1.12.0`.
 */

/**
 * The first dotted number in a text, or null.
 *
 * @param {string} text
 * @returns {string | null}
 */
export function findVersion(text) {
  return /\d+(?:\.\d+)+/.exec(text)?.[0] ?? null;
}

/**
 * @param {string} left
 * @param {string} right
 * @returns {number} negative when left is older, 0 when equal; missing parts count as 0
 */
export function compareVersions(left, right) {
  const a = left.split('.').map(Number);
  const b = right.split('.').map(Number);
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * @param {string | null} found
 * @param {{ min: string, below?: string }} range
 */
export function versionFits(found, range) {
  return (
    found !== null &&
    compareVersions(found, range.min) >= 0 &&
    (range.below === undefined || compareVersions(found, range.below) < 0)
  );
}
