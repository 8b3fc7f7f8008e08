/** Some of a file system's blocks. */
export class BlockSet {
  readonly #blocks: number;
  readonly #bits: Uint8Array;

  constructor(blocks: number) {
    this.#blocks = blocks;
    this.#bits = new Uint8Array(Math.ceil(blocks / 8));
  }

  add(from: number, count: number): void {
    for (let block = from; block < from + count; ) {
      if (block % 8 === 0 && from + count - block >= 8) {
        this.#bits[block / 8] = 0xff;
        block += 8;
      } else {
        const at = block >>> 3;
        this.#bits[at] = (this.#bits[at] ?? 0) | (1 << (block & 7));
        block += 1;
      }
    }
  }

  has(block: number): boolean {
    return ((this.#bits[Math.floor(block / 8)] ?? 0) & (1 << (block % 8))) !== 0;
  }

  /** Blocks that are not in it, as far as they follow each other. */
  *others(): Generator<{ readonly from: number; readonly count: number }> {
    let from = -1;
    for (let block = 0; block < this.#blocks; block += 1) {
      if (this.has(block)) {
        if (from >= 0) yield { from, count: block - from };
        from = -1;
      } else if (from < 0) {
        from = block;
      }
    }
    if (from >= 0) yield { from, count: this.#blocks - from };
  }
}
