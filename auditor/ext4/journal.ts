import type { Bytes } from '../bytes.ts';
import type { Run } from './runs.ts';

/** A block that a commit wrote, and that is not in its place yet. */
export type Moved = {
  /** In the journal, as a block of the file system. */
  readonly physical: number;
  /** Its first four bytes are those of the journal's own blocks, and zeros are in their place. */
  readonly isEscaped: boolean;
};

export type Replay = {
  /** By block of the file system. */
  readonly moved: ReadonlyMap<number, Moved>;
  /** A place with the four bytes that escaped blocks begin with, in bytes of the file system. */
  readonly magicAt: number;
};

export const NO_REPLAY: Replay = { moved: new Map(), magicAt: 0 };

/** Unlike all else of ext4 the journal is big-endian. */
const MAGIC = 0xc03b3998;
const HEADER_BYTES = 12;
const UUID_BYTES = 16;

const DESCRIPTOR = 1;
const COMMIT = 2;
const REVOKE = 5;

const INCOMPAT_64BIT = 0x2;
const INCOMPAT_CSUM_V2 = 0x8;
const INCOMPAT_CSUM_V3 = 0x10;
const INCOMPAT_FAST_COMMIT = 0x20;
const KNOWN_INCOMPAT = 0x1f;

const FLAG_ESCAPED = 0x1;
const FLAG_SAME_UUID = 0x2;
const FLAG_LAST = 0x8;

type Tag = { readonly block: number; readonly isEscaped: boolean };

/** A log of transactions, in a ring of blocks. */
class Journal {
  readonly #places: readonly number[];
  readonly #read: (physical: number) => Buffer;
  readonly #incompat: number;
  readonly #first: number;
  readonly #end: number;
  readonly #start: number;
  readonly #sequence: number;
  readonly #moved = new Map<number, Moved>();

  constructor(places: readonly number[], read: (physical: number) => Buffer) {
    this.#places = places;
    this.#read = read;
    const superblock = this.#block(0);
    if (superblock.readUInt32BE(0) !== MAGIC) throw new Error('the journal is damaged: it does not begin as one');
    this.#incompat = superblock.readUInt32BE(4) === 3 ? 0 : superblock.readUInt32BE(0x28);
    if ((this.#incompat & INCOMPAT_FAST_COMMIT) !== 0)
      throw new Error('the file system was not unmounted, and its fast commits are not read here');
    if ((this.#incompat & ~KNOWN_INCOMPAT) !== 0)
      throw new Error(`the journal has unknown features: 0x${this.#incompat.toString(16)}`);
    this.#first = superblock.readUInt32BE(0x14);
    this.#sequence = superblock.readUInt32BE(0x18);
    this.#start = superblock.readUInt32BE(0x1c);
    this.#end = superblock.readUInt32BE(0x10);
    const isWithin = this.#first > 0 && this.#first < this.#end && this.#start < this.#end;
    if (this.#end > places.length || !isWithin) throw new Error('the journal is damaged: it is not within its inode');
  }

  /** As a kernel plays it: commits in their order, without the blocks that a later one revokes. */
  replay(): ReadonlyMap<number, Moved> {
    if (this.#start === 0) return this.#moved;
    const revoked = new Map<number, number>();
    const commits: { readonly sequence: number; readonly writes: readonly (readonly [number, Moved])[] }[] = [];
    let writes: (readonly [number, Moved])[] = [];
    let revokes: number[] = [];
    let sequence = this.#sequence;
    // Each block of the ring is seen once at most.
    for (let at = this.#start, seen = 0; seen < this.#end; seen += 1) {
      const block = this.#block(at);
      if (block.readUInt32BE(0) !== MAGIC || block.readUInt32BE(8) !== sequence) break;
      const type = block.readUInt32BE(4);
      at = this.#next(at);
      if (type === DESCRIPTOR) {
        for (const { block: target, isEscaped } of this.#tags(block)) {
          writes.push([target, { physical: this.#places[at] ?? 0, isEscaped }]);
          [at, seen] = [this.#next(at), seen + 1];
        }
      } else if (type === REVOKE) {
        revokes.push(...this.#revokes(block));
      } else if (type === COMMIT) {
        commits.push({ sequence, writes });
        for (const each of revokes) revoked.set(each, sequence);
        [writes, revokes, sequence] = [[], [], (sequence + 1) >>> 0];
      } else {
        break;
      }
    }
    for (const { sequence: written, writes: all } of commits)
      for (const [block, moved] of all) if ((revoked.get(block) ?? -1) < written) this.#moved.set(block, moved);
    return this.#moved;
  }

  #block(at: number): Buffer {
    const physical = this.#places[at];
    if (physical === undefined) throw new Error(`the journal is damaged: it has no block ${at}`);
    return this.#read(physical);
  }

  #next(at: number): number {
    return at + 1 < this.#end ? at + 1 : this.#first;
  }

  #tags(block: Buffer): readonly Tag[] {
    const has = (bit: number) => (this.#incompat & bit) !== 0;
    const isV3 = has(INCOMPAT_CSUM_V3);
    const hasHigh = isV3 || has(INCOMPAT_64BIT);
    const tagBytes = isV3 ? 16 : 8 + (has(INCOMPAT_CSUM_V2) ? 2 : 0) + (hasHigh ? 4 : 0);
    const tags: Tag[] = [];
    for (let at = HEADER_BYTES; at + tagBytes <= block.length; ) {
      const flags = isV3 ? block.readUInt32BE(at + 4) : block.readUInt16BE(at + 6);
      const high = hasHigh ? block.readUInt32BE(at + 8) * 2 ** 32 : 0;
      tags.push({ block: block.readUInt32BE(at) + high, isEscaped: (flags & FLAG_ESCAPED) !== 0 });
      if ((flags & FLAG_LAST) !== 0) return tags;
      at += tagBytes + ((flags & FLAG_SAME_UUID) === 0 ? UUID_BYTES : 0);
    }
    throw new Error('the journal is damaged: a list of blocks without end');
  }

  #revokes(block: Buffer): readonly number[] {
    const end = block.readUInt32BE(HEADER_BYTES);
    if (end > block.length) throw new Error('the journal is damaged: a list of revoked blocks without end');
    const bytes = (this.#incompat & INCOMPAT_64BIT) === 0 ? 4 : 8;
    const found: number[] = [];
    for (let at = HEADER_BYTES + 4; at + bytes <= end; at += bytes)
      found.push(bytes === 4 ? block.readUInt32BE(at) : Number(block.readBigUInt64BE(at)));
    return found;
  }
}

/**
 * Where the blocks are that a kernel would write to their places before it mounts: whoever reads without them reads
 * something else than what boots.
 *
 * @param runs of the journal's inode
 * @throws Error when the journal is damaged
 */
export function readReplay(source: Bytes, blockSize: number, runs: readonly Run[]): Replay {
  const places = runs.flatMap(({ physical, blocks }) => Array.from({ length: blocks }, (_, each) => physical + each));
  const journal = new Journal(places, (physical) => source.read(physical * blockSize, blockSize));
  return { moved: journal.replay(), magicAt: (places[0] ?? 0) * blockSize };
}

/** A file system as it is after its journal. */
export class ReplayedBytes implements Bytes {
  readonly bytes: number;
  readonly #source: Bytes;
  readonly #blockSize: number;
  readonly #moved: ReadonlyMap<number, Moved>;

  constructor(source: Bytes, blockSize: number, { moved }: Replay) {
    this.#source = source;
    this.bytes = source.bytes;
    this.#blockSize = blockSize;
    this.#moved = moved;
  }

  read(at: number, length: number): Buffer {
    const read = this.#source.read(at, length);
    const size = this.#blockSize;
    for (let block = Math.floor(at / size); block * size < at + length; block += 1) {
      const moved = this.#moved.get(block);
      if (moved === undefined) continue;
      const written = Buffer.from(this.#source.read(moved.physical * size, size));
      if (moved.isEscaped) written.writeUInt32BE(MAGIC, 0);
      const [from, to] = [Math.max(block * size, at), Math.min((block + 1) * size, at + length)];
      written.copy(read, from - at, from - block * size, to - block * size);
    }
    return read;
  }
}
