import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Yields what another process appends to a file until `ended` says that it has ended, then what is left. Polls, because
 * inotify on a file that another process holds open coalesces writes anyway.
 */
export async function* followFile(
  path: string,
  ended: () => boolean,
  intervalMs = 100,
): AsyncGenerator<Uint8Array, void, void> {
  await using file = await open(path, 'r');
  const buffer = new Uint8Array(64 * 1024);
  for (;;) {
    // Asked before reading: what was written before the end is then certainly seen.
    const isLast = ended();
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) break;
      yield buffer.slice(0, bytesRead);
    }
    if (isLast) return;
    await sleep(intervalMs);
  }
}
