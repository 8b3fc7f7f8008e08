import { type Bytes, CachedBytes, type Piece } from '../bytes.ts';
import {
  attributesInBlock,
  attributesInInode,
  attributeValue,
  INLINE_CONTENT,
  type RawAttribute,
} from './attributes.ts';
import { type Name, readNames } from './directory.ts';
import { type Group, readGroups } from './groups.ts';
import { type Inode, parseInode } from './inode.ts';
import { NO_REPLAY, type Replay, ReplayedBytes, readReplay } from './journal.ts';
import { type Run, readRuns } from './runs.ts';
import { readSuperblock, type Superblock } from './superblock.ts';

export const ROOT_INODE = 2;

/** What Linux takes for the value of an attribute. */
const MOST_VALUE_BYTES = 64 * 1024;
const MOST_TARGET_BYTES = 4096;
/** Nothing that is baked has such holes; a damaged size would keep the reader busy for days. */
const MOST_HOLE_BYTES = 64 * 1024 ** 3;

/**
 * An ext2, ext3 or ext4 file system, read without the kernel: it must not mount what nobody trusts, and does not tell
 * which blocks are free. Checksums of metadata are not checked.
 */
export class Ext4 {
  readonly superblock: Superblock;
  readonly groups: readonly Group[];
  readonly #source: Bytes;
  /** Without the journal: pieces say themselves what lies in it. */
  readonly #asItLies: Bytes;
  readonly #replay: Replay;

  /**
   * @param isMounted that it is mounted: what is read comes from the kernel's memory then, which is ahead of the
   *   journal
   * @throws Error when it is damaged or has features that are not read here
   */
  static open(source: Bytes, isMounted: boolean): Ext4 {
    const asItLies = new Ext4(source, NO_REPLAY);
    const { needsRecovery, blockSize } = asItLies.superblock;
    const journal = asItLies.journal();
    if (isMounted || !needsRecovery || journal === null) return asItLies;
    const replay = readReplay(source, blockSize, asItLies.runs(journal));
    return new Ext4(source, replay, new ReplayedBytes(source, blockSize, replay));
  }

  private constructor(asItLies: Bytes, replay: Replay, replayed = asItLies) {
    this.#source = new CachedBytes(replayed);
    this.#asItLies = asItLies;
    this.#replay = replay;
    this.superblock = readSuperblock(this.#source);
    this.groups = readGroups(this.#source, this.superblock);
  }

  /** Null without one. */
  journal(): Inode | null {
    const { journalInode } = this.superblock;
    return journalInode === 0 ? null : this.inode(journalInode);
  }

  /** Null when it is free or was deleted. @throws Error when there is no such inode, or it is damaged */
  inode(number: number): Inode | null {
    const { inodes, inodesPerGroup, inodeSize, blockSize, hasLargeDirectories } = this.superblock;
    const group = this.groups[Math.floor((number - 1) / inodesPerGroup)];
    if (group === undefined || number < 1 || number > inodes)
      throw new Error(`inode ${number} of ${inodes} is named and is not there`);
    const at = group.inodeTable * blockSize + ((number - 1) % inodesPerGroup) * inodeSize;
    return parseInode(this.#source.read(at, inodeSize), number, hasLargeDirectories);
  }

  /** Where the content lies; empty for what lies in the inode itself. @throws Error when the map is damaged */
  runs(inode: Inode): readonly Run[] {
    if (inode.isInline) return [];
    if (inode.kind === 'link' && this.#isShortLink(inode)) return [];
    return readRuns(inode, this.superblock, (block) => this.#block(block));
  }

  /** The content as pieces of the file system's bytes, holes included; null for content in the inode itself. */
  pieces(inode: Inode): readonly Piece[] | null {
    if (inode.isInline) return null;
    this.#refuseHoles(inode);
    const { blockSize } = this.superblock;
    const pieces: Piece[] = [];
    let end = 0;
    for (const { logical, physical, blocks, isWritten } of this.runs(inode)) {
      const from = logical * blockSize;
      if (from >= inode.size) break;
      if (from > end) pieces.push({ at: null, bytes: from - end });
      end = Math.min(from + blocks * blockSize, inode.size);
      if (isWritten) this.#addWritten(pieces, physical, end - from);
      else pieces.push({ at: null, bytes: end - from });
    }
    if (end < inode.size) pieces.push({ at: null, bytes: inode.size - end });
    return pieces;
  }

  /** @throws Error when the content is longer than `most` bytes */
  content(inode: Inode, most: number): Buffer {
    if (inode.size > most) throw new Error(`inode ${inode.number} is damaged: ${inode.size} bytes of content`);
    const pieces = this.pieces(inode);
    if (pieces === null) return this.#inlineContent(inode);
    return Buffer.concat(
      pieces.map(({ at, bytes }) => (at === null ? Buffer.alloc(bytes) : this.#asItLies.read(at, bytes))),
    );
  }

  /** The first bytes of a file, which may be longer than what is read whole. */
  beginning(inode: Inode, most: number): Buffer {
    const read: Buffer[] = [];
    let left = Math.min(most, inode.size);
    for (const { at, bytes } of this.pieces(inode) ?? []) {
      const part = Math.min(bytes, left);
      if (part === 0) break;
      read.push(at === null ? Buffer.alloc(part) : this.#asItLies.read(at, part));
      left -= part;
    }
    return Buffer.concat(read);
  }

  /** The names in a folder, without `.` and `..`, in the order of the disk. */
  names(folder: Inode): readonly Name[] {
    const { blockSize, hasFileTypes, blocks } = this.superblock;
    const place = `folder ${folder.number}`;
    if (folder.isEncrypted) throw new Error(`${place} is encrypted`);
    if (folder.isInline) return this.#inlineNames(folder, place);
    if (folder.size % blockSize !== 0 || folder.size / blockSize > blocks)
      throw new Error(`${place} is damaged: ${folder.size} bytes`);
    return this.runs(folder).flatMap(({ logical, physical, blocks: count, isWritten }) => {
      const within = Math.min(count, folder.size / blockSize - logical);
      if (!isWritten || within <= 0) return [];
      return Array.from({ length: within }, (_, each) =>
        readNames(this.#block(physical + each), hasFileTypes, place),
      ).flat();
    });
  }

  /** Where a symbolic link leads to. */
  target(link: Inode): Buffer {
    if (link.size > MOST_TARGET_BYTES)
      throw new Error(`link ${link.number} is damaged: a target of ${link.size} bytes`);
    if (link.isInline || !this.#isShortLink(link)) return this.content(link, MOST_TARGET_BYTES);
    if (link.size > link.map.length) throw new Error(`link ${link.number} is damaged: its target has no block`);
    return link.map.subarray(0, link.size);
  }

  /** Extended attributes by their whole name, as getxattr(2) gives them. */
  attributes(inode: Inode): ReadonlyMap<string, Buffer> {
    const raw = this.#rawAttributes(inode).filter(({ name }) => name !== INLINE_CONTENT);
    return new Map(
      raw
        .toSorted((a, b) => (a.name < b.name ? -1 : 1))
        .map((each) => [each.name, attributeValue(each.name, this.#attributeValue(each), `inode ${inode.number}`)]),
    );
  }

  /** Blocks that are still in the journal are pieces of their own. */
  #addWritten(pieces: Piece[], physical: number, bytes: number): void {
    const { blockSize } = this.superblock;
    const { moved, magicAt } = this.#replay;
    if (moved.size === 0) {
      pieces.push({ at: physical * blockSize, bytes });
      return;
    }
    for (let done = 0; done < bytes; done += blockSize) {
      const length = Math.min(blockSize, bytes - done);
      const place = moved.get(physical + done / blockSize);
      const at = (place?.physical ?? physical + done / blockSize) * blockSize;
      const escaped = place?.isEscaped === true ? Math.min(4, length) : 0;
      if (escaped > 0) pieces.push({ at: magicAt, bytes: escaped });
      if (length > escaped) pieces.push({ at: at + escaped, bytes: length - escaped });
    }
  }

  #block(block: number): Buffer {
    if (block >= this.superblock.blocks) throw new Error(`block ${block} is named and is not in the file system`);
    return this.#source.read(block * this.superblock.blockSize, this.superblock.blockSize);
  }

  #rawAttributes(inode: Inode): RawAttribute[] {
    const inside = attributesInInode(inode);
    if (inode.attributeBlock === 0) return inside;
    return [...inside, ...attributesInBlock(this.#block(inode.attributeBlock), inode.number)];
  }

  #attributeValue({ name, value, valueInode }: RawAttribute): Buffer {
    if (valueInode === 0) return value;
    const held = this.inode(valueInode);
    if (held === null)
      throw new Error(`the value of attribute ${name} should be in inode ${valueInode}, which is free`);
    return this.content(held, MOST_VALUE_BYTES);
  }

  /** As the kernel tells them: one that has no block but that of its attributes. */
  #isShortLink({ sectors, attributeBlock }: Inode): boolean {
    return sectors === (attributeBlock === 0 ? 0 : this.superblock.blockSize / 512);
  }

  /** The map's 60 bytes, and then an attribute. */
  #inlineContent(inode: Inode): Buffer {
    const more = attributesInInode(inode).find(({ name }) => name === INLINE_CONTENT)?.value ?? Buffer.alloc(0);
    const content = Buffer.concat([inode.map, more]);
    if (inode.size > content.length)
      throw new Error(`inode ${inode.number} is damaged: ${inode.size} bytes in the inode itself`);
    return content.subarray(0, inode.size);
  }

  /** The folder above takes the first four bytes; both parts are lists of their own. */
  #inlineNames(folder: Inode, place: string): readonly Name[] {
    const { hasFileTypes } = this.superblock;
    const content = this.#inlineContent(folder);
    const first = content.subarray(4, folder.map.length);
    const second = content.subarray(folder.map.length);
    return [...readNames(first, hasFileTypes, place), ...readNames(second, hasFileTypes, place)];
  }

  #refuseHoles({ number, size }: Inode): void {
    if (size > this.#source.bytes + MOST_HOLE_BYTES)
      throw new Error(`inode ${number} is damaged: ${size} bytes in a file system of ${this.#source.bytes}`);
  }
}
