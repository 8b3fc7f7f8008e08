import { createHash } from 'node:crypto';

/** A text of many lines (a key) is told from another by its hash. */
function textOf(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.includes('\n') ? `sha256 ${createHash('sha256').update(text).digest('hex')}` : text;
}

/**
 * Every leaf of a value by its path, as text: `{docker: {version: null}}` is `docker.version: null`. A list is a leaf,
 * since its order counts.
 */
export function settingsOf(value: unknown, path = ''): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return path === '' ? {} : { [path]: textOf(value) };
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([key, each]) => Object.entries(settingsOf(each, path === '' ? key : `${path}.${key}`))),
  );
}
