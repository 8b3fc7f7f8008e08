import { posix } from 'node:path';
import type { MemberLine } from '#contracts/audit.ts';
import { named, type Rule, type View } from './rule.ts';

const INDEX =
  /^(?:\/usr)?\/lib\/modules\/(?<release>[^/]+)\/modules\.(alias|builtin\.alias|dep|symbols|builtin)\.bin$|^(?:\/usr)?\/lib\/modules\/(?<other>[^/]+)\/modules\.(alias|dep|devname|softdep|symbols|weakdep)$/;

/** Modules that an index of dependencies names; what programs read is the other form of it, a trie. */
function modulesIn(path: string, content: Buffer): readonly string[] {
  const text = content.toString('latin1');
  if (path.endsWith('.dep')) return text.split(/[:\s]+/).filter((each) => each !== '');
  return path.endsWith('.dep.bin') ? (text.match(/[!-~]+\.ko(?:\.\w+)?/g) ?? []) : [];
}

/** Lists that depmod makes of the modules that are there; the kernel loads what they name. */
const INDEXES: Rule = {
  by: 'depmod',
  covers: (path) => INDEX.test(path),
  problem: ({ path, kind, mode }, view) => {
    const { release, other } = INDEX.exec(path)?.groups ?? {};
    if (kind !== 'file' || (mode & 0o111) !== 0) return 'it is no list';
    if (!hasKernel(release ?? other ?? '', view)) return 'there is no kernel that would read it';
    const content = view.image.contents.get(path);
    if (content === undefined) return 'its content is not known';
    const folder = `${posix.dirname(path)}/`;
    const strange = modulesIn(path, content).filter((each) => {
      const module = posix.join(folder, each);
      return each.startsWith('/') || !module.startsWith(folder) || !view.image.entries.has(module);
    });
    return strange.length === 0 ? null : `it names ${named(strange)}, which is not there`;
  },
};

/** Links to the newest kernel. */
const LINKS: Rule = {
  by: 'linux-update-symlinks',
  covers: (path, { kind }) => kind === 'link' && /^\/(boot\/)?(vmlinuz|initrd\.img)(\.old)?$/.test(path),
  problem: ({ path, target = '' }, { image }) => {
    const leads = posix.resolve(posix.dirname(path), target);
    const name = posix.basename(path).replace(/\.old$/, '');
    return leads.startsWith(`/boot/${name}-`) && image.entries.has(leads) ? null : `it leads to ${leads}`;
  },
};

/** A kernel that a package brought, and the ramdisk that is made for it. */
function hasKernel(release: string, { image }: View): boolean {
  return image.entries.has(`/boot/vmlinuz-${release}`);
}

/** A comment, or a setting whose value is the words that stand there: nothing that a shell would run. */
const SETTING = /^\s*(#.*|(export )?\w+=("[^"$`\\]*"|'[^']*'|[\w./:@%+,-]*)\s*|)$/;
const SETTINGS = /^conf\/(arch|initramfs)\.conf$/;
const ORDER = /^scripts\/[\w-]+\/ORDER$/;
const AFTER_EACH = '[ -e /conf/param.conf ] && . /conf/param.conf';

/** What mkinitramfs writes itself; all else it copies from the image. */
const WRITTEN = [
  SETTINGS,
  /^conf\/(modules|uuid\.conf)$/,
  /^cryptroot\/[\w./-]+$/,
  ORDER,
  /^etc\/(ld\.so\.cache|mtab|fstab|passwd|group|mdadm\/mdadm\.conf|initrd-release)$/,
  /^(usr\/)?lib\/modules\/[^/]+\/modules\.[\w.]+$/,
  /^var\/cache\/fontconfig\//,
  // Its first part is for the processor, before there is a file system.
  /^kernel\/x86\/microcode\/\w+\.bin$/,
];

/** A program that is on the ramdisk and nowhere on the image runs before anything else does. */
function strangeMembers(path: string, { image }: View): readonly string[] {
  const members = image.members.get(path) ?? [];
  const known = new Set([...image.entries.values()].map(({ sha256 }) => sha256));
  return members
    .filter(
      ({ kind, path: name, sha256 }) =>
        kind === 'file' && (sha256 === undefined || !known.has(sha256)) && !WRITTEN.some((each) => each.test(name)),
    )
    .map(({ path: name }) => name);
}

/** A line of an order: it calls a script that is there. */
function isCall(line: string, files: ReadonlySet<string>): boolean {
  const script = /^\/(scripts\/[\w-]+\/[\w.-]+) "\$@"$/.exec(line)?.[1];
  return line === '' || line === AFTER_EACH || (script !== undefined && files.has(script));
}

function hasOnly(isLine: (line: string) => boolean, { base64 }: MemberLine): boolean {
  return base64 !== undefined && Buffer.from(base64, 'base64').toString('utf8').split('\n').every(isLine);
}

/** Files that the ramdisk's first program reads as shell, and that hold more than mkinitramfs writes there. */
function strangeTexts(path: string, { image }: View): readonly string[] {
  const members = (image.members.get(path) ?? []).filter(({ kind }) => kind === 'file');
  const files = new Set(members.map(({ path: name }) => name));
  const isStrange = (member: MemberLine): boolean =>
    (SETTINGS.test(member.path) && !hasOnly((line) => SETTING.test(line), member)) ||
    (ORDER.test(member.path) && !hasOnly((line) => isCall(line, files), member));
  return members.filter(isStrange).map(({ path: name }) => name);
}

const RAMDISK: Rule = {
  by: 'update-initramfs',
  covers: (path) => /^\/(boot\/initrd\.img-|var\/lib\/initramfs-tools\/)[^/]*$/.test(path),
  problem: ({ path, kind, mode }, view) => {
    if (kind !== 'file' || (mode & 0o111) !== 0) return 'it is no ramdisk';
    const release = posix.basename(path).replace(/^initrd\.img-/, '');
    if (!hasKernel(release, view)) return `there is no kernel ${release}`;
    if (!path.startsWith('/boot/')) return null;
    if (!view.image.members.has(path)) return 'what is in it could not be read';
    const strange = strangeMembers(path, view);
    if (strange.length > 0) return `it has ${named(strange)}, which is not on the image`;
    const texts = strangeTexts(path, view);
    return texts.length === 0 ? null : `in its ${named(texts)} is more than mkinitramfs writes`;
  },
};

export const OF_KERNELS: readonly Rule[] = [INDEXES, LINKS, RAMDISK];
