import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ensurePart, type Part } from '../parts/part.ts';
import { DISK, MANIFEST, type Manifest, type Package } from './bootstrap.ts';
import type { Release } from './release.ts';

/** A part that is a disk to begin with. */
export type BaseImagePart = Part & { readonly release: Release };

export type BaseImage = {
  /** A raw ext4 disk; import it with lab/disks `importSnapshot`. */
  readonly file: string;
  /** First 12 digits of the recipe's hash; another recipe is another base image. */
  readonly recipe: string;
  readonly release: Release;
  readonly builtAt: Date;
  /** Of its name: the day of the build, or what the publisher of an official one says. */
  readonly serial: string;
  readonly sizeGiB: number;
  /** Name and version of every package in it. */
  readonly packages: readonly Package[];
};

/**
 * A base image, built first when it is not in the cache (about half a minute, most of it package installation).
 *
 * @param cache of the lab
 */
export async function ensureBaseImage(
  part: BaseImagePart,
  cache: string,
  onProgress: (line: string) => void = () => {},
): Promise<BaseImage> {
  const folder = await ensurePart(part, cache, onProgress);
  const manifest = JSON.parse(await readFile(join(folder, MANIFEST), 'utf8')) as Manifest;
  const { serial, sizeGiB, packages } = manifest;
  return {
    file: join(folder, DISK),
    recipe: basename(folder),
    release: part.release,
    builtAt: new Date(manifest.builtAt),
    serial,
    sizeGiB,
    packages,
  };
}
