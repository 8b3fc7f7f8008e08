import type { ImageRecord } from '../../image/image-record.ts';
import { type CatalogImage, readCatalog } from '../catalog.ts';
import type { Channel } from '../channels.ts';
import { type PointerHistory, readHistory } from '../history.ts';
import type { Place } from '../place.ts';
import type { Pointer } from '../pointer.ts';
import { readUsage } from '../read-usage.ts';
import { type UsageFacts, usesOf, useText } from '../usage.ts';
import { furthest, type PruneInput, type PruneRules, type Spared, selectForPrune } from './select.ts';
import { readSizes, type Size, type SnapshotSize, sizeOf } from './sizes.ts';

export type Prunable = {
  readonly image: CatalogImage;
  readonly reason: string;
  /** Those that no image uses that stays. */
  readonly snapshotIds: readonly string[];
  readonly size: Size;
};

/** What a prune would do in one region. */
export type PrunePlan = {
  readonly place: Place;
  readonly prunable: readonly Prunable[];
  readonly spared: readonly Spared[];
};

function returnsOf(pointers: readonly Pointer[]): Map<string, string> {
  return new Map(
    pointers.flatMap(({ profile, channel, release }) => {
      const previous = release?.previousImageId ?? null;
      return previous === null ? [] : [[previous, `${profile}/${channel}`] as const];
    }),
  );
}

function channelsOf(
  pointers: readonly Pointer[],
  histories: ReadonlyMap<Pointer, PointerHistory>,
): Map<string, Channel> {
  const channels = new Map<string, Channel>();
  for (const pointer of pointers)
    for (const imageId of [pointer.imageId, ...(histories.get(pointer)?.imageIds ?? [])])
      channels.set(imageId, furthest(channels.get(imageId), pointer.channel));
  return channels;
}

/**
 * What was written down here counts, too: a verdict that did not get as far as the image's tag, and the layer that an
 * image was made from.
 */
function withRecords(images: readonly CatalogImage[], records: readonly ImageRecord[]): CatalogImage[] {
  const byId = new Map(records.map((record) => [record.imageId, record]));
  return images.map((image) => {
    const record = byId.get(image.imageId);
    if (record === undefined) return image;
    const verdict = image.verdict === 'not-run' ? (record.smoke?.verdict ?? 'not-run') : image.verdict;
    return { ...image, verdict, madeFrom: record.layers?.slow.imageId ?? image.madeFrom };
  });
}

/** Pure: all that the selection asks, joined. */
export function pruneInputOf(
  images: readonly CatalogImage[],
  facts: UsageFacts,
  histories: ReadonlyMap<Pointer, PointerHistory>,
): PruneInput {
  return {
    images,
    uses: new Map([...usesOf(facts)].map(([imageId, uses]) => [imageId, uses.map(useText)])),
    returns: returnsOf(facts.pointers),
    channels: channelsOf(facts.pointers, histories),
  };
}

/** Pure: what goes, with its snapshots and their sizes. */
function prunableOf(
  { selected, spared }: ReturnType<typeof selectForPrune>,
  sizes: readonly SnapshotSize[],
): Prunable[] {
  const held = new Set(spared.flatMap(({ image }) => image.snapshotIds));
  const byId = new Map(sizes.map((size) => [size.snapshotId, size]));
  return selected.map(({ image, reason }) => {
    const snapshotIds = image.snapshotIds.filter((id) => !held.has(id));
    return { image, reason, snapshotIds, size: sizeOf(snapshotIds.flatMap((id) => byId.get(id) ?? [])) };
  });
}

/**
 * Looks at a region and selects. A dozen calls, and one for each thousand images, instances and two hundred snapshots:
 * none for a single image.
 *
 * @param records of images of the same region and endpoint
 */
export async function planPrune(
  place: Place,
  rules: PruneRules,
  records: readonly ImageRecord[] = [],
): Promise<PrunePlan> {
  const { ec2, ssm } = place.clients;
  const [images, facts] = await Promise.all([readCatalog(ec2), readUsage(place.clients)]);
  const asked = rules.channel === null ? [] : facts.pointers;
  const histories = await Promise.all(
    asked.map(async (pointer) => [pointer, await readHistory(ssm, pointer.profile, pointer.channel)] as const),
  );
  const input = pruneInputOf(withRecords(images, records), facts, new Map(histories));
  const choice = selectForPrune(input, rules);
  const sizes = await readSizes(
    ec2,
    choice.selected.flatMap(({ image }) => image.snapshotIds),
  );
  return { place, prunable: prunableOf(choice, sizes), spared: choice.spared };
}
