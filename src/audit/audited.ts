import { gunzipSync } from 'node:zlib';
import type { AuditEntry, AuditLine, FindingLine, MemberLine, Partition } from '#contracts/audit.ts';
import { onHost } from '#contracts/host-paths.ts';
import { outsideError } from '../io/errors.ts';

/** A disk as the auditor's program read it, by path. */
export type Audited = {
  readonly partitions: readonly Partition[];
  readonly entries: ReadonlyMap<string, AuditEntry>;
  /** Of the files that were asked for. */
  readonly contents: ReadonlyMap<string, Buffer>;
  /** Of archives, by their path. */
  readonly members: ReadonlyMap<string, readonly MemberLine[]>;
  /** Paths of partitions beside the one that / is on. */
  readonly elsewhere: ReadonlySet<string>;
};

function unreadable(why: string): Error {
  return outsideError('AUDIT_UNREADABLE', `What the auditor printed cannot be used: ${why}.`);
}

/** The lines of a whole output of the auditor's program. @throws EcsHostError (outside) `AUDIT_UNREADABLE` */
export function auditLines(compressed: Uint8Array): readonly AuditLine[] {
  let lines: AuditLine[];
  try {
    const text = gunzipSync(compressed).toString('utf8');
    lines = text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as AuditLine);
  } catch {
    throw unreadable('it is no compressed text, or ends too early');
  }
  const last = lines.at(-1);
  if (last?.type !== 'end') throw unreadable('it has no last line');
  if (last.lines !== lines.length) throw unreadable(`it has ${lines.length} of ${last.lines} lines`);
  return lines;
}

/** The partition that the machine boots from: where /etc is. */
function rootOf(lines: readonly AuditLine[]): number {
  const etc = lines.find((line) => line.type === 'entry' && line.path === '/etc');
  if (etc?.type !== 'entry') throw unreadable('no file system on the disk has an /etc');
  return etc.partition;
}

/** The partition of kernels, where they have one (Ubuntu 24.04), or null. */
function bootOf(lines: readonly AuditLine[], root: number): number | null {
  const partitionOf = (isIt: (path: string) => boolean): number | null => {
    const found = lines.find((line) => line.type === 'entry' && line.partition !== root && isIt(line.path));
    return found?.type === 'entry' ? found.partition : null;
  };
  const ofKernels = partitionOf((path) => path.startsWith('/vmlinuz-'));
  return ofKernels !== null && partitionOf((path) => path === '/grub') === ofKernels ? ofKernels : null;
}

/** @throws EcsHostError (outside) `AUDIT_UNREADABLE` */
export function auditedDisk(compressed: Uint8Array): Audited {
  const lines = auditLines(compressed);
  const root = rootOf(lines);
  const boot = bootOf(lines, root);
  const entries = new Map<string, AuditEntry>();
  const contents = new Map<string, Buffer>();
  const members = new Map<string, MemberLine[]>();
  const elsewhere = new Set<string>();
  let partitions: readonly Partition[] = [];
  let key = '';
  for (const line of lines) {
    if (line.type === 'disk') partitions = line.partitions;
    else if (line.type === 'content') {
      // It stands right behind its entry, and does not say itself which partition that is of.
      if (!key.endsWith(line.path)) throw unreadable(`there is a content of ${line.path} without its file`);
      contents.set(key, Buffer.from(line.base64, 'base64'));
    } else if (line.type === 'member') {
      // As a content does, it stands behind its archive.
      const others = members.get(key);
      if (others === undefined) members.set(key, [line]);
      else others.push(line);
    } else if (line.type === 'entry') {
      const { type: _type, partition, ...entry } = line;
      // A file of another partition has another partition's number before its path, which no path begins with.
      key = partition === root ? entry.path : `${partition === boot ? '/boot' : `${partition}:`}${entry.path}`;
      // Where it is mounted the root has a folder, and its own is the one of the other partition.
      const isMountPoint = partition === boot && entry.path === '/';
      if (isMountPoint) key = `${partition}:/`;
      if (entries.has(key)) throw unreadable(`${key} is there twice`);
      if (partition !== root) elsewhere.add(key);
      entries.set(key, { ...entry, path: key });
    }
  }
  return { partitions, entries, contents, members, elsewhere };
}

/** @throws EcsHostError (outside) `AUDIT_UNREADABLE` */
export function auditedFindings(compressed: Uint8Array): readonly FindingLine[] {
  return auditLines(compressed).filter((line) => line.type === 'finding');
}

export function textOf({ contents }: Pick<Audited, 'contents'>, path: string): string | null {
  return contents.get(path)?.toString('utf8') ?? null;
}

/** Paths below these are asked for with their content: what rules look into. */
export const CONTENTS = [
  '/boot/grub/',
  '/grub/',
  '/etc/',
  '/home/',
  onHost('ecs'),
  onHost('image.json'),
  onHost('plan-summary.json'),
  onHost('security-updates.json'),
  '/swapfile',
  '/usr/lib/modules/*/modules.',
  '/var/cache/debconf/',
  '/var/lib/apt/extended_states',
  '/var/lib/dpkg/',
  '/var/lib/nvidia/log',
  '/var/lib/sgml-base/',
  '/var/lib/snapd/lab-system.json',
  '/var/lib/snapd/state.json',
  '/var/lib/snapd/system-key',
  '/var/lib/systemd/',
  '/var/lib/xml-core/',
  '/var/log/wtmp',
];
