import { join } from 'node:path';
import { imagesFolder } from '../io/paths.ts';

/** What explains an image, as files beside its record: by these ends of their names, and removed with it. */
export const BESIDE = {
  inventory: 'inventory.json',
  packages: 'packages.json',
  files: 'files.ndjson.gz',
  sbom: 'cdx.json',
  provenance: 'provenance.json',
} as const;

export type Beside = keyof typeof BESIDE;

export function besidePath(imageId: string, what: Beside): string {
  return join(imagesFolder(), `${imageId}.${BESIDE[what]}`);
}

/** Whether a file of the folder of images is one of them, and no record. */
export function isBeside(name: string): boolean {
  return Object.values(BESIDE).some((end) => name.endsWith(`.${end}`));
}
