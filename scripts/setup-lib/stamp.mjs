import { createHash } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Finished work is a folder named by the content that it was made from, with a stamp written last; a symbolic link
 * names the one in use. An interrupted run leaves a folder without a stamp, which the next run replaces, and the link
 * only ever moves in one rename.
 */
const STAMP = '.complete';
const KEEP_MS = 7 * 24 * 3600 * 1000;

/**
 * @param {readonly string[]} parts
 * @returns {string} 12 hex digits
 */
export function contentKey(parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex').slice(0, 12);
}

/**
 * @param {string} link path of the symbolic link, e.g. `<cache>/venv`
 * @param {string} key
 */
export function folderFor(link, key) {
  return join(dirname(link), `.${basename(link)}-${key}`);
}

/**
 * True when the link names the finished folder of this key. The stamp may hold facts about it.
 *
 * @param {string} link
 * @param {string} key
 * @returns {Promise<string | null>} the stamp's text, or null when there is work to do
 */
export async function readStamp(link, key) {
  try {
    const target = await readlink(link);
    if (target !== basename(folderFor(link, key))) return null;
    return await readFile(join(link, STAMP), 'utf8');
  } catch {
    return null;
  }
}

/**
 * Makes the folder with `make`, stamps it, points the link at it and removes stale ones.
 *
 * @param {string} link
 * @param {string} key
 * @param {(folder: string) => Promise<string>} make gets an empty folder, returns the stamp's text
 */
export async function makeStamped(link, key, make) {
  const folder = folderFor(link, key);
  await mkdir(dirname(link), { recursive: true });
  const done = await readFile(join(folder, STAMP), 'utf8').catch(() => null);
  if (done === null) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder);
    await writeAtomically(join(folder, STAMP), await make(folder));
  }
  await pointLink(link, basename(folder));
  await removeOthers(link, basename(folder));
}

/**
 * @param {string} file
 * @param {string} text
 */
export async function writeAtomically(file, text) {
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, text);
  await rename(temporary, file);
}

/**
 * @param {string} link
 * @param {string} target
 */
async function pointLink(link, target) {
  const temporary = `${link}.${process.pid}.tmp`;
  await rm(temporary, { force: true });
  await symlink(target, temporary);
  const existing = await lstat(link).catch(() => null);
  if (existing?.isDirectory()) await rename(link, join(dirname(link), `.${basename(link)}-replaced-${process.pid}`));
  await rename(temporary, link);
}

/**
 * Removes unfinished folders and those that no branch has wanted for a while; a younger one may be in use by a lab that
 * is up, or by another checkout that shares the cache.
 *
 * @param {string} link
 * @param {string} keep
 */
async function removeOthers(link, keep) {
  const prefix = `.${basename(link)}-`;
  for (const name of await readdir(dirname(link))) {
    if (!name.startsWith(prefix) || name === keep) continue;
    const stamp = await stat(join(dirname(link), name, STAMP)).catch(() => null);
    if (stamp !== null && Date.now() - stamp.mtimeMs < KEEP_MS) continue;
    await rm(join(dirname(link), name), { recursive: true, force: true });
  }
}
