import { TAG } from '../../run/tags.ts';
import { blemishOf, type CatalogImage } from '../catalog.ts';
import { CHANNELS, type Channel } from '../channels.ts';

/** `none`: what was never released. */
export type PruneChannel = Channel | 'none';

export type PruneRules = {
  /** Only what is older. */
  readonly olderThanMs: number;
  /** So many of the newest good images of each profile stay. */
  readonly keep: number;
  /** Only what came as far as this channel and no further; null for everything. */
  readonly channel: PruneChannel | null;
  /** null for all. */
  readonly profile: string | null;
  /** Milliseconds since the epoch. */
  readonly now: number;
};

/** What is known of the images of one region. */
export type PruneInput = {
  readonly images: readonly CatalogImage[];
  /** Who uses an image, for people, by its id. */
  readonly uses: ReadonlyMap<string, readonly string[]>;
  /** Images that a rollback would go back to, and of which pointer. */
  readonly returns: ReadonlyMap<string, string>;
  /** The furthest channel that ever named an image; only asked where a rule names a channel. */
  readonly channels: ReadonlyMap<string, Channel>;
};

export type Selected = { readonly image: CatalogImage; readonly reason: string };
export type Spared = { readonly image: CatalogImage; readonly reason: string };

const DAY_MS = 24 * 60 * 60_000;

/**
 * However short an age is asked for, an image without a verdict stays for so long: its bake or smoke test may be under
 * way, on another machine, too.
 */
export const LEAST_UNJUDGED_MS = DAY_MS;

/** A base of others: an image that says what layer it is, and was never smoked. */
function isLayer({ tags }: CatalogImage): boolean {
  return tags[TAG.layer] !== undefined && tags[TAG.verdict] === undefined;
}

function newestFirst(a: CatalogImage, b: CatalogImage): number {
  return b.createdAt.localeCompare(a.createdAt) || (a.imageId < b.imageId ? -1 : 1);
}

/** The images of each profile that satisfy something, newest first. */
function byProfile(
  images: readonly CatalogImage[],
  isMeant: (image: CatalogImage) => boolean,
): Map<string, CatalogImage[]> {
  const sorted = images.filter(isMeant).toSorted(newestFirst);
  return Map.groupBy(sorted, ({ profile }) => profile);
}

function channelOf({ channels }: PruneInput, { imageId }: CatalogImage): PruneChannel {
  return channels.get(imageId) ?? 'none';
}

/** What no rule can give free: the reason, or null. */
function claimOn(image: CatalogImage, { uses, returns }: PruneInput): string | null {
  const [use, ...more] = uses.get(image.imageId) ?? [];
  if (use !== undefined) return `used by ${use}${more.length === 0 ? '' : ` and ${more.length} more`}`;
  const pointer = returns.get(image.imageId);
  if (pointer !== undefined) return `a rollback of ${pointer} goes back to it`;
  if (image.isUnderRelease) return 'a release is under way with it';
  return image.state === 'pending' ? 'it is being made' : null;
}

/** What this profile's newest images are spared for, by their ids. */
function sparedByCount(input: PruneInput, keep: number): Map<string, string> {
  const reasons = new Map<string, string>();
  for (const [profile, good] of byProfile(input.images, (image) => blemishOf(image) === null && !isLayer(image))) {
    for (const { imageId } of good.slice(0, keep)) reasons.set(imageId, `among the newest ${keep} of ${profile}`);
    if (good[0]) reasons.set(good[0].imageId, `the last good one of ${profile}`);
  }
  for (const [profile, [newest]] of byProfile(input.images, isLayer))
    if (newest) reasons.set(newest.imageId, `the newest layer of ${profile}`);
  return reasons;
}

/** Who launches from another account is seen by nothing else than when that was. */
function youth(image: CatalogImage, { olderThanMs, now }: PruneRules): string | null {
  const least = image.verdict === 'not-run' ? Math.max(olderThanMs, LEAST_UNJUDGED_MS) : olderThanMs;
  // Also one whose date cannot be read.
  if (!(now - Date.parse(image.createdAt) > least)) return 'not old enough';
  const launched = image.lastLaunchedAt;
  const isLaunched = launched !== null && !(now - Date.parse(launched) > olderThanMs);
  return isLaunched ? `an instance was launched from it on ${launched.slice(0, 10)}` : null;
}

/** Why an image stays, by itself; null when it may go. */
function reasonToStay(
  image: CatalogImage,
  input: PruneInput,
  rules: PruneRules,
  counted: ReadonlyMap<string, string>,
): string | null {
  const claim = claimOn(image, input) ?? counted.get(image.imageId);
  if (claim !== undefined) return claim;
  const young = youth(image, rules);
  if (young !== null) return young;
  if (rules.channel !== null && channelOf(input, image) !== rules.channel)
    return `its channel is ${channelOf(input, image)}`;
  return null;
}

/** The digests of layers, and the ids of images, that an image was made from. */
function basesOf({ tags, madeFrom }: CatalogImage): string[] {
  const named = Object.entries(tags).filter(([key]) => key.startsWith(TAG.layer));
  return [tags[TAG.sourceImage] ?? '', madeFrom ?? '', ...named.map(([, value]) => value)];
}

/** Layers that something that stays was made from, and the layers below those. */
function neededLayers(images: readonly CatalogImage[], stays: (image: CatalogImage) => boolean): Map<string, string> {
  const needed = new Map<string, string>();
  const layers = images.filter(isLayer);
  const queue = images.filter(stays);
  for (const image of queue) {
    const bases = new Set(basesOf(image));
    for (const layer of layers) {
      const isBase = bases.has(layer.imageId) || bases.has(layer.tags[TAG.layer] ?? '');
      if (!isBase || layer === image || needed.has(layer.imageId)) continue;
      needed.set(layer.imageId, `a layer of ${image.imageId}`);
      queue.push(layer);
    }
  }
  return needed;
}

/** What goes first, and why it goes. */
function rankOf(image: CatalogImage): readonly [rank: number, reason: string] {
  if (isLayer(image)) return [4, 'a layer that nothing needs'];
  if (image.verdict === 'not-run') return [0, 'no smoke test judged it'];
  if (image.verdict === 'failed') return [1, 'it failed its smoke test'];
  return image.withdrawn === null ? [3, 'old enough, and not among the newest'] : [2, 'it was withdrawn'];
}

/**
 * Pure: which images of a region go, in the order in which they go, and why each of the others stays. Never what is
 * used, what a rollback goes back to, what is being made or released, the newest good one of a profile, and no layer
 * that something needs that stays.
 */
export function selectForPrune(
  input: PruneInput,
  rules: PruneRules,
): { readonly selected: Selected[]; readonly spared: Spared[] } {
  const counted = sparedByCount(input, rules.keep);
  const reasons = new Map<string, string>();
  for (const image of input.images) {
    const reason = reasonToStay(image, input, rules, counted);
    if (reason !== null) reasons.set(image.imageId, reason);
  }
  const isMeant = ({ profile }: CatalogImage): boolean => rules.profile === null || profile === rules.profile;
  const stays = (image: CatalogImage): boolean => !isMeant(image) || reasons.has(image.imageId);
  for (const [imageId, reason] of neededLayers(input.images, stays))
    if (!reasons.has(imageId)) reasons.set(imageId, reason);
  const meant = input.images.filter(isMeant);
  const ranked = meant
    .filter(({ imageId }) => !reasons.has(imageId))
    .map((image) => ({ image, rank: rankOf(image) }))
    .sort((a, b) => a.rank[0] - b.rank[0] || newestFirst(b.image, a.image));
  return {
    selected: ranked.map(({ image, rank: [, reason] }) => ({ image, reason })),
    spared: meant.flatMap((image) => {
      const reason = reasons.get(image.imageId);
      return reason === undefined ? [] : [{ image, reason }];
    }),
  };
}

/** Pure: the further of two channels, for `channels`. */
export function furthest(a: Channel | undefined, b: Channel): Channel {
  return a !== undefined && CHANNELS.indexOf(a) > CHANNELS.indexOf(b) ? a : b;
}
