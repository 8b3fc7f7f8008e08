import type { CatalogImage } from './catalog.ts';
import { readCatalog } from './catalog.ts';
import { type PointerHistory, readHistory } from './history.ts';
import type { Place } from './place.ts';
import { type Pointer, readPointers } from './pointer.ts';
import { type WayBack, wayBack } from './rollback.ts';

/** A region as a withdrawal sees it. */
export type Sight = {
  readonly place: Place;
  readonly images: readonly CatalogImage[];
  readonly pointers: readonly Pointer[];
};

export async function lookAround(place: Place): Promise<Sight> {
  const { ec2, ssm } = place.clients;
  const [images, pointers] = await Promise.all([readCatalog(ec2), readPointers(ssm)]);
  return { place, images, pointers };
}

/**
 * Pure: the ids of all images with the content of this one, in all regions: the image that was baked and its copies,
 * whichever of them is named. A bad image is bad everywhere (docs/decisions/0183).
 */
export function familyOf(
  imageId: string,
  sights: readonly { readonly place: Pick<Place, 'apiRegion'>; readonly images: readonly CatalogImage[] }[],
): Set<string> {
  const all = sights.flatMap(({ images }) => images);
  const origin = all.find((image) => image.imageId === imageId)?.copiedFrom?.imageId ?? imageId;
  const members = all.filter((image) => image.imageId === origin || image.copiedFrom?.imageId === origin);
  return new Set([imageId, origin, ...members.map((image) => image.imageId)]);
}

/** A pointer that names what is withdrawn, and where it goes instead. */
export type Retreat = { readonly pointer: Pointer } & WayBack;

/** What a withdrawal does in one region. */
export type Withdrawal = {
  readonly place: Place;
  readonly images: readonly CatalogImage[];
  readonly retreats: readonly Retreat[];
};

/** Pure: what is to be done in a region. */
export function decideWithdrawal(
  { place, images, pointers }: Sight,
  family: ReadonlySet<string>,
  histories: ReadonlyMap<Pointer, PointerHistory>,
  now: Date,
): Withdrawal {
  return {
    place,
    images: images.filter(({ imageId }) => family.has(imageId)),
    retreats: pointers
      .filter(({ imageId }) => family.has(imageId))
      .map((pointer) => {
        const history = histories.get(pointer) ?? { imageIds: [], releases: [] };
        return { pointer, ...wayBack(pointer.imageId, history, images, { now, isBad: (id) => family.has(id) }) };
      }),
  };
}

/** What is to be done in a region, with the histories of those pointers that are concerned. */
export async function planWithdrawal(sight: Sight, family: ReadonlySet<string>): Promise<Withdrawal> {
  const concerned = sight.pointers.filter(({ imageId }) => family.has(imageId));
  const histories = await Promise.all(
    concerned.map(
      async (pointer) =>
        [pointer, await readHistory(sight.place.clients.ssm, pointer.profile, pointer.channel)] as const,
    ),
  );
  return decideWithdrawal(sight, family, new Map(histories), new Date());
}
