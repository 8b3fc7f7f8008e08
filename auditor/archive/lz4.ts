/** What begins the form that kernels take: blocks of up to 8 MiB, each with its packed length. */
export const LZ4_MAGIC = 0x184c2102;

const BLOCK_BYTES = 8 * 1024 * 1024;
const LEAST_MATCH = 4;

/** A block is read once, from its beginning to its end. */
class Block {
  readonly #packed: Buffer;
  readonly #out = Buffer.alloc(BLOCK_BYTES);
  #at = 0;
  #done = 0;

  constructor(packed: Buffer) {
    this.#packed = packed;
  }

  unpack(): Buffer {
    while (this.#at < this.#packed.length) {
      const token = this.#byte();
      this.#literals(this.#length(token >>> 4));
      // The last sequence has no match.
      if (this.#at < this.#packed.length) this.#match(token & 0xf);
    }
    return this.#out.subarray(0, this.#done);
  }

  #byte(): number {
    const byte = this.#packed[this.#at];
    if (byte === undefined) throw new Error('a block of lz4 ends too early');
    this.#at += 1;
    return byte;
  }

  #length(short: number): number {
    let length = short;
    if (short === 15) {
      for (let more = 255; more === 255; length += more) more = this.#byte();
    }
    return length;
  }

  #literals(length: number): void {
    if (this.#at + length > this.#packed.length || this.#done + length > BLOCK_BYTES)
      throw new Error('a block of lz4 has more bytes than it can');
    this.#packed.copy(this.#out, this.#done, this.#at, this.#at + length);
    this.#at += length;
    this.#done += length;
  }

  #match(short: number): void {
    const back = this.#byte() | (this.#byte() << 8);
    const length = this.#length(short) + LEAST_MATCH;
    if (back === 0 || back > this.#done || this.#done + length > BLOCK_BYTES)
      throw new Error('a block of lz4 repeats what it does not have');
    // Over itself: a short part may be repeated many times.
    for (let each = 0; each < length; each += 1)
      this.#out[this.#done + each] = this.#out[this.#done - back + each] ?? 0;
    this.#done += length;
  }
}

/**
 * Unpacks lz4 as kernels take it. No package has this form: it is older than the one of frames.
 *
 * @param packed behind the magic
 * @returns what is behind the last block, too: it has no end of its own but that of the file, or zeros
 * @throws Error when it is damaged, or more than `most` bytes
 */
export function unpackLz4(packed: Buffer, most: number): { readonly unpacked: Buffer; readonly consumed: number } {
  const blocks: Buffer[] = [];
  let [at, bytes] = [0, 0];
  while (at + 4 <= packed.length) {
    const length = packed.readUInt32LE(at);
    if (length === 0) break;
    at += 4;
    // Files that were put one behind the other.
    if (length === LZ4_MAGIC) continue;
    if (at + length > packed.length) throw new Error('a block of lz4 ends too early');
    const block = Buffer.from(new Block(packed.subarray(at, at + length)).unpack());
    blocks.push(block);
    bytes += block.length;
    if (bytes > most) throw new Error(`it has more than ${most} bytes when it is unpacked`);
    at += length;
  }
  return { unpacked: Buffer.concat(blocks), consumed: at };
}
