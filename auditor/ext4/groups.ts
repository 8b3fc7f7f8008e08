import type { Bytes } from '../bytes.ts';
import { groupsOf, type Superblock } from './superblock.ts';

/** The block bitmap was never written: none of the group's blocks belongs to a file. */
const BLOCK_UNINIT = 0x2;

/** Places in blocks from the beginning of the file system. */
export type Group = {
  readonly blockBitmap: number;
  readonly inodeTable: number;
  readonly isBitmapWritten: boolean;
};

/** Where a block of descriptors lies: behind the superblock, or with meta_bg at the beginning of its own groups. */
function descriptorBlock(sb: Superblock, at: number): number {
  if (sb.firstMetaGroup === null || at < sb.firstMetaGroup) return sb.firstDataBlock + 1 + at;
  const group = at * Math.floor(sb.blockSize / sb.descriptorSize);
  return sb.firstDataBlock + group * sb.blocksPerGroup + (sb.hasSuperblock(group) ? 1 : 0);
}

/** @throws Error when a group's tables are not within the file system */
export function readGroups(source: Bytes, sb: Superblock): readonly Group[] {
  const perBlock = Math.floor(sb.blockSize / sb.descriptorSize);
  const tableBlocks = Math.ceil((sb.inodesPerGroup * sb.inodeSize) / sb.blockSize);
  const groups: Group[] = [];
  for (let number = 0; number < groupsOf(sb); number += 1) {
    const block = descriptorBlock(sb, Math.floor(number / perBlock));
    const raw = source.read(block * sb.blockSize + (number % perBlock) * sb.descriptorSize, sb.descriptorSize);
    const place = (low: number, high: number) =>
      raw.readUInt32LE(low) + (sb.descriptorSize >= 64 ? raw.readUInt32LE(high) * 2 ** 32 : 0);
    const group = {
      blockBitmap: place(0, 0x20),
      inodeTable: place(8, 0x28),
      isBitmapWritten: (raw.readUInt16LE(0x12) & BLOCK_UNINIT) === 0,
    };
    if (group.blockBitmap >= sb.blocks || group.inodeTable + tableBlocks > sb.blocks)
      throw new Error(`group ${number} is damaged: its tables are not within the file system`);
    groups.push(group);
  }
  return groups;
}
