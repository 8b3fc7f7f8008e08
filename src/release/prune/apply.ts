import { DisableImageDeregistrationProtectionCommand } from '@aws-sdk/client-ec2';
import { reasonOf } from '#contracts/reason.ts';
import { errorName } from '../../aws/removal.ts';
import { deleteImage } from '../../image/delete-image.ts';
import { removeRecord } from '../../image/image-store.ts';
import type { Place } from '../place.ts';
import { readPointers } from '../pointer.ts';
import type { Prunable, PrunePlan } from './plan-prune.ts';

export type Pruned = {
  readonly region: string;
  readonly apiRegion: string;
  readonly imageId: string;
  /** `protected`: its protection is off, and AWS still holds it for up to a day; `spared`: a pointer names it now. */
  readonly outcome: 'pruned' | 'protected' | 'spared' | 'failed';
  readonly reason: string | null;
};

/** EC2's name for an image that its protection, or what is left of it, holds. */
const PROTECTED = /OperationNotPermitted|Protection/;

export const COOLDOWN =
  'its protection is off now; where it was set with a cooldown, AWS holds the image for 24 hours more';

async function pruneOne(
  { clients }: Place,
  { image, snapshotIds }: Prunable,
): Promise<Pick<Pruned, 'outcome' | 'reason'>> {
  const { imageId, imageName } = image;
  // EC2 says `enabled-…`, and for the time of the cooldown `disabled-…`.
  if (image.protection?.startsWith('enabled') === true)
    await clients.ec2.send(new DisableImageDeregistrationProtectionCommand({ ImageId: imageId }));
  try {
    await deleteImage(clients, { imageId, imageName, isRegistered: true, snapshotIds });
  } catch (error) {
    if (image.protection === null || !PROTECTED.test(errorName(error))) throw error;
    return { outcome: 'protected', reason: COOLDOWN };
  }
  // Last, so that a deletion that failed half-way can be done again.
  await removeRecord(imageId);
  return { outcome: 'pruned', reason: null };
}

/** After so many images it is looked again where the pointers are. */
const A_BATCH = 20;

/**
 * Deletes in one region what the plan names, one image after the other, so that the API has no reason to throttle. An
 * image that a pointer was moved to meanwhile is spared. One that fails keeps no other from going.
 *
 * @param signal stops between two images
 */
export async function applyPrune(
  { place, prunable }: PrunePlan,
  { signal, onDone }: { readonly signal: AbortSignal; readonly onDone: (pruned: Pruned) => void },
): Promise<void> {
  const where = { region: place.regionName, apiRegion: place.apiRegion };
  let named: ReadonlySet<string> = new Set();
  for (const [at, each] of prunable.entries()) {
    if (signal.aborted) return;
    const { imageId } = each.image;
    try {
      if (at % A_BATCH === 0) {
        const pointers = await readPointers(place.clients.ssm);
        named = new Set(pointers.flatMap((pointer) => [pointer.imageId, pointer.release?.previousImageId ?? '']));
      }
      const isNamed = named.has(imageId);
      const spared = { outcome: 'spared', reason: 'a pointer was moved to it meanwhile' } as const;
      onDone({ ...where, imageId, ...(isNamed ? spared : await pruneOne(place, each)) });
    } catch (error) {
      onDone({ ...where, imageId, outcome: 'failed', reason: reasonOf(error) });
    }
  }
}
