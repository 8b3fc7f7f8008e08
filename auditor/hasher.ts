import { createHash, hash } from 'node:crypto';
import type { Piece } from './bytes.ts';
import type { Window } from './disk/window.ts';

/** Hashes in hex; where the zeros begin that a large file ends with, or null. */
export type Digests = { readonly sha256: string; readonly md5: string; readonly zeroFrom: number | null };

/** A file as pieces of the disk, in order. */
export type HashedFile = readonly Piece[];

/** As large as a file has to be for its zeros to be told. */
const CHUNK = 1024 * 1024;

export function digestsOf(content: Buffer): Digests {
  return { sha256: hash('sha256', content), md5: hash('md5', content), zeroFrom: null };
}

/** Length of `chunk` without the zeros that it ends with. */
function withoutZeros(chunk: Buffer, zeros: Buffer): number {
  if (chunk.at(-1) !== 0) return chunk.length;
  // Halves at the end that are all zeros go at once.
  let [from, to] = [0, chunk.length];
  while (to - from > 1) {
    const middle = (from + to) >>> 1;
    if (chunk.subarray(middle, to).equals(zeros.subarray(0, to - middle))) to = middle;
    else from = middle;
  }
  return chunk[from] === 0 ? 0 : to;
}

/** Reads and hashes files; those that come one after the other should lie so on the disk. */
export class Hasher {
  readonly #window: Window;
  readonly #zeros = Buffer.alloc(CHUNK);

  constructor(window: Window) {
    this.#window = window;
  }

  /** @throws Error when the disk cannot be read */
  hash(pieces: HashedFile): Digests {
    const [only] = pieces;
    if (only === undefined) return digestsOf(Buffer.alloc(0));
    if (pieces.length === 1 && only.bytes <= CHUNK) return digestsOf(this.#read(only.at, only.bytes));
    const [sha256, md5] = [createHash('sha256'), createHash('md5')];
    let [size, zeroFrom] = [0, 0];
    for (const { at, bytes } of pieces) {
      for (let done = 0; done < bytes; done += CHUNK) {
        const chunk = this.#read(at === null ? null : at + done, Math.min(CHUNK, bytes - done));
        sha256.update(chunk);
        md5.update(chunk);
        const used = at === null ? 0 : withoutZeros(chunk, this.#zeros);
        if (used > 0) zeroFrom = size + used;
        size += chunk.length;
      }
    }
    const isLarge = size > CHUNK;
    return {
      ...{ sha256: sha256.digest('hex'), md5: md5.digest('hex') },
      zeroFrom: isLarge && zeroFrom < size ? zeroFrom : null,
    };
  }

  /** Valid until the next call. */
  #read(at: number | null, bytes: number): Buffer {
    return at === null ? this.#zeros.subarray(0, bytes) : this.#window.read(at, bytes);
  }
}
