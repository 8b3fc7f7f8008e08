import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../io/paths.ts';
import { writeWhole } from '../io/write-whole.ts';
import { type Audited, auditedDisk, CONTENTS } from './audited.ts';
import type { Auditor } from './auditor.ts';

function cacheFile(imageId: string): string {
  return join(cacheFolder(), 'base-disks', `${imageId}.ndjson.gz`);
}

async function cached(imageId: string): Promise<Audited | null> {
  try {
    return auditedDisk(await readFile(cacheFile(imageId)));
  } catch {
    return null;
  }
}

/**
 * The base image's disk as its first boot leaves it, of an auditor that runs from it; read once for each base image. A
 * volume made of its snapshot would be purer, and is not to be had: whom an image is shared with has not its snapshot.
 */
export async function baseDisk(imageId: string, auditor: Auditor): Promise<Audited> {
  const known = await cached(imageId);
  if (known !== null) return known;
  const printed = await auditor.ask({ action: 'manifest', disk: 'own root', contents: CONTENTS });
  const disk = auditedDisk(printed);
  // Only this user's: what is in it is in the base image, which others may not have.
  await writeWhole(cacheFile(imageId), printed, 0o600);
  return disk;
}
