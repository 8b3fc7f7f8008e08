import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { execa } from 'execa';
import { userError } from '../io/errors.ts';

/** A tar is the same for the same content: no owners, no times, sorted. */
const DETERMINISTIC = ['--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--format=pax'] as const;
/** pax would write down when each file was read. */
const NO_TIMES = '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime';

/** All files of a folder, in folders below it as well; what is empty is not carried. */
async function everything(folder: string, below = ''): Promise<string[]> {
  const entries = await readdir(join(folder, below), { withFileTypes: true });
  const found = await Promise.all(
    entries
      .filter(({ name }) => name !== '.git')
      .map((entry) => {
        const path = join(below, entry.name);
        return entry.isDirectory() ? everything(folder, path) : [path];
      }),
  );
  return found.flat();
}

/** A repository within it (a submodule) is listed by git as one name, and its files are its own git's to list. */
async function spread(folder: string, path: string): Promise<string[]> {
  const found = await lstat(join(folder, path)).catch(() => null);
  // Removed from the work tree, and still in the index.
  if (found === null) return [];
  if (!found.isDirectory()) return [path];
  return (await filesOf(join(folder, path))).map((inner) => join(path, inner));
}

/** What git would commit of it now, or all of it when it is no work tree; sorted, relative to the folder. */
async function filesOf(folder: string): Promise<string[]> {
  const words = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const { exitCode, stdout } = await execa('git', ['-C', folder, ...words], { reject: false, stdin: 'ignore' });
  if (exitCode !== 0) return (await everything(folder)).toSorted();
  const listed = [...new Set(stdout.split('\0').filter((path) => path !== ''))];
  return (await Promise.all(listed.map((path) => spread(folder, path.replace(/\/$/, ''))))).flat().toSorted();
}

/**
 * What of a folder is carried; sorted, relative to it.
 *
 * @throws EcsHostError `WORKLOAD_FOLDER` (user) when there is none, or nothing in it
 */
export async function carriedFiles(folder: string): Promise<readonly string[]> {
  const found = await stat(folder).catch(() => null);
  const hint = 'the path in workload.folder is taken from the folder of hosts.yaml';
  if (!found?.isDirectory()) throw userError('WORKLOAD_FOLDER', `There is no folder ${folder}.`, hint);
  const files = await filesOf(folder);
  if (files.length === 0) throw userError('WORKLOAD_FOLDER', `There is nothing in ${folder} to be carried.`, hint);
  return files;
}

/**
 * Packs the folder of a workload as it lies there, without what git ignores. The same content gives the same bytes.
 *
 * @returns sha256 of the file, hex
 * @throws EcsHostError `WORKLOAD_FOLDER` (user)
 */
export async function packFolder(folder: string, file: string): Promise<string> {
  const files = await carriedFiles(folder);
  const mode = '--mode=u+rw,go+r,go-w';
  const words = ['--create', ...DETERMINISTIC, NO_TIMES, mode, '--no-recursion', '--file', file, '--directory', folder];
  await execa('tar', [...words, '--null', '--verbatim-files-from', '--files-from', '-'], { input: files.join('\0') });
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
