import { readdir, readFile, readlink, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { run } from '../../exec.ts';
import { digestOfSources } from '../debian/describe.ts';
import { fetchDebianPackages } from '../debian/fetch-packages.ts';
import type { Part } from '../part.ts';

/**
 * What is compiled against this runs on every release that the lab stands in for: Debian 11 and Ubuntu 20.04 have glibc
 * 2.31, and a newer one runs what was linked against an older.
 */
const SUITE = 'bullseye';
const PACKAGES = ['libc6', 'libc6-dev', 'linux-libc-dev'];
const NEWEST = 31;

/** A link that begins at the root means the machine's own files to a compiler. */
async function makeLinksRelative(root: string): Promise<void> {
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) continue;
    const path = join(entry.parentPath, entry.name);
    const to = await readlink(path);
    if (!to.startsWith('/')) continue;
    await rm(path);
    await symlink(relative(dirname(path), join(root, to)), path);
  }
}

/** glibc 2.31 with its headers, as a root for a compiler; no machine gets it. */
export const oldGlibc: Part = {
  name: `glibc-2.${NEWEST}`,
  substitution: {
    component: 'C library to compile against',
    source: `Debian ${SUITE}`,
    reason: 'programs for Ubuntu 20.04 must not need a newer one',
  },
  digest: () => digestOfSources([import.meta.dirname], {}),
  build: async ({ folder, onProgress }) => {
    onProgress(`fetching the C library of Debian ${SUITE}`);
    const work = join(folder, 'packages');
    const packages = await fetchDebianPackages(SUITE, PACKAGES, work);
    for (const { file } of packages.values()) await run('dpkg-deb', ['--extract', file, folder]);
    await rm(work, { recursive: true });
    await makeLinksRelative(folder);
  },
};

/**
 * Arguments for gcc. Debian's looks beside itself before it looks into a sysroot, so the folders are named once more.
 *
 * @param root the folder of `oldGlibc`
 */
export function againstOldGlibc(root: string): readonly string[] {
  const libraries = join(root, 'usr', 'lib', 'x86_64-linux-gnu');
  return [`--sysroot=${root}`, `-B${libraries}`, `-L${libraries}`, `-L${join(root, 'lib', 'x86_64-linux-gnu')}`];
}

/** Pure: versions of glibc newer than 2.31 that a program or library asks for. */
export function newerThanOldGlibc(program: Buffer): readonly string[] {
  const asked = program.toString('latin1').matchAll(/GLIBC_2\.(\d+)/g);
  const newer = [...asked].map(([, minor]) => Number(minor)).filter((minor) => minor > NEWEST);
  return [...new Set(newer)].sort((a, b) => a - b).map((minor) => `2.${minor}`);
}

/** @throws Error when one of the files would not start on a release with glibc 2.31 */
export async function requireOldGlibc(files: readonly string[]): Promise<void> {
  for (const file of files) {
    const newer = newerThanOldGlibc(await readFile(file));
    if (newer.length > 0)
      throw new Error(`${basename(file)} wants glibc ${newer.join(', ')}, and may want 2.${NEWEST}`);
  }
}
