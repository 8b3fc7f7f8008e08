import type { AuditEntry } from '#contracts/audit.ts';
import { textOf } from '../audited.ts';
import { DPKG, LISTS, stanzasOf } from '../packages.ts';
import { ALTERNATIVES } from './alternatives.ts';
import { named, type Rule, type View } from './rule.ts';

/** Of files below info/: what a package may bring, by the end of its name. */
const INFO =
  /^(?<name>[a-z0-9][a-z0-9+.-]+)(?::(?<architecture>[a-z0-9]+))?\.(?:list|md5sums|conffiles|preinst|postinst|prerm|postrm|triggers|shlibs|symbols|templates|config)$/;

function isPackage(name: string, { packages, basePackages }: View): boolean {
  return packages.versions.has(name) || basePackages.versions.has(name);
}

function textual(view: View, { path }: AuditEntry, judge: (text: string) => string | null): string | null {
  const text = textOf(view.image, path);
  return text === null ? 'its content is not known' : judge(text);
}

/** Of a package in the version of the base image: its list may have lost what another package took over. */
function sinceBase({ path, sha256 }: AuditEntry, { image, base }: View): string | null {
  if (base.entries.get(path)?.sha256 === sha256) return null;
  const [found, before] = [image, base].map((disk) => textOf(disk, path)?.split('\n') ?? null);
  const isFewer =
    path.endsWith('.list') && found != null && before != null && found.every((line) => before.includes(line));
  return isFewer ? null : 'it is not as on the base image, which has the same version';
}

const INFO_FILES: Rule = {
  by: 'dpkg',
  covers: (path) => path.startsWith(LISTS),
  problem: (entry, view) => {
    const found = INFO.exec(entry.path.slice(LISTS.length));
    const name = found?.groups?.['name'] ?? '';
    if (entry.kind !== 'file') return 'it is no file';
    if (!isPackage(name, view)) return 'no package is installed that it would be of';
    const version = view.basePackages.versions.get(name);
    return version !== undefined && version === view.packages.versions.get(name) ? sinceBase(entry, view) : null;
  },
};

const STATUS: Rule = {
  by: 'dpkg',
  covers: (path) => [`${DPKG}/status`, `${DPKG}/status-old`].includes(path),
  problem: (entry, view) =>
    textual(view, entry, (text) => {
      const strange = stanzasOf(text).filter(({ Package, Status, Version }) => !Package || !Status || !Version);
      return strange.length === 0 ? null : 'a paragraph is no package';
    }),
};

/** What packages wait for, and what is diverted: both by names of packages. */
const TRIGGERS: Rule = {
  by: 'dpkg-trigger',
  covers: (path) => path.startsWith(`${DPKG}/triggers/`),
  problem: (entry, view) =>
    textual(view, entry, (text) => {
      // There are no comments in these.
      const lines = text.split('\n').filter((line) => line !== '');
      const names = lines.map((line) => (line.split(/\s+/).at(-1) ?? '').replace(/\/.*$/, ''));
      const strange = names.filter((name) => !isPackage(name.split(':')[0] ?? '', view));
      return strange.length === 0 ? null : `it names ${named(strange)}, which is no package`;
    }),
};

/** What is diverted, to where and by whom. */
function isDiversion(from: string, to: string, by: string): boolean {
  if (by === ':') return /^\/usr\/s?bin\/runc$/.test(from) && to === `${from}.distrib`;
  if (by !== 'dash') return false;
  return /^\/(usr\/)?bin\/sh$/.test(from)
    ? to === `${from}.distrib`
    : from === '/usr/share/man/man1/sh.1.gz' && to === '/usr/share/man/man1/sh.distrib.1.gz';
}

function triples(text: string): readonly (readonly string[])[] {
  const lines = text.replace(/\n$/, '').split('\n');
  return lines.length === 1
    ? []
    : Array.from({ length: Math.ceil(lines.length / 3) }, (_, at) => lines.slice(3 * at, 3 * at + 3));
}

/** Ours is of runc, where the witness stands. */
const DIVERSIONS: Rule = {
  by: 'dpkg-divert',
  covers: (path) => [`${DPKG}/diversions`, `${DPKG}/diversions-old`].includes(path),
  problem: (entry, view) =>
    textual(view, entry, (text) => {
      const before = triples(textOf(view.base, `${DPKG}/diversions`) ?? '').map((each) => each.join('\n'));
      const strange = triples(text)
        .filter((each) => !before.includes(each.join('\n')))
        .filter(([from = '', to = '', by = '']) => !isDiversion(from, to, by))
        .flatMap(([from = '', to = '']) => [from, to]);
      return strange.length === 0 ? null : `it diverts ${named(strange)}`;
    }),
};

const APT_FIELDS: Readonly<Record<string, RegExp>> = {
  Package: /^/,
  Architecture: /^[a-z0-9-]+$/,
  'Auto-Installed': /^[01]$/,
};

const APT_STATES: Rule = {
  by: 'apt',
  covers: (path) => path === '/var/lib/apt/extended_states',
  problem: (entry, view) =>
    textual(view, entry, (text) => {
      const strange = stanzasOf(text).filter(
        (stanza) =>
          !isPackage(stanza['Package'] ?? '', view) ||
          Object.entries(stanza).some(([name, value]) => APT_FIELDS[name]?.test(value.trim()) !== true),
      );
      return strange.length === 0 ? null : `it names ${named(strange.map(({ Package = '?' }) => Package))}`;
    }),
};

/**
 * The kernels that apt keeps: apt 2.2 writes down the newest, earlier ones (Ubuntu 20.04 has 2.0) a pattern for each
 * package of it, and behind that why, as a comment.
 */
const KERNELS_KEPT = [
  /^\/\/ DO NOT EDIT! File autogenerated by \/etc\/kernel\/postinst\.d\/apt-auto-removal$/,
  /^APT::LastInstalledKernel "[\w.+~-]+";$/,
  /^APT::NeverAutoRemove$/,
  /^\{$/,
  /^ {3}"\^[\w.*-]+-[\w.+~\\-]+\$";$/,
  /^\};$/,
];

const APT_KERNELS: Rule = {
  by: 'apt-auto-removal',
  covers: (path) => path === '/etc/apt/apt.conf.d/01autoremove-kernels',
  problem: (entry, view) => {
    if (entry.kind !== 'file' || (entry.mode & 0o111) !== 0) return 'it is no file of settings';
    return textual(view, entry, (text) => {
      // Only from the beginning of a line: in quotes, and behind `//`, apt takes it for no comment.
      const lines = text.replaceAll(/^\/\*[\s\S]*?\*\//gm, '').split('\n');
      const strange = lines.filter((line) => line !== '' && !KERNELS_KEPT.some((each) => each.test(line)));
      return strange.length === 0 ? null : `it says ${named(strange)}`;
    });
  },
};

const DEBCONF_FIELDS = ['Name', 'Template', 'Value', 'Owners', 'Flags', 'Variables'];

/** Answers to questions of packages. A password among them would be in a file of its own, which has none. */
const DEBCONF: Rule = {
  by: 'debconf',
  covers: (path) => /^\/var\/cache\/debconf\/(config|templates)\.dat(-old)?$/.test(path),
  problem: (entry, view) =>
    textual(view, entry, (text) => {
      const isOfTemplates = entry.path.includes('templates');
      const files = ['', '-old'].map((end) => `${entry.path.replace(/-old$/, '')}${end}`);
      const before = files.flatMap((file) => stanzasOf(textOf(view.base, file) ?? ''));
      const known = new Set(before.map(({ Name }) => Name));
      const strange = stanzasOf(text).filter((stanza) => {
        // What the base image has of packages that are gone, or of none, it has.
        if (known.has(stanza['Name'] ?? '')) return false;
        const owners = (stanza['Owners'] ?? '').split(/,\s*/).filter((owner) => owner !== '');
        const areFieldsKnown = isOfTemplates || Object.keys(stanza).every((name) => DEBCONF_FIELDS.includes(name));
        return !areFieldsKnown || !owners.some((owner) => isPackage(owner.replace(/[:/].*$/, ''), view));
      });
      return strange.length === 0 ? null : `it has ${named(strange.map(({ Name = '?' }) => Name))}, of no package`;
    }),
};

/** Where apt downloads to, as a user of its own. */
const APT_FOLDERS: Rule = {
  by: 'apt',
  covers: (path) =>
    ['/var/lib/apt/lists/partial', '/var/lib/apt/lists/auxfiles', '/var/cache/apt/archives/partial'].includes(path),
  problem: ({ kind, mode }) => (kind === 'folder' && (mode & 0o7022) === 0 ? null : 'others may write to it'),
  isOwner: ({ uid, gid }, { image }) => {
    const [, , user] =
      (textOf(image, '/etc/passwd') ?? '')
        .split('\n')
        .find((line) => line.startsWith('_apt:'))
        ?.split(':') ?? [];
    return gid === 0 && (uid === 0 || String(uid) === user);
  },
};

export const OF_PACKAGE_MANAGERS: readonly Rule[] = [
  ALTERNATIVES,
  INFO_FILES,
  STATUS,
  TRIGGERS,
  DIVERSIONS,
  APT_STATES,
  APT_KERNELS,
  APT_FOLDERS,
  DEBCONF,
];
