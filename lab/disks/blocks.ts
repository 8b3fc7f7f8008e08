import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../exec.ts';
import { BLOCK_BYTES } from '../machine-types.ts';

const ZEROS = Buffer.alloc(BLOCK_BYTES);
const MOST_FILES = 100;

/** Numbers of the blocks that a sparse file has any data in, ascending. */
async function writtenBlocks(file: string): Promise<number[]> {
  const ranges = await run('python3', [join(import.meta.dirname, 'data_ranges.py'), file]);
  const found = new Set<number>();
  for (const line of ranges.split('\n').filter((each) => each !== '')) {
    const [start = 0, end = 0] = line.split(' ').map(Number);
    for (let index = Math.floor(start / BLOCK_BYTES); index * BLOCK_BYTES < end; index += 1) found.add(index);
  }
  return [...found];
}

/** One block; what the file does not reach is zeros. */
export async function readBlock(file: string, index: number): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    const block = Buffer.alloc(BLOCK_BYTES);
    await handle.read(block, 0, BLOCK_BYTES, index * BLOCK_BYTES);
    return block;
  } finally {
    await handle.close();
  }
}

/** Remembers which blocks of snapshots hold anything: a snapshot never changes, and copies of one are one file. */
export class BlockLists {
  readonly #known = new Map<string, Promise<readonly number[]>>();

  /** Numbers of the blocks that are not all zeros, ascending. */
  async of(file: string): Promise<readonly number[]> {
    const { dev, ino, mtimeMs, size } = await stat(file);
    const key = [dev, ino, mtimeMs, size].join(' ');
    const known = this.#known.get(key) ?? this.#scan(file);
    this.#known.delete(key);
    this.#known.set(key, known);
    known.catch(() => this.#known.delete(key));
    for (const oldest of this.#known.keys()) if (this.#known.size > MOST_FILES) this.#known.delete(oldest);
    return known;
  }

  async #scan(file: string): Promise<readonly number[]> {
    const written = await writtenBlocks(file);
    const handle = await open(file, 'r');
    try {
      const block = Buffer.alloc(BLOCK_BYTES);
      const filled: number[] = [];
      for (const index of written) {
        const { bytesRead } = await handle.read(block, 0, BLOCK_BYTES, index * BLOCK_BYTES);
        if (block.compare(ZEROS, 0, bytesRead, 0, bytesRead) !== 0) filled.push(index);
      }
      return filled;
    } finally {
      await handle.close();
    }
  }
}
