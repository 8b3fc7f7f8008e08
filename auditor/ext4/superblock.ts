import type { Bytes } from '../bytes.ts';

/** Where the superblock lies, whatever the block size is. */
const SUPERBLOCK_AT = 1024;
const SUPERBLOCK_BYTES = 1024;
const MAGIC = 0xef53;

const COMPAT_JOURNAL = 0x4;
const COMPAT_SPARSE_SUPER2 = 0x200;
const INCOMPAT_FILETYPE = 0x2;
const INCOMPAT_RECOVER = 0x4;
const INCOMPAT_META_BG = 0x10;
const INCOMPAT_64BIT = 0x80;
const INCOMPAT_LARGEDIR = 0x4000;
const RO_SPARSE_SUPER = 0x1;
const RO_BIGALLOC = 0x200;

/** `incompat`: who does not know one of these cannot read the file system. */
const INCOMPATIBLE: readonly { readonly bit: number; readonly name: string; readonly isKnown: boolean }[] = [
  { bit: 0x1, name: 'compression', isKnown: false },
  { bit: INCOMPAT_FILETYPE, name: 'filetype', isKnown: true },
  { bit: INCOMPAT_RECOVER, name: 'needs_recovery', isKnown: true },
  { bit: 0x8, name: 'journal_dev', isKnown: false },
  { bit: INCOMPAT_META_BG, name: 'meta_bg', isKnown: true },
  { bit: 0x40, name: 'extent', isKnown: true },
  { bit: INCOMPAT_64BIT, name: '64bit', isKnown: true },
  { bit: 0x100, name: 'mmp', isKnown: true },
  { bit: 0x200, name: 'flex_bg', isKnown: true },
  { bit: 0x400, name: 'ea_inode', isKnown: true },
  { bit: 0x1000, name: 'dirdata', isKnown: false },
  { bit: 0x2000, name: 'metadata_csum_seed', isKnown: true },
  { bit: INCOMPAT_LARGEDIR, name: 'large_dir', isKnown: true },
  { bit: 0x8000, name: 'inline_data', isKnown: true },
  { bit: 0x10000, name: 'encrypt', isKnown: false },
  { bit: 0x20000, name: 'casefold', isKnown: false },
];

/** Sizes in bytes, places in blocks from the beginning of the file system. */
export type Superblock = {
  readonly inodes: number;
  readonly blocks: number;
  readonly blockSize: number;
  readonly firstDataBlock: number;
  readonly blocksPerGroup: number;
  readonly inodesPerGroup: number;
  readonly inodeSize: number;
  readonly descriptorSize: number;
  /** Of descriptors; null without meta_bg. */
  readonly firstMetaGroup: number | null;
  readonly hasFileTypes: boolean;
  readonly hasLargeDirectories: boolean;
  /** What was written last is in the journal, and not yet in its place. */
  readonly needsRecovery: boolean;
  /** 0 without a journal. */
  readonly journalInode: number;
  /** Whether a group begins with a copy of the superblock. */
  readonly hasSuperblock: (group: number) => boolean;
};

function isPowerOf(base: number, group: number): boolean {
  let power = base;
  while (power < group) power *= base;
  return power === group;
}

function backups(sb: Buffer): (group: number) => boolean {
  if ((sb.readUInt32LE(0x5c) & COMPAT_SPARSE_SUPER2) !== 0) {
    const held = [0, sb.readUInt32LE(0x24c), sb.readUInt32LE(0x250)];
    return (group) => held.includes(group);
  }
  if ((sb.readUInt32LE(0x64) & RO_SPARSE_SUPER) === 0) return () => true;
  return (group) => group <= 1 || [3, 5, 7].some((base) => isPowerOf(base, group));
}

function refuseUnknown(incompat: number, roCompat: number): void {
  let unknown = incompat;
  for (const { bit, name, isKnown } of INCOMPATIBLE) {
    if ((incompat & bit) === 0) continue;
    if (!isKnown) throw new Error(`the file system has the feature ${name}, which is not read here`);
    unknown &= ~bit;
  }
  if (unknown !== 0)
    throw new Error(`the file system has unknown features: incompat 0x${(unknown >>> 0).toString(16)}`);
  // Its bitmaps count clusters; nothing else here would be wrong with it.
  if ((roCompat & RO_BIGALLOC) !== 0)
    throw new Error('the file system has the feature bigalloc, which is not read here');
}

function refuseDamage(read: Superblock, bytes: number): void {
  const { blocks, blockSize, blocksPerGroup, inodesPerGroup, inodeSize, descriptorSize, inodes } = read;
  const isPower = (value: number) => value > 0 && (value & (value - 1)) === 0;
  const wrong: readonly (readonly [boolean, string])[] = [
    [blocks < 1 || blocks * blockSize > bytes, `${blocks} blocks of ${blockSize} bytes, and ${bytes} bytes are there`],
    [blocksPerGroup < 8 || blocksPerGroup > 8 * blockSize, `${blocksPerGroup} blocks in a group`],
    [inodesPerGroup < 1 || inodesPerGroup > 8 * blockSize, `${inodesPerGroup} inodes in a group`],
    [!isPower(inodeSize) || inodeSize < 128 || inodeSize > blockSize, `inodes of ${inodeSize} bytes`],
    [
      !isPower(descriptorSize) || descriptorSize < 32 || descriptorSize > 1024,
      `descriptors of ${descriptorSize} bytes`,
    ],
    [read.firstDataBlock !== (blockSize === 1024 ? 1 : 0), `block ${read.firstDataBlock} as the first`],
    [
      inodes !== inodesPerGroup * groupsOf(read),
      `${inodes} inodes, ${inodesPerGroup} in each of ${groupsOf(read)} groups`,
    ],
  ];
  for (const [isWrong, what] of wrong) if (isWrong) throw new Error(`the superblock is damaged: ${what}`);
}

export function groupsOf({ blocks, firstDataBlock, blocksPerGroup }: Superblock): number {
  return Math.ceil((blocks - firstDataBlock) / blocksPerGroup);
}

/** Whether an ext2, ext3 or ext4 file system begins here; whether it can be read is another question. */
export function isExt4(source: Bytes): boolean {
  return (
    source.bytes >= SUPERBLOCK_AT + SUPERBLOCK_BYTES && source.read(SUPERBLOCK_AT + 0x38, 2).readUInt16LE() === MAGIC
  );
}

/** @throws Error when it is damaged, or has a feature that is not read here, by the feature's name */
export function readSuperblock(source: Bytes): Superblock {
  if (!isExt4(source)) throw new Error('this is no ext4 file system');
  const sb = source.read(SUPERBLOCK_AT, SUPERBLOCK_BYTES);
  const isOld = sb.readUInt32LE(0x4c) === 0;
  const incompat = isOld ? 0 : sb.readUInt32LE(0x60);
  refuseUnknown(incompat, isOld ? 0 : sb.readUInt32LE(0x64));
  const has = (bit: number) => (incompat & bit) !== 0;
  const logBlockSize = sb.readUInt32LE(0x18);
  if (logBlockSize > 6) throw new Error(`the superblock is damaged: blocks of 2^${10 + logBlockSize} bytes`);
  const read: Superblock = {
    inodes: sb.readUInt32LE(0),
    blocks: sb.readUInt32LE(4) + (has(INCOMPAT_64BIT) ? sb.readUInt32LE(0x150) * 2 ** 32 : 0),
    blockSize: 1024 << logBlockSize,
    firstDataBlock: sb.readUInt32LE(0x14),
    blocksPerGroup: sb.readUInt32LE(0x20),
    inodesPerGroup: sb.readUInt32LE(0x28),
    inodeSize: isOld ? 128 : sb.readUInt16LE(0x58),
    descriptorSize: has(INCOMPAT_64BIT) ? sb.readUInt16LE(0xfe) : 32,
    firstMetaGroup: has(INCOMPAT_META_BG) ? sb.readUInt32LE(0x104) : null,
    hasFileTypes: has(INCOMPAT_FILETYPE),
    hasLargeDirectories: has(INCOMPAT_LARGEDIR),
    needsRecovery: has(INCOMPAT_RECOVER),
    journalInode: !isOld && (sb.readUInt32LE(0x5c) & COMPAT_JOURNAL) !== 0 ? sb.readUInt32LE(0xe0) : 0,
    hasSuperblock: isOld ? () => true : backups(sb),
  };
  refuseDamage(read, source.bytes);
  return read;
}
