import type { Advisory } from './advisory.ts';

/** What the security tracker's document says of a release, as far as it is used. */
type Said = { readonly status?: unknown; readonly fixed_version?: unknown; readonly urgency?: unknown };
type Tracker = Readonly<
  Record<string, Readonly<Record<string, { readonly releases?: Readonly<Record<string, Said>> }>>>
>;

/** Its words for how bad something is, where they are not ours. */
const SEVERITIES: Readonly<Record<string, string>> = { 'not yet assigned': 'unknown', 'end-of-life': 'unknown' };

/** `low**` of older entries is `low`. */
function severityOf({ urgency }: Said): string {
  const text = typeof urgency === 'string' ? urgency.replaceAll('*', '') : 'unknown';
  return SEVERITIES[text] ?? text;
}

/**
 * Pure: what the Debian security tracker's document (`tracker/data/json`) says of a release. What it has not decided
 * yet (`undetermined`) is nothing that one could say of a version.
 *
 * @throws Error when it is no such document
 */
export function debianAdvisories(text: string, codename: string): Advisory[] {
  const tracker: unknown = JSON.parse(text);
  if (typeof tracker !== 'object' || tracker === null || Array.isArray(tracker)) throw new Error('it holds no object');
  return Object.entries(tracker as Tracker).flatMap(([source, vulnerabilities]) =>
    Object.entries(vulnerabilities).flatMap(([id, { releases }]): Advisory[] => {
      const said = releases?.[codename];
      if (said === undefined) return [];
      const { status, fixed_version: fixed } = said;
      const common = { id, source, introduced: '0', severity: severityOf(said), needs: null };
      if (status === 'open') return [{ ...common, fixed: null }];
      return status === 'resolved' && typeof fixed === 'string' ? [{ ...common, fixed }] : [];
    }),
  );
}
