import type { FileHandle } from 'node:fs/promises';
import { open, rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';

const READ_BYTES = 256 * 1024;

/**
 * A file that is being downloaded and already read. Readers follow the writer; when the download is complete the file
 * gets its final name, which does not disturb readers that have it open.
 */
export class GrowingFile {
  private readonly temporary: string;
  private readonly final: string;
  private readonly handle: FileHandle;
  private written = 0;
  private state: 'growing' | 'complete' | Error = 'growing';
  private wake: () => void = () => {};
  private changed: Promise<void> = Promise.resolve();

  private constructor(temporary: string, final: string, handle: FileHandle) {
    this.temporary = temporary;
    this.final = final;
    this.handle = handle;
    this.arm();
  }

  static async create(temporary: string, final: string): Promise<GrowingFile> {
    return new GrowingFile(temporary, final, await open(temporary, 'wx'));
  }

  private arm(): void {
    this.changed = new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  private announce(): void {
    this.wake();
    this.arm();
  }

  /** Writes everything that comes, checks the announced size, and gives the file its name. */
  async fill(
    source: AsyncIterable<Buffer>,
    announced: number | null,
    beforeRename: () => Promise<void>,
  ): Promise<void> {
    try {
      for await (const chunk of source) {
        await this.handle.write(chunk);
        this.written += chunk.length;
        this.announce();
      }
      if (announced !== null && announced !== this.written)
        throw new Error(`${this.written} of ${announced} bytes came`);
      await beforeRename();
      await rename(this.temporary, this.final);
      this.state = 'complete';
    } catch (error) {
      this.state = error instanceof Error ? error : new Error(String(error));
      await rm(this.temporary, { force: true });
    } finally {
      await this.handle.close();
      this.announce();
    }
    if (this.state instanceof Error) throw this.state;
  }

  /** The whole content from the first byte, as it comes; errors when the download does. */
  async read(): Promise<Readable> {
    // The rename may happen between the look and the open.
    const file = await open(this.temporary, 'r').catch(() => open(this.final, 'r'));
    const follow = async function* (this: GrowingFile): AsyncGenerator<Buffer> {
      try {
        let position = 0;
        for (;;) {
          const waiting = this.changed;
          const { state, written } = this;
          if (position < written) {
            const { bytesRead, buffer } = await file.read(
              Buffer.alloc(Math.min(READ_BYTES, written - position)),
              0,
              null,
              position,
            );
            position += bytesRead;
            yield buffer.subarray(0, bytesRead);
          } else if (state instanceof Error) throw state;
          else if (state === 'complete') return;
          else await waiting;
        }
      } finally {
        await file.close();
      }
    };
    return Readable.from(follow.call(this), { objectMode: false });
  }
}
