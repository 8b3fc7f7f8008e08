import type { Advisory } from './advisory.ts';

type Event = { readonly introduced?: string; readonly fixed?: string };
type Affected = {
  readonly package?: { readonly ecosystem?: string; readonly name?: string };
  readonly ranges?: readonly { readonly type?: string; readonly events?: readonly Event[] }[];
};
type Entry = {
  readonly id?: string;
  readonly severity?: readonly { readonly type?: string; readonly score?: string }[];
  readonly affected?: readonly Affected[];
};

/** Names of entries of Canonical's archive that are about a CVE, and not a notice that repeats several. */
export const CVE_ENTRIES = 'UBUNTU-CVE-*.json';

/** What a release is called in the data: `22.04` is in `Ubuntu:22.04:LTS`, and its extended fixes in `Ubuntu:Pro:…`. */
function needsOf(ecosystem: string, versionId: string): string | null | undefined {
  const [name, ...rest] = ecosystem.split(':');
  if (name !== 'Ubuntu' || !rest.includes(versionId)) return undefined;
  return rest.includes('Pro') ? 'Ubuntu Pro' : null;
}

/** A list of events is a list of spans: each begins with `introduced` and ends with `fixed`, or never. */
function spansOf(events: readonly Event[]): { introduced: string; fixed: string | null }[] {
  const spans: { introduced: string; fixed: string | null }[] = [];
  for (const { introduced, fixed } of events) {
    if (introduced !== undefined) spans.push({ introduced, fixed: null });
    const last = spans.at(-1);
    if (fixed !== undefined && last !== undefined) last.fixed = fixed;
  }
  return spans;
}

/**
 * Pure: what one OSV entry of Ubuntu's says of a release. Where the release has a fix of its own, that of Ubuntu Pro is
 * left out.
 */
export function ubuntuAdvisories(text: string, versionId: string): Advisory[] {
  const { id = '', severity = [], affected = [] } = JSON.parse(text) as Entry;
  const said = severity.find(({ type }) => type === 'Ubuntu')?.score ?? 'unknown';
  const found = affected.flatMap(({ package: of, ranges = [] }) => {
    const needs = needsOf(of?.ecosystem ?? '', versionId);
    if (needs === undefined || of?.name === undefined) return [];
    const source = of.name;
    return ranges
      .filter(({ type }) => type === 'ECOSYSTEM')
      .flatMap(({ events = [] }) => spansOf(events))
      .map((span): Advisory => ({ id: id.replace(/^UBUNTU-/, ''), source, ...span, severity: said, needs }));
  });
  const hasOwn = new Set(found.filter(({ needs }) => needs === null).map(({ source }) => source));
  const hasOwnFix = new Set(
    found.filter(({ needs, fixed }) => needs === null && fixed !== null).map((each) => each.source),
  );
  const hasProFix = new Set(
    found.filter(({ needs, fixed }) => needs !== null && fixed !== null).map((each) => each.source),
  );
  return found.filter(({ source, needs, fixed }) => {
    if (needs === null) return fixed !== null || !hasProFix.has(source);
    return hasOwn.has(source) ? fixed !== null && !hasOwnFix.has(source) : true;
  });
}
