import { randomUUID } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';

/**
 * Writes a file so that a reader, or the next start after a crash, sees the old text or the new one and never a
 * part. Two who write it at once do not meet in one unfinished file.
 */
export async function writeFileWhole(file: string, text: string | Uint8Array, mode = 0o644): Promise<void> {
  const unfinished = `${file}.${randomUUID()}.partial`;
  await writeFile(unfinished, text, { mode });
  await rename(unfinished, file);
}
