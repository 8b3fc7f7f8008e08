import type { Profile } from './hosts-config.ts';

/** What the project ships, and what a profile has that names none. */
export const DEFAULT_VOLUME_GIB = 32;

export function volumeGiBOf({ rootVolume }: Pick<Profile, 'rootVolume'>): number {
  return rootVolume?.sizeGiB ?? DEFAULT_VOLUME_GIB;
}
