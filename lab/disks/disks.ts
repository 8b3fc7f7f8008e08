import { readdir, rename, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../exec.ts';
import type { Disks } from '../machines/types.ts';

const GIB = 1024 ** 3;

/** Where a volume's bytes are; also what a machine boots from. */
export const diskFile = (folder: string, diskId: string): string => join(folder, `${diskId}.raw`);

/**
 * Volumes and snapshots as raw sparse files, each an ext4 file system without a partition table. A copy shares blocks where the file
 * system can (`--reflink=auto`) and keeps holes everywhere, so it costs what is really in use. A copy appears under its name only when it
 * is whole.
 */
export const createDisks = (folder: string): Disks => {
  const copy = async (from: string, to: string): Promise<void> => {
    const unfinished = `${to}.partial`;
    await run('cp', ['--reflink=auto', '--sparse=auto', from, unfinished]);
    await rename(unfinished, to);
  };
  const file = (id: string): string => diskFile(folder, id);
  return {
    createFromSnapshot: async (diskId, snapshotId, sizeGiB) => {
      const source = file(snapshotId);
      const { size } = await stat(source);
      if (sizeGiB * GIB < size) {
        throw new Error(`a volume of ${sizeGiB} GiB is smaller than its snapshot ${snapshotId} (${size / GIB} GiB)`);
      }
      const unfinished = `${file(diskId)}.partial`;
      await run('cp', ['--reflink=auto', '--sparse=auto', source, unfinished]);
      // The file system is grown when the machine mounts it, as a cloud image grows its own at boot.
      await truncate(unfinished, sizeGiB * GIB);
      await rename(unfinished, file(diskId));
    },
    createSnapshot: (snapshotId, diskId) => copy(file(diskId), file(snapshotId)),
    copySnapshot: (targetId, sourceId) => copy(file(sourceId), file(targetId)),
    removeDisk: (diskId) => rm(file(diskId), { force: true }),
    removeSnapshot: (snapshotId) => rm(file(snapshotId), { force: true }),
    list: async () => {
      const names = (await readdir(folder))
        .filter((name) => name.endsWith('.raw'))
        .map((name) => name.slice(0, -'.raw'.length));
      return {
        disks: names.filter((name) => name.startsWith('vol-')),
        snapshots: names.filter((name) => name.startsWith('snap-')),
      };
    },
  };
};

/** Removes copies that a crash left half done. */
export const removePartialDisks = async (folder: string): Promise<void> => {
  for (const name of await readdir(folder)) {
    if (name.endsWith('.partial')) await rm(join(folder, name), { force: true });
  }
};

/** Puts a finished disk image under a snapshot's name, for the lab's own base image. */
export const importSnapshot = async (folder: string, snapshotId: string, source: string): Promise<void> => {
  const target = diskFile(folder, snapshotId);
  await run('cp', ['--reflink=auto', '--sparse=auto', source, `${target}.partial`]);
  await rename(`${target}.partial`, target);
};
