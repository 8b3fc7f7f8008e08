import type { AuditEntry } from '#contracts/audit.ts';
import { type Audited, textOf } from './audited.ts';

/** What dpkg's database on a disk says, by path where a file really is (`/usr/bin/x`, also for one of `/bin/x`). */
export type Packages = {
  /** Version by name, or by name and architecture where another architecture is installed. */
  readonly versions: ReadonlyMap<string, string>;
  /** Packages that a path belongs to. */
  readonly owners: ReadonlyMap<string, readonly string[]>;
  /** md5 of files as their packages have them; configuration files are in the other one. */
  readonly checksums: ReadonlyMap<string, string>;
  readonly configuration: ReadonlyMap<string, string>;
  /** Where a path's own file is instead, when somebody diverted it. */
  readonly diversions: ReadonlyMap<string, string>;
};

/** Where dpkg keeps what it knows. */
export const DPKG = '/var/lib/dpkg';
/** Of each package: its files, their checksums, its scripts. */
export const LISTS = `${DPKG}/info/`;
/** Folders that are links into /usr on a merged system. */
const MERGED = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'];

/** Where a path is when folders in / are links into /usr. */
export function realPath(entries: ReadonlyMap<string, AuditEntry>, path: string): string {
  // Most of what is asked about: nothing of it is split for nothing.
  if (path.startsWith('/usr/') || path.startsWith('/var/')) return path;
  const end = path.indexOf('/', 1);
  if (end < 0) return path;
  const first = path.slice(1, end);
  const isLink = MERGED.includes(first) && entries.get(`/${first}`)?.target === `usr/${first}`;
  return isLink ? `/usr${path}` : path;
}

/** The packages that a path belongs to, by whichever of its names. */
export function ownersOf(
  path: string,
  { image, packages }: { readonly image: Pick<Audited, 'entries'>; readonly packages: Packages },
): readonly string[] {
  return packages.owners.get(realPath(image.entries, path)) ?? [];
}

type Stanza = Readonly<Record<string, string>>;

/** Pure: stanzas of a file of dpkg's kind; further lines of a field keep their line feeds. */
export function stanzasOf(text: string): readonly Stanza[] {
  return text
    .split(/\n\n+/)
    .filter((block) => block.trim() !== '')
    .map((block) => {
      const fields: Record<string, string> = {};
      let name = '';
      for (const line of block.split('\n')) {
        const found = /^([A-Za-z0-9-]+):\s?(.*)$/.exec(line);
        if (found?.[1] !== undefined) {
          // dpkg takes no field twice; what was said first stays said.
          name = Object.hasOwn(fields, found[1]) ? '' : found[1];
          if (name !== '') fields[name] = found[2] ?? '';
        } else if (name !== '') fields[name] += `\n${line}`;
      }
      return fields;
    });
}

function isInstalled({ Status = '' }: Stanza): boolean {
  return /^(install|hold) ok (installed|triggers-)/.test(Status);
}

/** As dpkg names a package's files: with the architecture for those that several may be installed of. */
function infoName({ Package = '', Architecture = '', ...more }: Stanza): string {
  return more['Multi-Arch'] === 'same' ? `${Package}:${Architecture}` : Package;
}

/** As an auditor writes a name with a backslash. */
function written(path: string): string {
  return path.replaceAll('\\', '\\\\');
}

/** Pure: `path hash` lines of a Conffiles field, without those that are obsolete. */
function conffilesOf({ Conffiles = '' }: Stanza): readonly (readonly [string, string])[] {
  return Conffiles.split('\n').flatMap((line) => {
    const [path = '', md5 = '', note] = line.trim().split(/\s+/);
    return path.startsWith('/') && note === undefined ? [[path, md5] as const] : [];
  });
}

function readDiversions(text: string, at: (path: string) => string) {
  const lines = text.split('\n');
  const found = new Map<string, { to: string; by: string }>();
  for (let index = 0; index + 2 < lines.length; index += 3)
    found.set(at(lines[index] ?? ''), { to: at(lines[index + 1] ?? ''), by: lines[index + 2] ?? '' });
  return found;
}

/** Pure: dpkg's database of a disk, from its files' content. */
export function packagesOf(disk: Audited): Packages {
  const at = (path: string): string => realPath(disk.entries, written(path));
  const diverted = readDiversions(textOf(disk, `${DPKG}/diversions`) ?? '', at);
  const versions = new Map<string, string>();
  const owners = new Map<string, string[]>();
  const checksums = new Map<string, string>();
  const configuration = new Map<string, string>();
  for (const stanza of stanzasOf(textOf(disk, `${DPKG}/status`) ?? '').filter(isInstalled)) {
    const { Package: name = '', Version = '', Architecture = '' } = stanza;
    versions.set(versions.has(name) ? `${name}:${Architecture}` : name, Version);
    const where = (path: string): string => {
      const real = at(path);
      const diversion = diverted.get(real);
      return diversion !== undefined && diversion.by !== name ? diversion.to : real;
    };
    const info = (kind: string): string => textOf(disk, `${LISTS}${infoName(stanza)}.${kind}`) ?? '';
    // A package says nothing of what is in no list of its own.
    const own = new Set<string>();
    for (const line of info('list')
      .split('\n')
      .filter((each) => each.startsWith('/') && each !== '/.')) {
      const path = where(line);
      own.add(path);
      owners.set(path, [...(owners.get(path) ?? []), name]);
    }
    const keep = (sums: Map<string, string>, path: string, md5: string): void => {
      if (own.has(path)) sums.set(path, md5);
    };
    for (const line of info('md5sums').split('\n')) {
      const found = /^([0-9a-f]{32}) [ *](.+)$/.exec(line);
      if (found?.[1] !== undefined && found[2] !== undefined) keep(checksums, where(`/${found[2]}`), found[1]);
    }
    for (const [path, md5] of conffilesOf(stanza)) keep(configuration, where(path), md5);
  }
  const diversions = new Map([...diverted].map(([path, { to }]) => [path, to]));
  return { versions, owners, checksums, configuration, diversions };
}
