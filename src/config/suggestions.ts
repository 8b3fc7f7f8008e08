/** What somebody most likely meant to write, for the mistakes that are made most. */

function matches(pattern: string, text: string): boolean {
  return new RegExp(pattern, 'u').test(text);
}

function asNumber(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const digits = value.replaceAll(/[_, ]/g, '').replace(/\.0+$/, '');
  return /^\d{1,9}$/.test(digits) ? `write ${Number(digits)}, without quotes and with digits only` : null;
}

function asBoolean(value: unknown): string | null {
  const word = String(value).toLowerCase();
  if (['true', 'yes', 'on', 'y', '1'].includes(word)) return 'write true, without quotes';
  return ['false', 'no', 'off', 'n', '0'].includes(word) ? 'write false, without quotes' : null;
}

/** Number, date or boolean where text is wanted. */
function asText(value: unknown, source: string): string | null {
  return typeof value === 'number' || typeof value === 'boolean' ? `put it in quotes: "${source}"` : null;
}

/** Changes that keep what was meant; the first that makes the form right is it. */
const CHANGES: readonly ((text: string) => string)[] = [
  (text) => text.trim(),
  (text) => text.toLowerCase(),
  (text) => text.replace(/^[\d.]+$/, '$&/32'),
  (text) => text.replaceAll(/\/{2,}/g, '/').replace(/\/$/, ''),
  (text) => text.replace(/^(https?|file|s3):\/+/, ''),
  (text) => text.replace(/^http:/, 'https:'),
  (text) => text.replace(/^(?:ssh:\/\/)?[^@/\s]+@([^:/]+)[:/](.*)$/, 'https://$1/$2'),
  (text) => text.replace(/^(\w+:\/\/)[^@/\s]*@/, '$1'),
  (text) => text.replace(/^arn:.*\//, ''),
  (text) => text.replace(/^(https?:\/\/[^/]+)\/.*$/, '$1'),
  (text) => text.replace(/^refs\/(heads|tags)\//, ''),
];

function asForm(value: unknown, pattern: string): string | null {
  if (typeof value !== 'string') return null;
  const better = CHANGES.map((change) => change(value)).find((text) => text !== '' && matches(pattern, text));
  return better === undefined ? null : `write ${better}`;
}

function asName(value: unknown, pattern: string): string | null {
  const name = String(value)
    .trim()
    .toLowerCase()
    .replaceAll(/[/_ .]+/g, '-')
    .replaceAll(/^\d+|-+$/g, '');
  return matches(pattern, name) ? `did you mean ${name}?` : null;
}

/**
 * A hint for a value of the wrong kind: `wanted` are the types of the schema, or `pattern` or `name` where the form is
 * wrong. `source` is the value as it was written.
 */
export function suggestion(wanted: readonly string[], value: unknown, source: string, pattern = ''): string | null {
  if (wanted.includes('pattern')) return asForm(value, pattern);
  if (wanted.includes('name')) return asForm(value, pattern) ?? asName(value, pattern);
  if (wanted.includes('string')) return asText(value, source);
  if (wanted.includes('integer')) return asNumber(value);
  if (wanted.includes('boolean')) return asBoolean(value);
  return null;
}
