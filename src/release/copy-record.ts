import type { ImageRecord } from '../image/image-record.ts';
import { readRecord, saveRecord } from '../image/image-store.ts';
import type { SeenImage } from './next-step.ts';
import type { Region } from './region.ts';

type Place = {
  /** The image that was baked. */
  readonly source: { readonly imageId: string; readonly apiRegion: string };
  readonly endpointUrl: string | null;
};

/** A copy's own record: what its image was baked from, and what was found out about it in its own region. Pure. */
export function recordOfCopy(
  record: ImageRecord,
  region: Pick<Region, 'name' | 'apiRegion'>,
  copy: Pick<SeenImage, 'imageId' | 'imageName' | 'snapshotIds'>,
  { source, endpointUrl, smoke }: Place & { readonly smoke: ImageRecord['smoke'] },
): ImageRecord {
  return {
    ...record,
    imageId: copy.imageId,
    imageName: copy.imageName,
    snapshotIds: copy.snapshotIds,
    region: region.name,
    apiRegion: region.apiRegion,
    endpointUrl,
    smoke,
    copiedFrom: source,
  };
}

/**
 * Keeps what a copy's proof said, before its region is told: what was proven is never less known here than there.
 * Without a record of the image that was baked there is none of its copies.
 *
 * @param smoke null for what is not proven yet, and keeps what an earlier record says
 */
export async function keepCopyRecord(
  region: Region,
  copy: SeenImage,
  place: Place & { readonly smoke: ImageRecord['smoke'] },
): Promise<void> {
  const record = await readRecord(place.source.imageId);
  if (record === null) return;
  const smoke = place.smoke ?? (await readRecord(copy.imageId))?.smoke ?? null;
  await saveRecord(recordOfCopy(record, region, copy, { ...place, smoke }));
}
