import type { Inode } from './inode.ts';
import type { Superblock } from './superblock.ts';

/** Blocks of a file that follow each other both in the file and on the disk. */
export type Run = {
  /** The first one's number in the file. */
  readonly logical: number;
  readonly physical: number;
  readonly blocks: number;
  /** A block that was reserved and never written reads as zeros, and holds what somebody else left. */
  readonly isWritten: boolean;
};

/** Gives a block of the file system. */
type ReadBlock = (block: number) => Buffer;

const EXTENT_MAGIC = 0xf30a;
const HEADER_BYTES = 12;
const ENTRY_BYTES = 12;
const MOST_DEPTH = 5;
/** Longer than this an extent is one that was never written. */
const MOST_WRITTEN = 32768;

const DIRECT = 12;

/** Collects runs of one file, in order, and sees to it that they are possible. */
class RunList {
  readonly runs: Run[] = [];
  readonly #inode: number;
  readonly #sb: Superblock;
  #end = 0;

  constructor(inode: number, sb: Superblock) {
    this.#inode = inode;
    this.#sb = sb;
  }

  add(run: Run): void {
    const { logical, physical, blocks, isWritten } = run;
    if (logical < this.#end) this.damaged(`block ${logical} of the file comes after block ${this.#end - 1}`);
    if (physical < this.#sb.firstDataBlock || physical + blocks > this.#sb.blocks)
      this.damaged(`${blocks} blocks at ${physical} are not within the file system`);
    // More pieces than there are blocks can only come from blocks that are counted again and again.
    if (this.runs.length > this.#sb.blocks) this.damaged('more extents than the file system has blocks');
    this.#end = logical + blocks;
    const last = this.runs.at(-1);
    const follows =
      last !== undefined &&
      last.isWritten === isWritten &&
      last.logical + last.blocks === logical &&
      last.physical + last.blocks === physical;
    if (follows) this.runs[this.runs.length - 1] = { ...last, blocks: last.blocks + blocks };
    else this.runs.push(run);
  }

  damaged(what: string): never {
    throw new Error(`the block map of inode ${this.#inode} is damaged: ${what}`);
  }
}

/** @param depth what the node above leaves room for; null for the root */
function readExtents(node: Buffer, depth: number | null, readBlock: ReadBlock, list: RunList): void {
  const [magic, entries, max] = [node.readUInt16LE(0), node.readUInt16LE(2), node.readUInt16LE(4)];
  const own = node.readUInt16LE(6);
  if (magic !== EXTENT_MAGIC) list.damaged(`0x${magic.toString(16)} where a node of extents should begin`);
  if (own > MOST_DEPTH || (depth !== null && own !== depth)) list.damaged(`a node of depth ${own}`);
  if (entries > max || HEADER_BYTES + entries * ENTRY_BYTES > node.length)
    list.damaged(`a node with ${entries} entries`);
  // Each node brings the file on, so that a tree has an end.
  if (entries === 0 && (own > 0 || depth !== null)) list.damaged('a node without entries');
  for (let each = 0; each < entries; each += 1) {
    const at = HEADER_BYTES + each * ENTRY_BYTES;
    if (own > 0) {
      readExtents(readBlock(node.readUInt32LE(at + 4) + node.readUInt16LE(at + 8) * 2 ** 32), own - 1, readBlock, list);
      continue;
    }
    const length = node.readUInt16LE(at + 4);
    if (length === 0) list.damaged('an extent of no blocks');
    list.add({
      logical: node.readUInt32LE(at),
      physical: node.readUInt32LE(at + 8) + node.readUInt16LE(at + 6) * 2 ** 32,
      blocks: length > MOST_WRITTEN ? length - MOST_WRITTEN : length,
      isWritten: length <= MOST_WRITTEN,
    });
  }
}

/** The map of ext2: blocks by number, and blocks of such numbers up to three deep. Only as far as the file goes. */
class BlockMap {
  readonly #readBlock: ReadBlock;
  readonly #list: RunList;
  readonly #perBlock: number;
  readonly #blocks: number;
  #logical = 0;

  constructor(readBlock: ReadBlock, list: RunList, blockSize: number, blocks: number) {
    this.#readBlock = readBlock;
    this.#list = list;
    this.#perBlock = blockSize / 4;
    this.#blocks = blocks;
  }

  read(map: Buffer): void {
    for (let each = 0; each < DIRECT; each += 1) this.#block(map.readUInt32LE(each * 4), 0);
    for (const level of [1, 2, 3]) this.#block(map.readUInt32LE((DIRECT + level - 1) * 4), level);
    if (this.#logical < this.#blocks) this.#list.damaged(`it ends before block ${this.#blocks - 1} of the file`);
  }

  #block(block: number, level: number): void {
    if (this.#logical >= this.#blocks) return;
    if (block === 0) {
      this.#logical += this.#perBlock ** level;
    } else if (level === 0) {
      this.#list.add({ logical: this.#logical, physical: block, blocks: 1, isWritten: true });
      this.#logical += 1;
    } else {
      const numbers = this.#readBlock(block);
      for (let each = 0; each < this.#perBlock; each += 1) this.#block(numbers.readUInt32LE(each * 4), level - 1);
    }
  }
}

/**
 * Where the inode's content lies, in the file's order; holes are left out. With extents also what is behind the file's
 * end.
 *
 * @throws Error when the map is damaged
 */
export function readRuns(inode: Inode, sb: Superblock, readBlock: ReadBlock): readonly Run[] {
  const list = new RunList(inode.number, sb);
  if (inode.hasExtents) readExtents(inode.map, null, readBlock, list);
  else new BlockMap(readBlock, list, sb.blockSize, Math.ceil(inode.size / sb.blockSize)).read(inode.map);
  return list.runs;
}
