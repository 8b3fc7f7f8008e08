import type { Piece } from '../bytes.ts';
import type { Disk } from './device.ts';

/** Small files that lie side by side come with one read. */
const WINDOW = 256 * 1024;

/** Reads a disk in about its order. What it gives back is valid until the next read. */
export class Window {
  readonly #disk: Disk;
  readonly #bytes = Buffer.alloc(WINDOW);
  #large = Buffer.alloc(0);
  #at = 0;
  #length = 0;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** @throws Error when the disk cannot be read there */
  read(at: number, bytes: number): Buffer {
    if (bytes > WINDOW) {
      if (this.#large.length < bytes) this.#large = Buffer.alloc(bytes);
      const read = this.#large.subarray(0, bytes);
      this.#disk.readInto(read, at);
      return read;
    }
    if (at < this.#at || at + bytes > this.#at + this.#length) {
      this.#length = 0;
      const length = Math.max(bytes, Math.min(WINDOW, this.#disk.bytes - at));
      this.#disk.readInto(this.#bytes.subarray(0, length), at);
      [this.#at, this.#length] = [at, length];
    }
    return this.#bytes.subarray(at - this.#at, at - this.#at + bytes);
  }

  /** Fills `target` with what the pieces have from `from` on. @throws Error when they have less */
  fill(target: Buffer, pieces: readonly Piece[], from: number): void {
    let [begin, done] = [0, 0];
    for (const { at, bytes } of pieces) {
      const skipped = Math.max(from + done - begin, 0);
      const length = Math.min(bytes - skipped, target.length - done);
      if (length > 0) {
        if (at === null) target.fill(0, done, done + length);
        else this.#copy(target.subarray(done, done + length), at + skipped);
        done += length;
      }
      begin += bytes;
      if (done === target.length) return;
    }
    throw new Error(`${target.length} bytes from ${from} on are more than there are`);
  }

  #copy(target: Buffer, at: number): void {
    if (target.length > WINDOW) this.#disk.readInto(target, at);
    else this.read(at, target.length).copy(target);
  }
}
