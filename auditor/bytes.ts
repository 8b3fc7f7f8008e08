/** What can be read at a place: a disk, a partition of it, a partition as it is after its journal. */
export type Bytes = {
  readonly bytes: number;
  /** @throws Error when not all of it is there */
  read(at: number, length: number): Buffer;
};

/** A part of `source`, read from its own beginning. */
export class Part implements Bytes {
  readonly bytes: number;
  readonly #source: Bytes;
  readonly #from: number;

  constructor(source: Bytes, from: number, bytes: number) {
    if (from < 0 || bytes < 0 || from + bytes > source.bytes)
      throw new Error(`${bytes} bytes at ${from} are not all on a disk of ${source.bytes} bytes`);
    this.#source = source;
    this.#from = from;
    this.bytes = bytes;
  }

  read(at: number, length: number): Buffer {
    if (at < 0 || length < 0 || at + length > this.bytes)
      throw new Error(`${length} bytes at ${at} are not all in a partition of ${this.bytes} bytes`);
    return this.#source.read(this.#from + at, length);
  }
}

const PAGE = 128 * 1024;
/** 128 MiB: inode tables and directories are read in small pieces that lie side by side. */
const PAGES = 1024;

/** Keeps what was read last. What it gives back is shared: nobody may write into it. */
export class CachedBytes implements Bytes {
  readonly bytes: number;
  readonly #source: Bytes;
  readonly #pages = new Map<number, Buffer>();

  constructor(source: Bytes) {
    this.#source = source;
    this.bytes = source.bytes;
  }

  read(at: number, length: number): Buffer {
    const first = Math.floor(at / PAGE);
    const within = at - first * PAGE;
    if (length > PAGE) return this.#source.read(at, length);
    if (within + length <= PAGE) return this.#upTo(first, within + length).subarray(within, within + length);
    const rest = within + length - PAGE;
    return Buffer.concat([this.#upTo(first, PAGE).subarray(within), this.#upTo(first + 1, rest).subarray(0, rest)]);
  }

  #upTo(page: number, length: number): Buffer {
    const known = this.#pages.get(page);
    if (known !== undefined && known.length >= length) {
      this.#pages.delete(page);
      this.#pages.set(page, known);
      return known;
    }
    const from = page * PAGE;
    // Behind the end the source says itself what is wrong.
    const read = this.#source.read(from, Math.max(length, Math.min(PAGE, this.bytes - from)));
    this.#pages.set(page, read);
    if (this.#pages.size > PAGES) for (const oldest of this.#pages.keys()) return this.#drop(oldest, read);
    return read;
  }

  #drop(oldest: number, read: Buffer): Buffer {
    this.#pages.delete(oldest);
    return read;
  }
}

/** Parts of a file's content in order: where they lie on the disk, or null for zeros that lie nowhere. */
export type Piece = { readonly at: number | null; readonly bytes: number };
