import { tableLines } from '../../io/table.ts';
import type { Vulnerability } from './match.ts';

/** What the distributions do not take for a danger: counted, and in the table only when all are asked for. */
const MINOR = new Set(['unimportant', 'negligible']);

function fixOf({ fixed, needs }: Vulnerability): string {
  if (fixed === null) return 'none yet';
  return needs === null ? fixed : `${fixed} (${needs})`;
}

/** Pure: a table for people, and how many there are. `host` is who said so, and when. */
export function vulnerabilityLines(
  found: readonly Vulnerability[],
  said: { readonly host: string; readonly fetchedAt: string },
  { width, isWhole }: { readonly width: number; readonly isWhole: boolean },
): string[] {
  const told = isWhole ? found : found.filter(({ severity }) => !MINOR.has(severity));
  const left = found.length - told.length;
  const fixable = told.filter(({ fixed }) => fixed !== null).length;
  const rows = told.map((each) => [each.severity, each.id, each.source, each.installed, fixOf(each)]);
  const sources = new Set(told.map(({ source }) => source)).size;
  const count = told.length === 0 ? 'none known' : `${told.length} known in ${sources} source packages`;
  const fixes = fixable === 0 ? '' : `, ${fixable} with a fix`;
  const rest = left === 0 ? '' : `, and ${left} that the distribution takes for unimportant (--all)`;
  return [
    ...(rows.length === 0 ? [] : tableLines(['severity', 'id', 'source', 'installed', 'fixed in'], rows, width)),
    `${count}${fixes}${rest}; ${said.host} on ${said.fetchedAt.slice(0, 16).replace('T', ' ')} UTC`,
  ];
}
