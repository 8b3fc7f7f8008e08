import { blemishOf, type CatalogImage, readCatalog, releaseOfTags } from './catalog.ts';
import type { Channel } from './channels.ts';
import { type PointerHistory, predecessorsOf, readHistory, takenBackBy } from './history.ts';
import { readPointer } from './move-pointer.ts';
import type { Intent } from './moves.ts';
import type { Place } from './place.ts';
import type { Pointer, Release } from './pointer.ts';

/** Where a pointer may go back to. */
export type WayBack = {
  /** The newest that is good; null when there is none. */
  readonly release: Release | null;
  /** The newer ones, and why none of them. */
  readonly passedOver: readonly string[];
};

/**
 * Pure: the newest image that a pointer named before and that it may name. What comes before that one is written into
 * its release, so that the next rollback goes further back and not to and fro.
 *
 * @param isBad images that are about to become bad
 */
export function wayBack(
  imageId: string,
  history: PointerHistory,
  images: readonly CatalogImage[],
  { now, isBad = () => false }: { readonly now: Date; readonly isBad?: (imageId: string) => boolean },
): WayBack {
  const byId = new Map(images.map((image) => [image.imageId, image]));
  const passedOver: string[] = [];
  const before = predecessorsOf(imageId, history);
  for (const [at, each] of before.entries()) {
    const image = byId.get(each);
    const blemish = isBad(each) ? 'it is withdrawn now' : blemishOf(image);
    if (blemish !== null || image === undefined) {
      passedOver.push(`${each}: ${blemish}`);
      continue;
    }
    const told = history.releases.findLast((release) => release.imageId === each) ?? releaseOfTags(image);
    const release = { ...told, releasedAt: now.toISOString(), previousImageId: before[at + 1] ?? null };
    return { release, passedOver };
  }
  return { release: null, passedOver };
}

/** What there is of a channel in a region. */
export type Seen = {
  readonly place: Place;
  readonly pointer: Pointer | null;
  readonly history: PointerHistory;
  readonly images: readonly CatalogImage[];
};

export async function lookAtRollback(place: Place, channel: Channel): Promise<Seen> {
  const { ssm, ec2 } = place.clients;
  const [pointer, history, images] = await Promise.all([
    readPointer(ssm, place.profileName, channel),
    readHistory(ssm, place.profileName, channel),
    readCatalog(ec2),
  ]);
  return { place, pointer, history, images };
}

/** The bake that a pointer's image, or its copy, comes from: the same in all regions. */
function runOf({ pointer, history }: Seen): string | null {
  const release = pointer?.release ?? history.releases.findLast(({ imageId }) => imageId === pointer?.imageId);
  return release?.runId ?? null;
}

/**
 * Pure: what a rollback does in each region. A rollback that failed in some of them is finished by the same command: a
 * region whose last move took back what another one still names has made this step already.
 */
export function decideRollbacks(seen: readonly Seen[], channel: Channel, now: Date): Intent[] {
  const named = new Set(seen.map((each) => `${each.place.profileName} ${runOf(each)}`));
  return seen.map((each): Intent => {
    const { place, pointer, history, images } = each;
    const what = { place, channel, from: pointer?.imageId ?? null };
    if (pointer === null) return { ...what, what: 'nothing', reason: `nothing was released to ${channel}` };
    const left = takenBackBy(pointer.imageId, history);
    if (left !== null && named.has(`${place.profileName} ${left.runId}`)) {
      const reason = `it went back from ${left.imageId} already, which other regions still have`;
      return { ...what, what: 'already', reason };
    }
    const { release, passedOver } = wayBack(pointer.imageId, history, images, { now });
    if (release !== null) return { ...what, what: 'move', release, passedOver };
    const why = passedOver.length === 0 ? 'it is the first' : passedOver.join('; ');
    return { ...what, what: 'refused', reason: `no earlier image can take its place: ${why}` };
  });
}
