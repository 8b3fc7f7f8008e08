import { link, readdir, rename, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../exec.ts';
import type { Disks } from '../machine-types.ts';
import { BlockLists, readBlock } from './blocks.ts';

const GIB = 1024 ** 3;
const EXTENSION = '.raw';
const PARTIAL = '.partial';

/** Where a volume's bytes are; also what a machine boots from. */
export function diskFile(folder: string, id: string): string {
  return join(folder, `${id}${EXTENSION}`);
}

async function sizeOf(file: string): Promise<number | null> {
  return stat(file).then(
    ({ size }) => size,
    () => null,
  );
}

/**
 * e2fsck -p repairs what a journal can repair; 1 says that it did. A file system that was unmounted is believed, unless
 * it is forced.
 */
async function settle(file: string, options: readonly string[] = []): Promise<void> {
  await run('e2fsck', [...options, '-p', file], { accept: [0, 1] });
}

/**
 * Volumes and snapshots as raw sparse files, each an ext4 file system without a partition table. A copy shares blocks
 * where the file system can (`--reflink=auto`) and keeps holes everywhere, so it costs what is really in use. A file
 * appears under its name only when it is whole. Snapshots never change, so two of one content are one file with two
 * names.
 */
export function createDisks(folder: string): Disks {
  const file = (id: string): string => diskFile(folder, id);
  const blocks = new BlockLists();

  const make = async (id: string, source: string, prepare: (unfinished: string) => Promise<void>): Promise<void> => {
    const unfinished = `${file(id)}${PARTIAL}`;
    try {
      await run('cp', ['--reflink=auto', '--sparse=auto', source, unfinished]);
      await prepare(unfinished);
      await rename(unfinished, file(id));
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    }
  };

  const existing = async (id: string): Promise<{ readonly path: string; readonly size: number }> => {
    const size = await sizeOf(file(id));
    if (size === null) throw new Error(`the lab has no disk ${id}`);
    return { path: file(id), size };
  };

  const makeVolume = async (
    diskId: string,
    snapshotId: string,
    sizeGiB: number,
    fill: (unfinished: string) => Promise<void>,
  ): Promise<void> => {
    const source = await existing(snapshotId);
    if (sizeGiB * GIB < source.size) {
      throw new Error(
        `a volume of ${sizeGiB} GiB is smaller than its snapshot ${snapshotId} (${source.size / GIB} GiB)`,
      );
    }
    await make(diskId, source.path, async (unfinished) => {
      if (sizeGiB * GIB === source.size) return;
      await truncate(unfinished, sizeGiB * GIB);
      await fill(unfinished);
    });
  };

  return {
    createFromSnapshot: (diskId, snapshotId, sizeGiB) =>
      makeVolume(diskId, snapshotId, sizeGiB, async (unfinished) => {
        // resize2fs wants it forced.
        await settle(unfinished, ['-f']);
        await run('resize2fs', [unfinished]);
      }),
    createDataVolume: (diskId, snapshotId, sizeGiB) => makeVolume(diskId, snapshotId, sizeGiB, async () => {}),
    createSnapshot: async (snapshotId, diskId) => {
      const source = await existing(diskId);
      // A machine that was ended by force leaves its journal to be replayed; better once here than in every machine of
      // the image.
      await make(snapshotId, source.path, (unfinished) => settle(unfinished));
    },
    copySnapshot: async (targetId, sourceId) => {
      const source = await existing(sourceId);
      await rm(file(targetId), { force: true });
      await link(source.path, file(targetId));
    },
    dataBlocks: async (snapshotId) => blocks.of((await existing(snapshotId)).path),
    readBlock: async (snapshotId, index) => readBlock((await existing(snapshotId)).path, index),
    removeDisk: (diskId) => rm(file(diskId), { force: true }),
    removeSnapshot: (snapshotId) => rm(file(snapshotId), { force: true }),
    list: async () => {
      const ids = (await readdir(folder))
        .filter((name) => name.endsWith(EXTENSION))
        .map((name) => name.slice(0, -EXTENSION.length));
      return {
        disks: ids.filter((id) => id.startsWith('vol-')),
        snapshots: ids.filter((id) => !id.startsWith('vol-')),
      };
    },
  };
}

/** Removes copies that a crash left half done. */
export async function removePartialDisks(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (name.endsWith(PARTIAL)) await rm(join(folder, name), { force: true });
  }
}

/**
 * Puts a finished disk image under a snapshot's name, for the lab's own base image. Leaves a snapshot of that name as
 * it is.
 */
export async function importSnapshot(folder: string, snapshotId: string, source: string): Promise<void> {
  const target = diskFile(folder, snapshotId);
  if ((await sizeOf(target)) !== null) return;
  await run('cp', ['--reflink=auto', '--sparse=auto', source, `${target}${PARTIAL}`]);
  await rename(`${target}${PARTIAL}`, target);
}
