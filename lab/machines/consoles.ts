import { open, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LabPaths } from '../paths.ts';
import { consoleFile } from './records.ts';

const KEPT_CONSOLES = 20;
const CONSOLE_BYTES = 64 * 1024;

/** What the machine printed, newest 64 KiB; empty when it never did. */
export async function readConsole(paths: LabPaths, instanceId: string): Promise<string> {
  const file = await open(consoleFile(paths, instanceId)).catch(() => null);
  if (!file) return '';
  try {
    const { size } = await file.stat();
    const length = Math.min(size, CONSOLE_BYTES);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8').replaceAll('\r\n', '\n');
  } finally {
    await file.close();
  }
}

/** A console log outlives its machine, as EC2's does for a while; here the newest ones stay. */
export async function pruneConsoles(paths: LabPaths): Promise<void> {
  const folder = dirname(consoleFile(paths, ''));
  const files = await Promise.all(
    (await readdir(folder).catch(() => [])).map(async (name) => ({
      name,
      age: (await stat(join(folder, name))).mtimeMs,
    })),
  );
  for (const { name } of files.toSorted((a, b) => b.age - a.age).slice(KEPT_CONSOLES))
    await rm(join(folder, name), { force: true });
}
