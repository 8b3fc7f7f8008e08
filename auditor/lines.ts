import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, type Gzip } from 'node:zlib';
import type { AuditLine } from '#contracts/audit.ts';

/** Lines go to gzip in pieces of about this many characters. */
const PIECE = 64 * 1024;

/** The output: JSON a line, compressed. Whoever writes waits, so that little of it is in memory. */
export class Lines {
  readonly #began = performance.now();
  // Most of it are hashes, which no effort makes smaller.
  readonly #gzip: Gzip = createGzip({ level: 1 });
  readonly #written: Promise<void>;
  #text = '';
  #count = 0;

  constructor(target: Writable) {
    this.#written = pipeline(this.#gzip, target, { end: false });
    // Told by `end`; until then nobody waits for it.
    this.#written.catch(() => undefined);
  }

  async write(line: AuditLine): Promise<void> {
    this.#text += `${JSON.stringify(line)}\n`;
    this.#count += 1;
    if (this.#text.length < PIECE) return;
    const piece = this.#text;
    this.#text = '';
    if (!this.#gzip.write(piece)) await Promise.race([once(this.#gzip, 'drain'), this.#written]);
  }

  /** Writes the last line, which says that the output is whole. `lines` counts it. */
  async end(): Promise<void> {
    const durationMs = Math.round(performance.now() - this.#began);
    await this.write({ type: 'end', lines: this.#count + 1, durationMs });
    this.#gzip.end(this.#text);
    await this.#written;
  }
}
