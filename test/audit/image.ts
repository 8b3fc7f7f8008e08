/** Disks as an auditor reads them, made of a few entries. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { AuditEntry, AuditLine, MemberLine, Partition } from '#contracts/audit.ts';
import type { ProvisionedEntry } from '#contracts/provisioned.ts';
import type { Audited } from '../../src/audit/audited.ts';
import type { ExplainInput } from '../../src/audit/explain.ts';
import type { View } from '../../src/audit/generated/rule.ts';
import { ruleOf } from '../../src/audit/generated/rules.ts';
import { packagesOf } from '../../src/audit/packages.ts';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { goldenPlan } from '../render/golden-cases.ts';

/** An entry with what is in it. */
export type Item = { readonly entry: AuditEntry; readonly content: Buffer | null };

export function hashOf(algorithm: 'md5' | 'sha256', content: string | Buffer): string {
  return createHash(algorithm).update(content).digest('hex');
}

const PLAIN = { uid: 0, gid: 0, inode: 12, links: 1, mtime: 1000, ctime: 1000, crtime: 1000 } as const;

export function file(path: string, content: string | Buffer = '', more: Partial<AuditEntry> = {}): Item {
  const bytes = Buffer.from(content);
  const sums = { size: bytes.length, sha256: hashOf('sha256', bytes), md5: hashOf('md5', bytes) };
  return { entry: { path, kind: 'file', mode: 0o644, ...PLAIN, ...sums, ...more }, content: bytes };
}

/** A file whose content was not asked for. */
export function unread(path: string, content: string | Buffer = '', more: Partial<AuditEntry> = {}): Item {
  return { ...file(path, content, more), content: null };
}

export function folder(path: string, more: Partial<AuditEntry> = {}): Item {
  return { entry: { path, kind: 'folder', mode: 0o755, ...PLAIN, ...more }, content: null };
}

export function link(path: string, target: string, more: Partial<AuditEntry> = {}): Item {
  return { entry: { path, kind: 'link', mode: 0o777, ...PLAIN, target, ...more }, content: null };
}

/** What is neither file, folder nor link. */
export function special(
  path: string,
  kind: 'char' | 'block' | 'pipe' | 'socket',
  more: Partial<AuditEntry> = {},
): Item {
  const device = kind === 'char' || kind === 'block' ? { device: '1:1' } : {};
  return { entry: { path, kind, mode: 0o600, ...PLAIN, ...device, ...more }, content: null };
}

export const ROOT_PARTITION: Partition = {
  number: 1,
  from: 1024 * 1024,
  bytes: 8 * 1024 * 1024,
  type: '0fc63daf-8483-4772-8e79-3d69d8477de4',
  label: null,
  fileSystem: 'ext4',
  sha256: null,
};

export type More = {
  readonly partitions?: readonly Partition[];
  /** Of archives that are not empty, by their path. */
  readonly members?: Readonly<Record<string, readonly MemberLine[]>>;
};

/** A later item of a path stands for an earlier one. Ramdisks are archives, empty where nothing is said of them. */
export function image(all: readonly Item[], { partitions = [ROOT_PARTITION], members = {} }: More = {}): Audited {
  const items = [...new Map(all.map((item) => [item.entry.path, item])).values()];
  const archives = items.map(({ entry }) => entry.path).filter((path) => path.startsWith('/boot/initrd.img-'));
  return {
    partitions,
    entries: new Map(items.map(({ entry }) => [entry.path, entry])),
    contents: new Map(items.flatMap(({ entry, content }) => (content === null ? [] : [[entry.path, content]]))),
    elsewhere: new Set(),
    members: new Map([...archives.map((path) => [path, []] as const), ...Object.entries(members)]),
  };
}

/** What the auditor's program would print of these lines. */
export function printed(lines: readonly AuditLine[], count = lines.length + 1): Buffer {
  const all: readonly AuditLine[] = [...lines, { type: 'end', lines: count, durationMs: 1 }];
  return gzipSync(all.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

export type FakePackage = {
  readonly name: string;
  readonly version?: string;
  readonly architecture?: string;
  readonly multiArch?: string;
  readonly status?: string;
  /** Content by path, as the package's own lists say it (`/bin/x`). */
  readonly files?: Readonly<Record<string, string>>;
  readonly conffiles?: Readonly<Record<string, string>>;
  /** Folders and links. */
  readonly others?: readonly string[];
  /** Content of scripts by the end of their name. */
  readonly scripts?: Readonly<Record<string, string>>;
};

function stanza({
  name,
  version = '1',
  architecture = 'amd64',
  multiArch,
  status,
  conffiles = {},
}: FakePackage): string {
  const listed = Object.entries(conffiles).map(([path, content]) => ` ${path} ${hashOf('md5', content)}`);
  return [
    `Package: ${name}`,
    `Status: ${status ?? 'install ok installed'}`,
    `Architecture: ${architecture}`,
    ...(multiArch === undefined ? [] : [`Multi-Arch: ${multiArch}`]),
    `Version: ${version}`,
    ...(listed.length === 0 ? [] : ['Conffiles:', ...listed]),
    `Description: ${name}`,
    ' more of it: with a colon',
    '',
  ].join('\n');
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('');
}

export const DPKG = '/var/lib/dpkg';

function infoOf({ name, architecture = 'amd64', multiArch, ...more }: FakePackage): readonly Item[] {
  const { files = {}, conffiles = {}, others = [], scripts = {} } = more;
  const at = `${DPKG}/info/${multiArch === 'same' ? `${name}:${architecture}` : name}`;
  const sums = Object.entries(files).map(([path, content]) => `${hashOf('md5', content)}  ${path.slice(1)}`);
  return [
    file(`${at}.list`, lines(['/.', ...Object.keys(files), ...Object.keys(conffiles), ...others])),
    file(`${at}.md5sums`, lines(sums)),
    ...Object.entries(scripts).map(([kind, content]) => file(`${at}.${kind}`, content, { mode: 0o755 })),
  ];
}

/** dpkg's database of packages, without what they bring. */
export function database(packages: readonly FakePackage[], diversions: readonly string[] = []): readonly Item[] {
  return [
    file(`${DPKG}/status`, `${packages.map(stanza).join('\n')}\n`),
    ...(diversions.length === 0 ? [] : [file(`${DPKG}/diversions`, lines(diversions))]),
    ...packages.flatMap(infoOf),
  ];
}

/** dpkg's database, and the files of the packages where their lists say. */
export function installed(packages: readonly FakePackage[], diversions: readonly string[] = []): readonly Item[] {
  const files = packages.flatMap(({ files = {}, conffiles = {} }) => Object.entries({ ...files, ...conffiles }));
  return [...database(packages, diversions), ...files.map(([path, content]) => file(path, content))];
}

/** The folders of / that are links on a merged system. */
export const MERGED: readonly Item[] = ['bin', 'sbin', 'lib', 'lib64'].map((name) => link(`/${name}`, `usr/${name}`));

export function view(ofImage: readonly Item[], ofBase: readonly Item[] = [], sshUser = 'admin'): View {
  const [disk, base] = [image(ofImage), image(ofBase)];
  return { image: disk, base, packages: packagesOf(disk), basePackages: packagesOf(base), sshUser };
}

const GOLDEN = await goldenPlan('cpu-bookworm-local');

export function plan(more: Partial<BuildPlan> = {}): BuildPlan {
  return { ...GOLDEN, provisioned: [], auditExceptions: [], ...more };
}

export function explainInput(
  ofImage: readonly Item[],
  ofBase: readonly Item[] = [],
  more: {
    readonly provisioned?: readonly ProvisionedEntry[];
    readonly installed?: readonly string[];
    readonly altered?: readonly string[];
  } = {},
): ExplainInput {
  const { provisioned = [] } = more;
  return {
    ...view(ofImage, ofBase),
    plan: plan({ provisioned }),
    provisioned,
    altered: new Set(),
    installed: new Set(more.installed ?? []),
  };
}

/**
 * What the rule for what programs make says of one of the image's entries: null for what is right, `no rule` for what
 * none covers.
 */
export function ruled(path: string, seen: View): string | null {
  const entry = seen.image.entries.get(path);
  if (entry === undefined) throw new Error(`the fixture has no ${path}`);
  const rule = ruleOf(entry, seen);
  if (rule === undefined) return 'no rule';
  if (rule.isOwner?.(entry, seen) === false) return 'its owner';
  return rule.problem(entry, seen);
}
