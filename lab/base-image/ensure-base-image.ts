import type { LabPaths } from '../paths.ts';

export type BaseImage = {
  /** A raw ext4 disk; import it with lab/disks `importSnapshot`. */
  readonly file: string;
  /** First 12 digits of the recipe's hash; another recipe is another base image. */
  readonly recipe: string;
  readonly builtAt: Date;
  readonly sizeGiB: number;
  /** Name and version of every package in it. */
  readonly packages: readonly { readonly name: string; readonly version: string }[];
};

/** The base image of the current recipe, built first when it is not in the cache. */
export const ensureBaseImage = async (_paths: LabPaths, _onProgress?: (line: string) => void): Promise<BaseImage> => {
  throw new Error('being written');
};
