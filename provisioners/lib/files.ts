import { randomUUID } from 'node:crypto';
import { chmod, chown, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Context } from './context.ts';

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** The text of a file, or null when there is none. */
export async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Of a file that is put: nobody but root changes any. */
export function modeOf(isProgram: boolean): number {
  return isProgram ? 0o755 : 0o644;
}

/** Puts a whole file in place at once, owned by root. Returns whether anything was different before. */
export async function putFile(path: string, content: string | Buffer, mode = modeOf(false)): Promise<boolean> {
  const wanted = Buffer.from(content);
  const before = await stat(path).catch(() => null);
  if (before?.isFile() && (before.mode & 0o7777) === mode && (await readFile(path)).equals(wanted)) return false;
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const partial = `${path}.${randomUUID()}`;
  try {
    await writeFile(partial, wanted);
    await chmod(partial, mode);
    if (process.getuid?.() === 0) await chown(partial, 0, 0);
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
  return true;
}

/** What becomes of the text of a file, by its path, before it is put in place. */
export type Changes = Readonly<Record<string, (text: string) => string>>;

/**
 * Installs files of packer/rootfs, named by their path on the image: root's, and executable when the carried one is.
 * Returns whether any was new or different.
 */
export async function installFiles(
  { rootfs }: Pick<Context, 'rootfs'>,
  paths: readonly string[],
  changes: Changes = {},
): Promise<boolean> {
  let isChanged = false;
  for (const path of paths) {
    const carried = `${rootfs}${path}`;
    const isExecutable = ((await stat(carried)).mode & 0o100) !== 0;
    const content = await readFile(carried);
    const wanted = changes[path]?.(content.toString()) ?? content;
    if (await putFile(path, wanted, modeOf(isExecutable))) isChanged = true;
  }
  return isChanged;
}
