import type { AuditEntry } from '#contracts/audit.ts';

const EXTENTS = 0x80000;
const INLINE_DATA = 0x10000000;
const IMMUTABLE = 0x10;
const APPEND_ONLY = 0x20;
const ENCRYPTED = 0x800;

/** The part that every inode has; what follows is as long as `extra_isize` says. */
const BASE_BYTES = 128;
const BLOCK_FIELD_AT = 0x28;
const BLOCK_FIELD_BYTES = 60;

type Kind = AuditEntry['kind'];

const KINDS: Readonly<Record<number, Kind>> = {
  1: 'pipe',
  2: 'char',
  4: 'folder',
  6: 'block',
  8: 'file',
  10: 'link',
  12: 'socket',
};

/** Of a mode as stat(2) gives it. */
export function kindOf(mode: number): Kind | undefined {
  return KINDS[mode >>> 12];
}

export type Inode = {
  readonly number: number;
  readonly kind: Kind;
  /** Permissions, with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly links: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  readonly ctime: number;
  /** 0 where inodes have no room for it. */
  readonly crtime: number;
  /** Blocks of 512 bytes, those of attributes too. */
  readonly sectors: number;
  readonly isImmutable: boolean;
  readonly isAppendOnly: boolean;
  readonly hasExtents: boolean;
  readonly isInline: boolean;
  readonly isEncrypted: boolean;
  /** The block with further attributes, or 0. */
  readonly attributeBlock: number;
  /** The 60 bytes of the block map: map, extents, target, device or content. */
  readonly map: Buffer;
  /** What lies behind the inode's own fields: attributes. */
  readonly rest: Buffer;
};

function timeOf(raw: Buffer, seconds: number, extra: number, extraBytes: number): number {
  const base = raw.readInt32LE(seconds);
  if (extra + 4 > BASE_BYTES + extraBytes) return base;
  const more = raw.readUInt32LE(extra);
  return base + (more & 3) * 2 ** 32 + (more >>> 2) / 1e9;
}

function crtimeOf(raw: Buffer, extraBytes: number): number {
  return BASE_BYTES + extraBytes < 0x94 ? 0 : timeOf(raw, 0x90, 0x94, extraBytes);
}

/**
 * @param raw all bytes of the inode
 * @returns null for an inode that is free or was deleted
 * @throws Error when it is damaged
 */
export function parseInode(raw: Buffer, number: number, hasLargeDirectories: boolean): Inode | null {
  const mode = raw.readUInt16LE(0);
  const links = raw.readUInt16LE(0x1a);
  if (mode === 0 || links === 0) return null;
  const kind = kindOf(mode);
  if (kind === undefined) throw new Error(`inode ${number} is damaged: mode 0${mode.toString(8)}`);
  const extraBytes = raw.length > BASE_BYTES ? raw.readUInt16LE(BASE_BYTES) : 0;
  if (extraBytes % 4 !== 0 || BASE_BYTES + extraBytes > raw.length)
    throw new Error(`inode ${number} is damaged: ${extraBytes} bytes of further fields`);
  const flags = raw.readUInt32LE(0x20);
  const hasHighSize = kind === 'file' || (kind === 'folder' && hasLargeDirectories);
  return {
    number,
    kind,
    mode: mode & 0o7777,
    uid: raw.readUInt16LE(2) + raw.readUInt16LE(0x78) * 2 ** 16,
    gid: raw.readUInt16LE(0x18) + raw.readUInt16LE(0x7a) * 2 ** 16,
    size: raw.readUInt32LE(4) + (hasHighSize ? raw.readUInt32LE(0x6c) * 2 ** 32 : 0),
    links,
    mtime: timeOf(raw, 0x10, 0x88, extraBytes),
    ctime: timeOf(raw, 0xc, 0x84, extraBytes),
    crtime: crtimeOf(raw, extraBytes),
    sectors: raw.readUInt32LE(0x1c) + raw.readUInt16LE(0x74) * 2 ** 32,
    isImmutable: (flags & IMMUTABLE) !== 0,
    isAppendOnly: (flags & APPEND_ONLY) !== 0,
    hasExtents: (flags & EXTENTS) !== 0,
    isInline: (flags & INLINE_DATA) !== 0,
    isEncrypted: (flags & ENCRYPTED) !== 0,
    attributeBlock: raw.readUInt32LE(0x68) + raw.readUInt16LE(0x76) * 2 ** 32,
    map: raw.subarray(BLOCK_FIELD_AT, BLOCK_FIELD_AT + BLOCK_FIELD_BYTES),
    rest: raw.subarray(BASE_BYTES + extraBytes),
  };
}

/** `major:minor`; the first field has the old form of 16 bits, the second one the new form when the first is 0. */
export function deviceOf({ map }: Inode): string {
  const old = map.readUInt32LE(0);
  if (old !== 0) return `${(old >>> 8) & 0xff}:${old & 0xff}`;
  const large = map.readUInt32LE(4);
  return `${(large & 0xfff00) >>> 8}:${(large & 0xff) | ((large >>> 12) & 0xfff00)}`;
}
