import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/**
 * The text of a small file; null when it is not there; or what stands there instead, in words. Nothing is waited for (a
 * named pipe, a device), and no more is read than may be there, whatever size the file claims. A link is followed: an
 * operator may keep the file elsewhere.
 */
export async function readSmallFile(
  path: string,
  mostBytes: number,
): Promise<{ readonly text: string } | { readonly problem: string } | null> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!(await file.stat()).isFile()) return { problem: 'it is no file' };
    const buffer = Buffer.alloc(mostBytes + 1);
    let bytes = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, bytes, buffer.length - bytes);
      bytes += bytesRead;
      if (bytes > mostBytes) return { problem: `it is larger than ${mostBytes} bytes` };
      if (bytesRead === 0) return { text: buffer.toString('utf8', 0, bytes) };
    }
  } catch (error) {
    const { code = 'no reason is known' } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? null : { problem: `it cannot be read (${code})` };
  }
}
