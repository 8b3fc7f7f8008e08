import { compareVersions } from '../../plan/versions/debian-version.ts';
import type { DebPackage } from '../inventory.ts';
import type { Advisory } from './advisory.ts';

export type Vulnerability = Pick<Advisory, 'id' | 'source' | 'fixed' | 'severity' | 'needs'> & {
  /** The version of the source package that is on the image. */
  readonly installed: string;
  /** Packages of it that are there. */
  readonly packages: readonly string[];
};

/** Worst first; a word that is not here stands behind them. */
const SEVERITIES = ['critical', 'high', 'medium', 'low', 'unknown', 'negligible', 'unimportant'];

function rank(severity: string): number {
  const at = SEVERITIES.indexOf(severity);
  return at === -1 ? SEVERITIES.length : at;
}

/** Kernels come out of a package that only signs them; what is said is said of the one that they are built from. */
function speaksOf({ source, sourceVersion }: DebPackage): { source: string; version: string } {
  const signed = /^linux-signed(?:-(.+))?$/.exec(source);
  if (signed === null) return { source, version: sourceVersion };
  const [, flavour] = signed;
  const isArchitecture = flavour === undefined || flavour === 'amd64' || flavour === 'arm64' || flavour === 'i386';
  // Debian's `6.1.112+1` signs 6.1.112-1; where the revision is there, what follows it counts signatures.
  const version = sourceVersion.includes('-')
    ? sourceVersion.replace(/\+\d+$/, '')
    : sourceVersion.replace(/\+(\d+)$/, '-$1');
  return { source: isArchitecture ? 'linux' : `linux-${flavour}`, version };
}

/** Pure: what is known of the packages of an image; worst first, then by name. */
export function vulnerabilitiesOf(
  packages: readonly DebPackage[],
  advisories: readonly Advisory[],
): readonly Vulnerability[] {
  const installed = new Map<string, { source: string; version: string; packages: string[] }>();
  for (const each of packages) {
    const { source, version } = speaksOf(each);
    const key = `${source} ${version}`;
    const known = installed.get(key);
    if (known === undefined) installed.set(key, { source, version, packages: [each.name] });
    else known.packages.push(each.name);
  }
  const bySource = Map.groupBy(advisories, ({ source }) => source);
  const found = [...installed.values()].flatMap(({ source, version, packages: names }) =>
    (bySource.get(source) ?? [])
      .filter(
        ({ introduced, fixed }) =>
          (introduced === '0' || compareVersions(version, introduced) >= 0) &&
          (fixed === null || compareVersions(version, fixed) < 0),
      )
      .map(({ id, fixed, severity, needs }) => ({
        ...{ id, source, fixed, severity, needs },
        installed: version,
        packages: [...new Set(names)].sort(),
      })),
  );
  const order = ({ id, source }: Vulnerability): string => `${source} ${id}`;
  return found.sort((a, b) => rank(a.severity) - rank(b.severity) || (order(a) < order(b) ? -1 : 1));
}
