import type { BaseImage } from '../base-image/base-image.ts';
import type { Disks } from '../machine-types.ts';
import type { Moto } from '../moto/process.ts';
import type { LabPaths } from '../paths.ts';
import { LAB_SEED } from '../seed.ts';
import { importBaseImage } from './base-images.ts';

type Inventory = {
  readonly volumes: readonly string[];
  readonly snapshots: readonly string[];
  readonly images: readonly {
    readonly imageId: string;
    readonly region: string;
    readonly name: string;
    readonly state: string;
  }[];
};

/**
 * Brings moto's memory and the disks in step after a start: instances that ran are terminated, the seeds are there,
 * disks that no record names are removed. Snapshots are only removed when the memory could be read, since otherwise
 * every one looks unknown.
 */
export async function restoreMemory(parts: {
  readonly moto: Moto;
  readonly disks: Disks;
  readonly paths: LabPaths;
  readonly base: BaseImage;
  readonly log: (line: string) => void;
}): Promise<void> {
  const { moto, disks, paths, base, log } = parts;
  const { ended, failed } = await moto.client.control<{ ended: string[]; failed: string[] }>('reconcile');
  if (ended.length > 0) log(`terminated, because no machine survives the lab: ${ended.join(', ')}`);
  if (failed.length > 0) log(`failed, because the lab stopped during the copy: ${failed.join(', ')}`);

  const before = await disks.list();
  await moto.client.control('seed', { ...LAB_SEED, base: await importBaseImage(paths, base, 'stand-in') });

  const known = await moto.client.control<Inventory>('inventory');
  for (const volume of before.disks) {
    if (known.volumes.includes(volume)) continue;
    await disks.removeDisk(volume);
    log(`removed ${volume}, which no record names`);
  }
  for (const snapshot of before.snapshots) {
    if (known.snapshots.includes(snapshot) || moto.loaded.startsWith('unreadable')) continue;
    await disks.removeSnapshot(snapshot);
    log(`removed ${snapshot}, which no record names`);
  }
}
